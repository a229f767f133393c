#pragma once
// Products of row-major fp32 matrices, by oneDNN's sgemm. fp32 accumulation; the order of additions may differ between
// machines and thread counts. Runs in the OpenMP pool of base/threads.hpp.

#include <cassert>
#include <cstdint>
#include <type_traits>

#include "base/matrix.hpp"

namespace squeeze {

// A row-major matrix whose rows lie `stride` elements apart: a block of columns of a larger one.
template <typename T>
struct StridedView {
  StridedView(T* first, std::int64_t row_count, std::int64_t col_count, std::int64_t row_stride)
      : data(first), rows(row_count), cols(col_count), stride(row_stride) {
    assert(row_stride >= col_count);
  }
  template <typename U>
  requires std::is_convertible_v<U*, T*> StridedView(MatrixView<U> m) : StridedView(m.data, m.rows, m.cols, m.cols) {}
  template <typename U>
  requires std::is_convertible_v<U*, T*> StridedView(StridedView<U> m)
      : StridedView(m.data, m.rows, m.cols, m.stride) {}

  T* data;
  std::int64_t rows, cols, stride;
};

// beta 0 overwrites the result (which may be uninitialised), beta 1 adds to it.

// y[M, N] = x[M, K] w[N, K]ᵀ + beta y
void matmul_nt(StridedView<const float> x, StridedView<const float> w, StridedView<float> y, float beta = 0);
// x[M, K] = y[M, N] w[N, K] + beta x
void matmul_nn(StridedView<const float> y, StridedView<const float> w, StridedView<float> x, float beta = 0);
// dw[N, K] = dy[M, N]ᵀ x[M, K] + beta dw
void matmul_tn(StridedView<const float> dy, StridedView<const float> x, StridedView<float> dw, float beta = 0);

}  // namespace squeeze
