#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "base/half.hpp"
#include "base/test_folder.hpp"
#include "formats/multiply.hpp"

using namespace squeeze;

namespace {

std::vector<float> random_values(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}

std::shared_ptr<const LinearWeight> stored(const TestFolder& folder, DType dtype, std::int64_t rows, std::int64_t cols,
                                           std::vector<float>& values) {
  std::vector<std::uint16_t> bits;
  for (float& value : values) {
    bits.push_back(dtype == DType::kF16 ? to_half(value).bits : to_bfloat16(value).bits);
    if (dtype == DType::kF16) value = to_float(to_half(value));
    if (dtype == DType::kBF16) value = to_float(to_bfloat16(value));
  }
  const TensorSource source = dtype == DType::kF32
                                  ? tensor_source<float>("w.weight", dtype, {rows, cols}, values)
                                  : tensor_source<std::uint16_t>("w.weight", dtype, {rows, cols}, bits);
  REQUIRE(write_safetensors(folder / "m.safetensors", {source}, {}).ok());
  auto weight = load_linear(TensorStore::open(folder.path()).value(), "w", rows, cols);
  REQUIRE(weight.ok());
  return weight.value();
}

}  // namespace

TEST_CASE("dense: decode is exact (A), products stay within rounding (B)") {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (const auto& [rows, cols] : {std::pair<std::int64_t, std::int64_t>{5, 7}, {130, 1000}, {3000, 515}}) {
      TestFolder folder;
      auto values = random_values(static_cast<std::size_t>(rows * cols), 1);
      const auto weight = stored(folder, dtype, rows, cols, values);
      CHECK(weight->stored_as() == name_of(dtype));
      CHECK(weight->size_bytes() == rows * cols * size_of(dtype));
      Matrix<float> decoded(2, cols);
      weight->dequantize_rows(rows - 2, decoded.view());
      CHECK(std::equal(decoded.values.begin(), decoded.values.end(), values.end() - 2 * cols));

      for (const std::int64_t tokens : {1, 3}) {
        Matrix<float> x(tokens, cols), y(tokens, rows), back(tokens, cols);
        x.values = random_values(x.values.size(), 2);
        std::ranges::fill(y.values, NAN);
        std::ranges::fill(back.values, NAN);
        multiply(*weight, x.view(), y.view());
        multiply_transposed(*weight, y.view(), back.view());
        // |fl(Σab) − Σab| ≤ n·ε·Σ|a||b| for any order of additions.
        for (std::int64_t m = 0; m < tokens; ++m) {
          for (std::int64_t n = 0; n < rows; ++n) {
            double sum = 0, bound = 0;
            for (std::int64_t k = 0; k < cols; ++k) {
              const double term = static_cast<double>(x.view().row(m)[k]) * values[n * cols + k];
              sum += term;
              bound += std::abs(term);
            }
            REQUIRE(std::abs(y.view().row(m)[n] - sum) <= static_cast<double>(cols) * 0x1p-23 * bound);
          }
          for (std::int64_t k = 0; k < cols; ++k) {
            double sum = 0, bound = 0;
            for (std::int64_t n = 0; n < rows; ++n) {
              const double term = static_cast<double>(y.view().row(m)[n]) * values[n * cols + k];
              sum += term;
              bound += std::abs(term);
            }
            REQUIRE(std::abs(back.view().row(m)[k] - sum) <= static_cast<double>(rows) * 0x1p-23 * bound);
          }
        }
      }
    }
  }
}

TEST_CASE("dense: products in bf16 stay within its rounding (B) (needs AVX512_BF16)" *
          doctest::skip(fastest_precision() != Precision::kBFloat16)) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    constexpr std::int64_t rows = 300, cols = 515, tokens = 5;
    TestFolder folder;
    auto values = random_values(rows * cols, 1);
    const auto weight = stored(folder, dtype, rows, cols, values);
    Matrix<BFloat16> decoded(2, cols);
    weight->dequantize_rows(rows - 2, decoded.view());
    for (std::int64_t i = 0; i < 2 * cols; ++i) CHECK(decoded.values[i] == to_bfloat16(values[(rows - 2) * cols + i]));

    Matrix<float> x(tokens, cols), y(tokens, rows), back(tokens, cols);
    x.values = random_values(x.values.size(), 2);
    multiply(*weight, x.view(), y.view(), Precision::kBFloat16);
    multiply_transposed(*weight, y.view(), back.view(), Precision::kBFloat16);
    // A factor is off by 2^-8 of itself at most, so a product by 2^-7 + 2^-16; the sum as in fp32.
    const auto bound = [](std::int64_t terms, double size) {
      return (0x1p-7 + 0x1p-16 + static_cast<double>(terms) * 0x1p-23) * size;
    };
    bool same = true;
    Matrix<float> exact(tokens, rows);
    multiply(*weight, x.view(), exact.view());
    for (std::int64_t m = 0; m < tokens; ++m) {
      for (std::int64_t n = 0; n < rows; ++n) {
        double sum = 0, size = 0;
        for (std::int64_t k = 0; k < cols; ++k) {
          const double term = static_cast<double>(x.view().row(m)[k]) * values[n * cols + k];
          sum += term;
          size += std::abs(term);
        }
        REQUIRE(std::abs(y.view().row(m)[n] - sum) <= bound(cols, size));
        same &= y.view().row(m)[n] == exact.view().row(m)[n];
      }
      for (std::int64_t k = 0; k < cols; ++k) {
        double sum = 0, size = 0;
        for (std::int64_t n = 0; n < rows; ++n) {
          const double term = static_cast<double>(y.view().row(m)[n]) * values[n * cols + k];
          sum += term;
          size += std::abs(term);
        }
        REQUIRE(std::abs(back.view().row(m)[k] - sum) <= bound(rows, size));
      }
    }
    CHECK_FALSE(same);  // x was rounded
  }
}

TEST_CASE("dense: identity input gives back the weights bit for bit (A)") {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    TestFolder folder;
    auto values = random_values(37 * 45, 3);
    const auto weight = stored(folder, dtype, 37, 45, values);
    Matrix<float> identity(45, 45), y(45, 37);
    for (std::int64_t i = 0; i < 45; ++i) identity.view().row(i)[i] = 1;
    multiply(*weight, identity.view(), y.view());
    DecodeInput input;
    for (std::int64_t k = 0; k < 45; ++k) {
      std::vector<float> column(37);
      input.assign(identity.view().rows_from(k, 1));
      weight->multiply_few(input, 0, 37, {column.data(), 1, 37});
      for (std::int64_t n = 0; n < 37; ++n) {
        CHECK(y.view().row(k)[n] == values[n * 45 + k]);
        CHECK(column[n] == values[n * 45 + k]);
      }
    }
  }
}

TEST_CASE("dense: weights that cannot be used are refused by name") {
  TestFolder folder;
  std::vector<float> values(6, 1.0f);
  std::vector<float> bad = values;
  bad[4] = INFINITY;
  REQUIRE(write_safetensors(folder / "m.safetensors",
                            {tensor_source<float>("flat.weight", DType::kF32, {6}, values),
                             tensor_source<float>("whole.weight", DType::kI32, {2, 3}, values),
                             tensor_source<float>("bad.weight", DType::kF32, {2, 3}, bad),
                             tensor_source<float>("good.weight", DType::kF32, {2, 3}, values)},
                            {})
              .ok());
  const auto store = TensorStore::open(folder.path()).value();
  const auto refused = [&](const char* name, std::int64_t rows, std::int64_t cols) {
    const auto weight = load_linear(store, name, rows, cols);
    REQUIRE_FALSE(weight.ok());
    CHECK(weight.error().tensor == std::string(name) + ".weight");
    CHECK(weight.error().message.find(name) != std::string::npos);
    return weight.error().code;
  };
  CHECK(load_linear(store, "good", 2, 3).ok());
  CHECK(refused("good", 3, 2) == ErrorCode::kTensorMalformed);
  CHECK(refused("flat", 2, 3) == ErrorCode::kTensorMalformed);
  CHECK(refused("whole", 2, 3) == ErrorCode::kTensorMalformed);
  CHECK(refused("bad", 2, 3) == ErrorCode::kValueNotFinite);
  CHECK(refused("none", 2, 3) == ErrorCode::kTensorMissing);
}
