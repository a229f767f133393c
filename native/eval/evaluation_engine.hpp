#pragma once
// Who computes an evaluation: the processor, or a GPU (eval/device_evaluation.hpp). Hidden states are fp32
// [windows · length, hidden] of the host, windows one after the other.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "archs/model.hpp"
#include "base/matrix.hpp"
#include "ops/matmul/precision.hpp"

namespace squeeze {

// One set of weights on its way through a chunk of windows, and what has been summed up of it over all chunks.
struct EvaluationPass {
  std::size_t model = 0;  // whose embedding and head it takes: a place in the engine's list
  Matrix<float> states = {};
  double nll = 0;  // nats
  // Of candidates, against the reference.
  double kl = 0;
  std::int64_t same_top = 0;
};

class EvaluationEngine {
 public:
  // Told of so many tokens more that are done; an error that it gives ends the call with that error.
  using Done = std::function<Result<void>(std::int64_t tokens)>;

  virtual ~EvaluationEngine() = default;

  // Of hidden states, while all layers pass by once: the more, the fewer times a layer is read.
  virtual std::int64_t chunk_bytes() const = 0;
  virtual Result<void> embed(std::size_t model, MatrixView<const std::int32_t> windows, MatrixView<float> states) = 0;
  // One layer of a model of that shape, in place.
  virtual Result<void> forward(std::size_t model, const LayerWeights& weights, MatrixView<float> states,
                               const Done& done) = 0;
  // Given the last layer's output, adds to the sums of each pass. `reference` may be null.
  virtual Result<void> score(MatrixView<const std::int32_t> windows, EvaluationPass* reference,
                             std::span<EvaluationPass> candidates, const Done& done) = 0;
};

// For windows of `length` tokens. The models must outlive the engine; their vocabularies are the same.
using EvaluationEngineFactory = std::function<Result<std::unique_ptr<EvaluationEngine>>(
    std::span<const Model* const> models, std::int64_t length, Precision precision)>;

// kDeviceUnavailable where the processor lacks the precision.
Result<std::unique_ptr<EvaluationEngine>> make_processor_evaluation(std::span<const Model* const> models,
                                                                    std::int64_t length, Precision precision);

}  // namespace squeeze
