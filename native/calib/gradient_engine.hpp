#pragma once
// Who computes a calibration: the processor, or a GPU (calib/device_engine.hpp). Activations x, y and gradients are
// fp32 [samples · length, hidden] of the host, sequences one after the other; what streams through and what is kept is
// calibrate()'s affair.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "archs/model.hpp"
#include "base/matrix.hpp"
#include "ops/matmul/precision.hpp"

namespace squeeze {

enum class Estimator { kSample, kToken };

class GradientEngine {
 public:
  // Told of so many samples more that are done; an error that it gives ends the call with that error.
  using Done = std::function<Result<void>(std::int64_t samples)>;

  virtual ~GradientEngine() = default;

  // tokens int32 [samples, length]
  virtual Result<void> embed(MatrixView<const std::int32_t> tokens, MatrixView<float> x) = 0;
  // The layer that forward() and backward() are about from here on. `next` is the one that will be asked for after it,
  // or -1: it may be read meanwhile. The weights live until the next call.
  virtual Result<const LayerWeights*> load(std::int64_t layer, std::int64_t next) = 0;
  virtual Result<void> forward(MatrixView<const float> x, MatrixView<float> y, const Done& done) = 0;
  // Given the last layer's output: losses[samples], each the sum over a sample's predicted tokens, in nats, and the
  // gradient of a sample's loss with respect to x. A sample's loss is there before `done` counts it.
  virtual Result<void> head(MatrixView<const std::int32_t> tokens, MatrixView<const float> x,
                            MatrixView<float> gradient, std::span<double> losses, const Done& done) = 0;
  // Given the layer's input: replaces the gradient with respect to its output by that with respect to x, and gives F of
  // each linear in the order of Model::matrices(). F lives until the next call of load().
  virtual Result<std::vector<MatrixView<const float>>> backward(MatrixView<const float> x, MatrixView<float> gradient,
                                                                const Done& done) = 0;
};

// For sequences of `length` tokens. `model` must outlive the engine.
using GradientEngineFactory = std::function<Result<std::unique_ptr<GradientEngine>>(
    const Model& model, std::int64_t length, Precision precision, Estimator estimator)>;

// kDeviceUnavailable where the processor lacks the precision.
Result<std::unique_ptr<GradientEngine>> make_processor_engine(const Model& model, std::int64_t length,
                                                              Precision precision, Estimator estimator);

}  // namespace squeeze
