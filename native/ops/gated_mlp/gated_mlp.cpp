#include "ops/gated_mlp/gated_mlp.hpp"

#include <cassert>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "ops/exp/exp.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

SQUEEZE_HOT static void gated_silu_values(const float* gate, const float* up, std::int64_t count, float* y) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) y[i] = gate[i] / (1.0f + exp_approx(-gate[i])) * up[i];
}

SQUEEZE_HOT static void gated_silu_backward_values(const float* gate, const float* up, const float* dy,
                                                   std::int64_t count, float* d_gate, float* d_up) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float g = gate[i], u = up[i], s = 1.0f / (1.0f + exp_approx(-g));
    d_gate[i] = dy[i] * u * s * (1.0f + g * (1.0f - s));
    d_up[i] = dy[i] * g * s;
  }
}

void gated_silu(MatrixView<const float> gate, MatrixView<const float> up, MatrixView<float> y) {
  assert(gate.rows == y.rows && gate.cols == y.cols && up.rows == y.rows && up.cols == y.cols);
  parallel_for(y.rows, row_chunk(y.cols), [&](std::int64_t first, std::int64_t last) {
    const std::int64_t offset = first * y.cols;
    gated_silu_values(gate.data + offset, up.data + offset, (last - first) * y.cols, y.data + offset);
  });
}

void gated_silu_backward(MatrixView<const float> gate, MatrixView<const float> up, MatrixView<const float> dy,
                         MatrixView<float> d_gate, MatrixView<float> d_up) {
  assert(gate.rows == dy.rows && gate.cols == dy.cols && up.rows == dy.rows && up.cols == dy.cols);
  assert(d_gate.rows == dy.rows && d_gate.cols == dy.cols && d_up.rows == dy.rows && d_up.cols == dy.cols);
  parallel_for(dy.rows, row_chunk(dy.cols), [&](std::int64_t first, std::int64_t last) {
    const std::int64_t offset = first * dy.cols;
    gated_silu_backward_values(gate.data + offset, up.data + offset, dy.data + offset, (last - first) * dy.cols,
                               d_gate.data + offset, d_up.data + offset);
  });
}

}  // namespace squeeze
