#include "calib/processor_passes.hpp"

#include <algorithm>

namespace squeeze {

void ProcessorPasses::embed(MatrixView<const std::int32_t> tokens, MatrixView<float> x) const {
  decoder_.embed(tokens.flat(), length_, 0, x);
}

Result<void> ProcessorPasses::forward(const LayerWeights& weights, MatrixView<const float> x, MatrixView<float> y,
                                      const SamplesDone& done) {
  const std::int64_t samples = x.rows / length_, batch = std::max<std::int64_t>(1, kForwardRows / length_);
  for (std::int64_t first = 0; first < samples; first += batch) {
    const std::int64_t count = std::min(batch, samples - first);
    const auto to = y.rows_from(first * length_, count * length_);
    if (y.data != x.data) std::ranges::copy(x.rows_from(first * length_, count * length_).flat(), to.data);
    decoder_.forward(weights, count, to, space_);
    SQUEEZE_TRY(done(count));
  }
  return {};
}

Result<void> ProcessorPasses::head(MatrixView<const std::int32_t> tokens, MatrixView<const float> x,
                                   MatrixView<float> gradient, std::span<double> losses, const LogitLoss& loss,
                                   const SamplesDone& done) {
  for (std::int64_t sample = 0; sample < tokens.rows; ++sample) {
    const std::int64_t first = sample * length_;
    losses[sample] =
        head_of(tokens.row(sample), first, x.rows_from(first, length_), gradient.rows_from(first, length_), loss);
    SQUEEZE_TRY(done(1));
  }
  return {};
}

Result<void> ProcessorPasses::backward(const LayerWeights& weights, MatrixView<const float> x,
                                       MatrixView<float> gradient, const LinearVisitor& visit,
                                       const SamplesDone& done) {
  for (std::int64_t first = 0; first < x.rows; first += length_) {
    decoder_.backward(weights, x.rows_from(first, length_), gradient.rows_from(first, length_), space_, visit);
    SQUEEZE_TRY(done(1));
  }
  return {};
}

double ProcessorPasses::head_of(std::span<const std::int32_t> tokens, std::int64_t first_row, MatrixView<const float> x,
                                MatrixView<float> gradient, const LogitLoss& loss) {
  const std::int64_t predicted = length_ - 1;
  const std::int64_t block = std::max<std::int64_t>(1, kLogitFloats / decoder_.vocabulary());
  double total = 0;
  for (std::int64_t first = 0; first < predicted; first += block) {
    const std::int64_t count = std::min(block, predicted - first);
    const MatrixView<float> rows = logits_.matrix(count, decoder_.vocabulary());
    token_losses_.resize(static_cast<std::size_t>(count));
    decoder_.logits(x.rows_from(first, count), rows, space_);
    loss(first_row + first, rows, tokens.subspan(first + 1, count), token_losses_);
    decoder_.logits_backward(x.rows_from(first, count), rows, gradient.rows_from(first, count));
    for (const double value : token_losses_) total += value;
  }
  std::ranges::fill(gradient.row(predicted), 0.0f);  // nothing is predicted from the last token
  return total;
}

}  // namespace squeeze
