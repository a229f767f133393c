#pragma once
// Who computes an evaluation: the processor, or a GPU (eval/device_evaluation.hpp). It holds the hidden states of a
// chunk of windows while the layers pass by.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "archs/model.hpp"
#include "base/matrix.hpp"
#include "ops/matmul/precision.hpp"

namespace squeeze {

// Over the predicted tokens of all chunks. What compares is against the reference.
struct EvaluationSums {
  double nll = 0;  // nats
  double kl = 0;   // nats
  std::int64_t same_top = 0;
};

class EvaluationEngine {
 public:
  // Told of so many tokens more that are done; an error that it gives ends the call with that error.
  using Done = std::function<Result<void>(std::int64_t tokens)>;

  virtual ~EvaluationEngine() = default;

  // Of hidden states that it can well hold: the more, the fewer times a layer is read.
  virtual std::int64_t chunk_bytes() const = 0;
  // Begins a chunk, with a pass for each entry of `models`: a set of weights on its way through all layers, with the
  // embedding and the head of that place in the engine's list. `windows` int32 [windows, length] lives until score().
  virtual Result<void> begin(MatrixView<const std::int32_t> windows, std::span<const std::size_t> models) = 0;
  // Begins all passes but the first anew, one for each entry; the first stays as its last layer left it.
  virtual Result<void> begin_others(std::span<const std::size_t> models) = 0;
  // The next layer of one pass.
  virtual Result<void> forward(std::size_t pass, const LayerWeights& weights, const Done& done) = 0;
  // After the last layer: adds to the sums of each pass. With `compared`, the first is the reference of all others.
  // `done` counts a token once, not for each pass.
  virtual Result<void> score(std::span<EvaluationSums> sums, bool compared, const Done& done) = 0;
};

// For windows of `length` tokens. The models must outlive the engine; their vocabularies are the same.
using EvaluationEngineFactory = std::function<Result<std::unique_ptr<EvaluationEngine>>(
    std::span<const Model* const> models, std::int64_t length, Precision precision)>;

// kDeviceUnavailable where the processor lacks the precision.
Result<std::unique_ptr<EvaluationEngine>> make_processor_evaluation(std::span<const Model* const> models,
                                                                    std::int64_t length, Precision precision);

}  // namespace squeeze
