// Tier B against float64 with factors that both types hold exactly: |y − ref| ≤ (K + 1)·ε·Σ|a||b|, which any order of
// K fp32 additions keeps.

#include "ops/matmul/block_matmul.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "ops/matmul/precision.hpp"
#include "ops/matmul/rounded.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

Matrix<float> exact_in_bfloat16(std::int64_t rows, std::int64_t cols, std::uint32_t seed) {
  Matrix<float> m = random_matrix(rows, cols, seed);
  for (float& value : m.values) value = to_float(to_bfloat16(value));
  return m;
}

MatrixView<const float> as(const Matrix<float>& m, ScratchOf<float>&) { return m.view(); }
MatrixView<const BFloat16> as(const Matrix<float>& m, ScratchOf<BFloat16>& room) { return rounded(m.view(), room); }

// got[r, c] = before + Σ_k a(r, k) b(k, c)
template <typename A, typename B>
void check(std::int64_t inner, const A& a, const B& b, const Matrix<float>* before, const Matrix<float>& got) {
  for (std::int64_t r = 0; r < got.rows; ++r)
    for (std::int64_t c = 0; c < got.cols; ++c) {
      double sum = before ? before->view().row(r)[c] : 0, bound = std::abs(sum);
      for (std::int64_t k = 0; k < inner; ++k) {
        const double term = static_cast<double>(a(r, k)) * b(k, c);
        sum += term;
        bound += std::abs(term);
      }
      REQUIRE(std::abs(got.view().row(r)[c] - sum) <= static_cast<double>(inner + 1) * 0x1p-23 * bound);
    }
}

template <typename T>
void check_all_products() {
  struct Case {
    std::int64_t m, k, n;
  };
  for (const auto& [m, k, n] : {Case{1, 1, 1}, Case{3, 5, 7}, Case{33, 64, 17}, Case{64, 129, 100}}) {
    const auto x = exact_in_bfloat16(m, k, 1), w = exact_in_bfloat16(n, k, 2), y = exact_in_bfloat16(m, n, 3);
    const auto at = [](const Matrix<float>& of) {
      return [&of](std::int64_t r, std::int64_t c) { return of.view().row(r)[c]; };
    };
    const auto transposed = [](const Matrix<float>& of) {
      return [&of](std::int64_t r, std::int64_t c) { return of.view().row(c)[r]; };
    };
    ScratchOf<T> x_room, w_room, y_room;
    const auto x_t = as(x, x_room), w_t = as(w, w_room), y_t = as(y, y_room);

    Matrix<float> got(m, n);
    std::ranges::fill(got.values, NAN);
    block_matmul_nt<T>(x_t, w_t, got.view());
    check(k, at(x), transposed(w), nullptr, got);

    got = Matrix<float>(m, k);
    std::ranges::fill(got.values, NAN);
    block_matmul_nn<T>(y_t, w_t, got.view(), 0);
    check(n, at(y), at(w), nullptr, got);
    got = x;
    block_matmul_nn<T>(y_t, w_t, got.view(), 1);
    check(n, at(y), at(w), &x, got);

    got = Matrix<float>(n, k);
    std::ranges::fill(got.values, NAN);
    block_matmul_tn<T>(y_t, x_t, got.view());
    check(m, transposed(y), at(x), nullptr, got);

    // Half of the columns of x[M, K], from half of those of y and w.
    if (k < 2) continue;
    Matrix<float> half(m, k);
    block_matmul_nn<T>(y_t, StridedView<const T>(w_t.data + k / 2, n, k - k / 2, k),
                       StridedView<float>(half.values.data() + k / 2, m, k - k / 2, k), 0);
    for (std::int64_t r = 0; r < m; ++r)
      for (std::int64_t c = 0; c < k / 2; ++c) REQUIRE(half.view().row(r)[c] == 0);
    for (std::int64_t r = 0; r < m; ++r) std::fill_n(half.view().row(r).data(), k / 2, 0.0f);
    Matrix<float> w_half = w;
    for (std::int64_t r = 0; r < n; ++r) std::fill_n(w_half.view().row(r).data(), k / 2, 0.0f);
    check(n, at(y), at(w_half), nullptr, half);
  }
}

}  // namespace

TEST_CASE("block_matmul: fp32, all three products") { check_all_products<float>(); }

TEST_CASE("block_matmul: bf16 (needs AVX512_BF16), all three products" *
          doctest::skip(fastest_precision() != Precision::kBFloat16)) {
  check_all_products<BFloat16>();
}

TEST_CASE("block_matmul: more shapes than are kept") {
  for (std::int64_t m = 1; m <= 600; ++m) {
    const auto x = exact_in_bfloat16(m, 2, 1), w = exact_in_bfloat16(1, 2, 2);
    Matrix<float> y(m, 1);
    block_matmul_nt<float>(x.view(), w.view(), y.view());
    const auto last = x.view().row(m - 1);
    CHECK(y.values.back() == doctest::Approx(last[0] * w.values[0] + last[1] * w.values[1]));
  }
}

TEST_CASE("rounded: every value as by itself, NaN and ties too") {
  Matrix<float> x = random_matrix(7, 333, 5);
  x.values[3] = NAN;
  x.values[4] = INFINITY;
  x.values[5] = 0x1.01p0f;        // half way, to even below
  x.values[6] = 0x1.03p0f;        // half way, to even above
  x.values[7] = 0x1.fffffep127f;  // rounds to infinity
  x.values[8] = -0.0f;
  ScratchOf<BFloat16> room;
  const auto found = rounded(x.view(), room).flat();
  for (std::size_t i = 0; i < x.values.size(); ++i) CHECK(found[i] == to_bfloat16(x.values[i]));
  CHECK(to_float(found[5]) == 1.0f);
  CHECK(to_float(found[6]) == 0x1.04p0f);
  CHECK(std::isnan(to_float(found[3])));
}
