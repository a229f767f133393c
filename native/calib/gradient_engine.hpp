#pragma once
// Who computes a calibration or a refinement: the processor (calib/processor_engine.hpp), or a GPU
// (calib/device_engine.hpp). Activations x, y and gradients are fp32 [samples · length, hidden] of the host, sequences
// one after the other; what streams through and what is kept is the caller's affair.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "archs/model.hpp"
#include "base/matrix.hpp"
#include "ops/matmul/precision.hpp"

namespace squeeze {

enum class Estimator { kSample, kToken };

struct GradientEngineOptions {
  std::int64_t length = 0;  // of the sequences, in tokens
  Precision precision = Precision::kFloat32;
  // What backward() gathers of each linear: F (calib/calibrate.hpp), fp32 [N, K]; none: of those with a codebook a row,
  // the gradient of its entries, fp32 [N, 2^b] (calib/member_sums.hpp), over all samples, and of others nothing.
  std::optional<Estimator> estimator = {};
  // Gives the model's layers in the place of Model::layer(). Another thread calls it ahead of time, so what it gives
  // may change only after a load() without a `next`, and is seen from the next embed() on.
  std::function<Result<LayerWeights>(std::int64_t layer)> layers = {};
  // Whom distill() learns from: a model of the same shape, which must outlive the engine.
  const Model* teacher = nullptr;
};

class GradientEngine {
 public:
  // Told of so many samples more that are done; an error that it gives ends the call with that error.
  using Done = std::function<Result<void>(std::int64_t samples)>;

  virtual ~GradientEngine() = default;

  // tokens int32 [samples, length]. Every pass over the model begins here: layers that were loaded before it are read
  // again.
  virtual Result<void> embed(MatrixView<const std::int32_t> tokens, MatrixView<float> x) = 0;
  // The layer that forward() and backward() are about from here on. `next` is the one that will be asked for after it,
  // or -1: it may be read meanwhile. The weights live until the next call.
  virtual Result<const LayerWeights*> load(std::int64_t layer, std::int64_t next) = 0;
  // y may be x.
  virtual Result<void> forward(MatrixView<const float> x, MatrixView<float> y, const Done& done) = 0;
  // Given the last layer's output: losses[samples], each the sum over a sample's predicted tokens, in nats, and the
  // gradient of a sample's loss with respect to x. A sample's loss is there before `done` counts it.
  virtual Result<void> head(MatrixView<const std::int32_t> tokens, MatrixView<const float> x,
                            MatrixView<float> gradient, std::span<double> losses, const Done& done) = 0;
  // The same with the loss KL(teacher ‖ model) of the next token, given the last layer's output of the teacher, too.
  virtual Result<void> distill(MatrixView<const float> taught, MatrixView<const float> x, MatrixView<float> gradient,
                               std::span<double> losses, const Done& done) = 0;
  // Given the layer's input: replaces the gradient with respect to its output by that with respect to x, and gives what
  // is gathered of each linear, in the order of Model::matrices(). It lives until the next call of load().
  virtual Result<std::vector<MatrixView<const float>>> backward(MatrixView<const float> x, MatrixView<float> gradient,
                                                                const Done& done) = 0;
};

// `model` must outlive the engine.
using GradientEngineFactory =
    std::function<Result<std::unique_ptr<GradientEngine>>(const Model& model, const GradientEngineOptions& options)>;

}  // namespace squeeze
