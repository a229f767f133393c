// Tier B against float64: |y − ref| ≤ K·ε·Σ|a||b|, which any order of K fp32 additions keeps.

#include "ops/matmul/matmul.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "base/half.hpp"
#include "ops/matmul/dot.hpp"

using namespace squeeze;

namespace {

Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Matrix<float> matrix(rows, cols);
  for (float& value : matrix.values) value = normal(generator);
  return matrix;
}

// Element (r, c) of a matrix, or of its transpose.
float at(const Matrix<float>& m, bool transposed, std::int64_t r, std::int64_t c) {
  return transposed ? m.values[c * m.cols + r] : m.values[r * m.cols + c];
}

void check(const Matrix<float>& a, bool a_transposed, const Matrix<float>& b, bool b_transposed,
           const Matrix<float>& before, float beta, const Matrix<float>& got) {
  const std::int64_t inner = a_transposed ? a.rows : a.cols;
  for (std::int64_t r = 0; r < got.rows; ++r) {
    for (std::int64_t c = 0; c < got.cols; ++c) {
      double sum = beta == 0 ? 0 : before.values[r * got.cols + c], bound = std::abs(sum);
      for (std::int64_t k = 0; k < inner; ++k) {
        const double term = static_cast<double>(at(a, a_transposed, r, k)) * at(b, b_transposed, k, c);
        sum += term;
        bound += std::abs(term);
      }
      REQUIRE(std::abs(got.values[r * got.cols + c] - sum) <= static_cast<double>(inner + 1) * 0x1p-23 * bound);
    }
  }
}

}  // namespace

TEST_CASE("matmul: all three products, overwriting and adding") {
  struct Case {
    std::int64_t m, k, n;
  };
  for (const auto& [m, k, n] : {Case{1, 1, 1}, Case{3, 5, 7}, Case{33, 64, 17}, Case{64, 129, 100}}) {
    const auto x = random_matrix(m, k, 1), w = random_matrix(n, k, 2), y = random_matrix(m, n, 3);
    for (const float beta : {0.0f, 1.0f}) {
      auto got = y;
      matmul_nt(x.view(), w.view(), got.view(), beta);
      check(x, false, w, true, y, beta, got);
      got = x;
      matmul_nn(y.view(), w.view(), got.view(), beta);
      check(y, false, w, false, x, beta, got);
      got = w;
      matmul_tn(y.view(), x.view(), got.view(), beta);
      check(y, true, x, false, w, beta, got);
    }
  }
}

TEST_CASE("matmul: beta 0 overwrites what was there, even NaN; an empty inner side gives zeros") {
  const auto x = random_matrix(2, 3, 1), w = random_matrix(4, 3, 2);
  Matrix<float> y(2, 4);
  std::ranges::fill(y.values, NAN);
  matmul_nt(x.view(), w.view(), y.view());
  for (const float value : y.values) CHECK(std::isfinite(value));
  std::ranges::fill(y.values, NAN);
  matmul_nt(MatrixView<const float>{x.values.data(), 2, 0}, MatrixView<const float>{w.values.data(), 4, 0}, y.view());
  for (const float value : y.values) CHECK(value == 0);
  matmul_nt(MatrixView<const float>{x.values.data(), 0, 3}, w.view(), MatrixView<float>{y.values.data(), 0, 4});
}

TEST_CASE("matmul: writes and reads blocks of columns") {
  const auto x = random_matrix(5, 6, 1), w = random_matrix(8, 6, 2);
  Matrix<float> whole(5, 8), parts(5, 8);
  matmul_nt(x.view(), w.view(), whole.view());
  for (std::int64_t first = 0; first < 8; first += 4)
    matmul_nt(x.view(), w.view().rows_from(first, 4), StridedView<float>(parts.values.data() + first, 5, 4, 8));
  for (std::size_t i = 0; i < whole.values.size(); ++i)
    CHECK(parts.values[i] == doctest::Approx(whole.values[i]).epsilon(1e-5));
}

TEST_CASE("dot: every type, length, number of vectors and instruction set, unaligned (B)") {
  const auto a = random_matrix(1, 300, 1), b = random_matrix(5, 300, 2);
  const auto check = [&](auto convert, const auto& product) {
    using Stored = decltype(convert(1.0f));
    for (const Simd simd : {Simd::kPortable, Simd::kAvx2, Simd::kAvx512}) {
      if (simd > best_simd()) continue;
      for (std::int64_t count = 0; count <= 300; count += 1 + count / 7) {
        std::vector<std::byte> shifted(1 + sizeof(Stored) * static_cast<std::size_t>(count));
        std::vector<float> stored;
        for (std::int64_t i = 0; i < count; ++i) {
          const Stored value = convert(a.values[i]);
          std::memcpy(shifted.data() + 1 + static_cast<std::size_t>(i) * sizeof(Stored), &value, sizeof(value));
          stored.push_back(to_float(value));
        }
        for (const std::int64_t tokens : {1, 2, 3, 5}) {
          std::vector<float> out(2 * static_cast<std::size_t>(tokens), NAN);
          product(shifted.data() + 1, DotVectors{b.values.data(), 300, tokens, count, out.data(), 2}, simd);
          for (std::int64_t t = 0; t < tokens; ++t) {
            double sum = 0, bound = 0;
            for (std::int64_t i = 0; i < count; ++i) {
              const double term = static_cast<double>(stored[i]) * b.view().row(t)[i];
              sum += term;
              bound += std::abs(term);
            }
            CHECK(std::abs(out[2 * t] - sum) <= static_cast<double>(count) * 0x1p-23 * bound);
            CHECK(std::isnan(out[2 * t + 1]));
          }
        }
      }
    }
  };
  check([](float value) { return value; }, dot_f32);
  check([](float value) { return to_half(value); }, dot_f16);
  check([](float value) { return to_bfloat16(value); }, dot_bf16);
}
