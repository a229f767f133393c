#include "calib/gathered_gradients.hpp"

#include <algorithm>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "calib/gradient_rows.hpp"
#include "ops/matmul/rounded.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

SQUEEZE_HOT static void add_squares(float* sum, const float* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] += x[i] * x[i];
}

SQUEEZE_HOT static void add_values(float* sum, const float* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] += x[i];
}

SQUEEZE_HOT static void square(float* y, const float* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] * x[i];
}

SQUEEZE_HOT static void scale(float* x, float factor, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) x[i] *= factor;
}

namespace {

MatrixView<const float> squares_of(MatrixView<const float> x, Scratch& scratch) {
  const MatrixView<float> y = scratch.matrix(x.rows, x.cols);
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    square(y.data + first * x.cols, x.data + first * x.cols, (last - first) * x.cols);
  });
  return y;
}

}  // namespace

GatheredGradients::GatheredGradients(std::optional<Estimator> estimator, Precision precision,
                                     std::span<const MatrixSlot> slots)
    : estimator_(estimator), precision_(precision) {
  for (const MatrixSlot& slot : slots) sums_.emplace_back(slot.rows, slot.cols);
}

// sum += (dyᵀ x)², or sum += dyᵀ x: a thread adds up its rows while they are in its cache.
template <typename T>
static void add_products(bool squared, MatrixView<const T> x, MatrixView<const T> dy, MatrixView<float> sum) {
  const auto accumulate = squared ? add_squares : add_values;
  for_gradient_rows(x, dy, [&](std::int64_t first, MatrixView<const float> product) {
    accumulate(sum.data + first * sum.cols, product.data, product.size());
  });
}

void GatheredGradients::add(std::int64_t index, MatrixView<const float> x, MatrixView<const float> dy) {
  const MatrixView<float> sum = sums_[index].view();
  if (estimator_ == Estimator::kToken) {
    x = squares_of(x, x_squares_);
    dy = squares_of(dy, dy_squares_);
  }
  const bool squared = estimator_ == Estimator::kSample;
  if (precision_ == Precision::kFloat32) return add_products<float>(squared, x, dy, sum);
  add_products<BFloat16>(squared, rounded(x, rounded_x_), rounded(dy, rounded_dy_), sum);
}

void GatheredGradients::finish(std::int64_t samples) {
  if (!estimator_) return;
  for (Matrix<float>& m : sums_)
    parallel_for(m.rows, row_chunk(m.cols), [&](std::int64_t first, std::int64_t last) {
      scale(m.values.data() + first * m.cols, 1.0f / static_cast<float>(samples), (last - first) * m.cols);
    });
}

}  // namespace squeeze
