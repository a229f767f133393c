#pragma once
// The gradient of one linear's weights, dW[N, K] = dy[T, N]ᵀ x[T, K], in blocks of rows while they are in a thread's
// cache: nobody has to hold all of it.

#include <algorithm>
#include <cstdint>

#include "base/threads.hpp"
#include "ops/matmul/block_matmul.hpp"
#include "ops/scratch.hpp"

namespace squeeze {

// Of 64, 128 and 256 rows, 512 tokens and 2048 columns in bf16, one core of a Zen 5 does 278, 373 and 338 GFLOP/s.
inline constexpr std::int64_t kGradientRows = 128;

// body(first, dW[first .. first + rows, K]) once for each block, from several threads. T is float or BFloat16.
template <typename T, typename Body>
void for_gradient_rows(MatrixView<const T> x, MatrixView<const T> dy, const Body& body) {
  parallel_for(dy.cols, kGradientRows, [&](std::int64_t first, std::int64_t last) {
    thread_local Scratch room;
    const MatrixView<float> product = room.matrix(last - first, x.cols);
    block_matmul_tn<T>(StridedView<const T>(dy.data + first, dy.rows, last - first, dy.cols), x, product);
    body(first, MatrixView<const float>(product));
  });
}

}  // namespace squeeze
