#include "ops/relu/relu.hpp"

#include <cassert>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

SQUEEZE_HOT static void relu_values(const float* x, std::int64_t count, float* y) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] < 0 ? 0 : x[i];
}

SQUEEZE_HOT static void relu_backward_values(const float* x, const float* dy, std::int64_t count, float* dx) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) dx[i] = x[i] > 0 ? dy[i] : 0;
}

void relu(MatrixView<const float> x, MatrixView<float> y) {
  assert(x.rows == y.rows && x.cols == y.cols);
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    relu_values(x.data + first * x.cols, (last - first) * x.cols, y.data + first * x.cols);
  });
}

void relu_backward(MatrixView<const float> x, MatrixView<const float> dy, MatrixView<float> dx) {
  assert(x.rows == dy.rows && x.cols == dy.cols && x.rows == dx.rows && x.cols == dx.cols);
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    relu_backward_values(x.data + first * x.cols, dy.data + first * x.cols, (last - first) * x.cols,
                         dx.data + first * x.cols);
  });
}

}  // namespace squeeze
