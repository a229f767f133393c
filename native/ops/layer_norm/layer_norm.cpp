#include "ops/layer_norm/layer_norm.hpp"

#include <cassert>
#include <cmath>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

struct Moments {
  float mean, r;
};

// Inlined into the hot functions below, so that it is compiled for each level with them.
[[gnu::always_inline]] static inline Moments moments_of(const float* x, std::int64_t cols, float eps) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < cols; ++i) sum += x[i];
  const float mean = sum / static_cast<float>(cols);
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < cols; ++i) squares += (x[i] - mean) * (x[i] - mean);
  return {mean, 1.0f / std::sqrt(squares / static_cast<float>(cols) + eps)};
}

SQUEEZE_HOT static void layer_norm_rows(const float* x, const float* weight, const float* bias, float eps,
                                        std::int64_t rows, std::int64_t cols, float* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += cols, y += cols) {
    const Moments m = moments_of(x, cols, eps);
    for (std::int64_t i = 0; i < cols; ++i) y[i] = (x[i] - m.mean) * m.r * weight[i] + bias[i];
  }
}

SQUEEZE_HOT static void layer_norm_backward_rows(const float* x, const float* weight, float eps, const float* dy,
                                                 std::int64_t rows, std::int64_t cols, float* dx) {
  for (std::int64_t row = 0; row < rows; ++row, x += cols, dy += cols, dx += cols) {
    const Moments m = moments_of(x, cols, eps);
    float sum = 0, along = 0;
#pragma omp simd reduction(+ : sum, along)
    for (std::int64_t i = 0; i < cols; ++i) {
      const float g = weight[i] * dy[i];
      sum += g;
      along += g * (x[i] - m.mean) * m.r;
    }
    sum /= static_cast<float>(cols);
    along /= static_cast<float>(cols);
    for (std::int64_t i = 0; i < cols; ++i) dx[i] = m.r * (weight[i] * dy[i] - sum - (x[i] - m.mean) * m.r * along);
  }
}

void layer_norm(MatrixView<const float> x, std::span<const float> weight, std::span<const float> bias, float eps,
                MatrixView<float> y) {
  assert(x.rows == y.rows && x.cols == y.cols && static_cast<std::int64_t>(weight.size()) == x.cols &&
         bias.size() == weight.size());
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    layer_norm_rows(x.data + first * x.cols, weight.data(), bias.data(), eps, last - first, x.cols,
                    y.data + first * x.cols);
  });
}

void layer_norm_backward(MatrixView<const float> x, std::span<const float> weight, float eps,
                         MatrixView<const float> dy, MatrixView<float> dx) {
  assert(x.rows == dy.rows && x.cols == dy.cols && x.rows == dx.rows && x.cols == dx.cols);
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    const std::int64_t offset = first * x.cols;
    layer_norm_backward_rows(x.data + offset, weight.data(), eps, dy.data + offset, last - first, x.cols,
                             dx.data + offset);
  });
}

}  // namespace squeeze
