#include "calib/squared_gradients.hpp"

#include <algorithm>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "ops/matmul/matmul.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

SQUEEZE_HOT static void add_squares(float* sum, const float* x, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] += x[i] * x[i];
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

SquaredGradients::SquaredGradients(Estimator estimator, std::span<const MatrixSlot> slots) : estimator_(estimator) {
  for (const MatrixSlot& slot : slots) sums_.emplace_back(slot.rows, slot.cols);
}

void SquaredGradients::add(std::int64_t index, MatrixView<const float> x, MatrixView<const float> dy) {
  const MatrixView<float> sum = sums_[index].view();
  if (estimator_ == Estimator::kToken) {
    const auto x_squares = squares_of(x, x_squares_), dy_squares = squares_of(dy, dy_squares_);
    return matmul_tn(dy_squares, x_squares, sum, 1);
  }
  const MatrixView<float> gradient = gradient_.matrix(sum.rows, sum.cols);
  matmul_tn(dy, x, gradient);
  parallel_for(sum.rows, row_chunk(sum.cols), [&](std::int64_t first, std::int64_t last) {
    add_squares(sum.data + first * sum.cols, gradient.data + first * sum.cols, (last - first) * sum.cols);
  });
}

void SquaredGradients::finish(std::int64_t samples) {
  for (Matrix<float>& m : sums_)
    parallel_for(m.rows, row_chunk(m.cols), [&](std::int64_t first, std::int64_t last) {
      scale(m.values.data() + first * m.cols, 1.0f / static_cast<float>(samples), (last - first) * m.cols);
    });
}

}  // namespace squeeze
