#pragma once
// One thread's share of a large product, by oneDNN's matmul primitive: fp32 or bf16 factors, fp32 sums. Large products
// are cut into blocks that threads take one after the other, without waiting for each other in between.
//
// A primitive is generated code for one shape, half a millisecond's work; each thread keeps those it has used. For
// products whose shapes change all the time, such as attention's, ops/matmul/matmul.hpp is the better choice.
//
// beta 0 overwrites the result (which may be uninitialised), beta 1 adds to it. No side is empty.

#include "base/half.hpp"
#include "ops/matmul/matmul.hpp"

namespace squeeze {

// y[M, N] = x[M, K] w[N, K]ᵀ. Fastest (by a tenth to a third) when no rows are strided, y's neither.
template <typename T>
void block_matmul_nt(StridedView<const T> x, StridedView<const T> w, StridedView<float> y);
// x[M, K] = y[M, N] w[N, K] + beta x
template <typename T>
void block_matmul_nn(StridedView<const T> y, StridedView<const T> w, StridedView<float> x, float beta);
// dw[N, K] = dy[M, N]ᵀ x[M, K]
template <typename T>
void block_matmul_tn(StridedView<const T> dy, StridedView<const T> x, StridedView<float> dw);

}  // namespace squeeze
