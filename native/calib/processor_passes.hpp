#pragma once
// The passes of a model over sequences of one length, on the processor: what calibration and refinement share. Layers
// are handed in one at a time; activations and gradients are fp32 [samples · length, hidden] of the caller.

#include <cstdint>
#include <functional>
#include <span>

#include "archs/decoder.hpp"
#include "base/matrix.hpp"
#include "ops/scratch.hpp"

namespace squeeze {

// What the processor takes at a time: tokens in one pass of a layer on the way forward (at least one sequence), and
// logits, which then are 64 MB.
inline constexpr std::int64_t kForwardRows = 1024;
inline constexpr std::int64_t kLogitFloats = 1 << 24;

// Told of so many samples more that are done; an error that it gives ends the call with that error.
using SamplesDone = std::function<Result<void>(std::int64_t samples)>;

// losses[m] in nats of logits[M, V], and replaces the logits by the gradient of their sum. Row m is that of position
// `first` + m of x in ProcessorPasses::head, whose next token is targets[m].
using LogitLoss = std::function<void(std::int64_t first, MatrixView<float> logits,
                                     std::span<const std::int32_t> targets, std::span<double> losses)>;

class ProcessorPasses {
 public:
  ProcessorPasses(Decoder decoder, std::int64_t length) : decoder_(std::move(decoder)), length_(length) {}

  const Decoder& decoder() const { return decoder_; }

  // tokens int32 [samples, length]
  void embed(MatrixView<const std::int32_t> tokens, MatrixView<float> x) const;
  // y may be x.
  Result<void> forward(const LayerWeights& weights, MatrixView<const float> x, MatrixView<float> y,
                       const SamplesDone& done);
  // Given the last layer's output x: losses[samples], each the sum over a sample's predicted tokens, and, in memory of
  // its own, the gradient of a sample's loss with respect to x. A sample's loss is there before `done` counts it.
  Result<void> head(MatrixView<const std::int32_t> tokens, MatrixView<const float> x, MatrixView<float> gradient,
                    std::span<double> losses, const LogitLoss& loss, const SamplesDone& done);
  // Given a layer's input x: replaces the gradient with respect to its output by that with respect to x. Linears are
  // visited once for each sample.
  Result<void> backward(const LayerWeights& weights, MatrixView<const float> x, MatrixView<float> gradient,
                        const LinearVisitor& visit, const SamplesDone& done);

 private:
  double head_of(std::span<const std::int32_t> tokens, std::int64_t first_row, MatrixView<const float> x,
                 MatrixView<float> gradient, const LogitLoss& loss);

  Decoder decoder_;
  std::int64_t length_;
  DecoderWorkspace space_;
  Scratch logits_;
  std::vector<double> token_losses_;
};

}  // namespace squeeze
