#include "ops/add/add.hpp"

#include <cassert>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

SQUEEZE_HOT static void add_values(float* x, const float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) x[i] += y[i];
}

void add(MatrixView<float> x, MatrixView<const float> y) {
  assert(x.rows == y.rows && x.cols == y.cols);
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    add_values(x.data + first * x.cols, y.data + first * x.cols, (last - first) * x.cols);
  });
}

void add_bias(MatrixView<float> x, std::span<const float> bias) {
  if (bias.empty()) return;
  assert(static_cast<std::int64_t>(bias.size()) == x.cols);
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) add_values(x.data + r * x.cols, bias.data(), x.cols);
  });
}

}  // namespace squeeze
