#include "ops/matmul/matmul.hpp"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>

namespace squeeze {

namespace {

// c[m, n] = op(a)[m, k] op(b)[k, n] + beta c, all row-major.
void product(char trans_a, char trans_b, std::int64_t k, StridedView<const float> a, StridedView<const float> b,
             StridedView<float> c, float beta) {
  assert(beta == 0 || beta == 1);
  if (c.rows == 0 || c.cols == 0) return;
  if (k == 0) {
    for (std::int64_t r = 0; beta == 0 && r < c.rows; ++r) std::fill_n(c.data + r * c.stride, c.cols, 0.0f);
    return;
  }
  [[maybe_unused]] const dnnl_status_t status =
      dnnl_sgemm(trans_a, trans_b, c.rows, c.cols, k, 1.0f, a.data, a.stride, b.data, b.stride, beta, c.data, c.stride);
  assert(status == dnnl_success);
}

}  // namespace

void matmul_nt(StridedView<const float> x, StridedView<const float> w, StridedView<float> y, float beta) {
  assert(x.cols == w.cols && y.rows == x.rows && y.cols == w.rows);
  product('N', 'T', x.cols, x, w, y, beta);
}

void matmul_nn(StridedView<const float> y, StridedView<const float> w, StridedView<float> x, float beta) {
  assert(y.cols == w.rows && x.rows == y.rows && x.cols == w.cols);
  product('N', 'N', y.cols, y, w, x, beta);
}

void matmul_tn(StridedView<const float> dy, StridedView<const float> x, StridedView<float> dw, float beta) {
  assert(dy.rows == x.rows && dw.rows == dy.cols && dw.cols == x.cols);
  product('T', 'N', dy.rows, dy, x, dw, beta);
}

}  // namespace squeeze
