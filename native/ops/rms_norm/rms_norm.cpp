#include "ops/rms_norm/rms_norm.hpp"

#include <cassert>
#include <cmath>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

SQUEEZE_HOT static void rms_norm_rows(const float* x, const float* weight, float eps, std::int64_t rows,
                                      std::int64_t cols, float* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += cols, y += cols) {
    float squares = 0;
#pragma omp simd reduction(+ : squares)
    for (std::int64_t i = 0; i < cols; ++i) squares += x[i] * x[i];
    const float r = 1.0f / std::sqrt(squares / static_cast<float>(cols) + eps);
    for (std::int64_t i = 0; i < cols; ++i) y[i] = x[i] * r * weight[i];
  }
}

SQUEEZE_HOT static void rms_norm_backward_rows(const float* x, const float* weight, float eps, const float* dy,
                                               std::int64_t rows, std::int64_t cols, float* dx) {
  for (std::int64_t row = 0; row < rows; ++row, x += cols, dy += cols, dx += cols) {
    float squares = 0, along = 0;
#pragma omp simd reduction(+ : squares, along)
    for (std::int64_t i = 0; i < cols; ++i) {
      squares += x[i] * x[i];
      along += weight[i] * dy[i] * x[i];
    }
    const float count = static_cast<float>(cols);
    const float r = 1.0f / std::sqrt(squares / count + eps);
    const float scale = r * r * along / count;
    for (std::int64_t i = 0; i < cols; ++i) dx[i] = r * (weight[i] * dy[i] - x[i] * scale);
  }
}

void rms_norm(MatrixView<const float> x, std::span<const float> weight, float eps, MatrixView<float> y) {
  assert(x.rows == y.rows && x.cols == y.cols && static_cast<std::int64_t>(weight.size()) == x.cols);
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    rms_norm_rows(x.data + first * x.cols, weight.data(), eps, last - first, x.cols, y.data + first * x.cols);
  });
}

void rms_norm_backward(MatrixView<const float> x, std::span<const float> weight, float eps, MatrixView<const float> dy,
                       MatrixView<float> dx) {
  assert(x.rows == dy.rows && x.cols == dy.cols && x.rows == dx.rows && x.cols == dx.cols);
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    const std::int64_t offset = first * x.cols;
    rms_norm_backward_rows(x.data + offset, weight.data(), eps, dy.data + offset, last - first, x.cols,
                           dx.data + offset);
  });
}

}  // namespace squeeze
