#include "eval/kernel_benchmark.hpp"

#include <doctest/doctest.h>

using namespace squeeze;

namespace {

// What its matrix gives, but for one row of the product.
class WrongInOneRow final : public LinearWeight {
 public:
  explicit WrongInOneRow(const LinearWeight& right) : right_(right) {}
  std::int64_t rows() const override { return right_.rows(); }
  std::int64_t cols() const override { return right_.cols(); }
  std::int64_t size_bytes() const override { return right_.size_bytes(); }
  std::string stored_as() const override { return "wrong"; }
  void dequantize_rows(std::int64_t first, MatrixView<float> out) const override { right_.dequantize_rows(first, out); }
  void multiply_few(const DecodeInput& x, std::int64_t first, std::int64_t last, MatrixView<float> y) const override {
    right_.multiply_few(x, first, last, y);
    if (first == 0) y.data[0] *= 1.1f;
  }

 private:
  const LinearWeight& right_;
};

}  // namespace

// Tier B.
TEST_CASE("a product is checked before it is timed") {
  const auto weight = synthetic_weight(48, 640, {.type = SyntheticType::kLut, .bits = 4, .sparsity = 0.01}, 1);
  REQUIRE(weight.ok());
  Matrix<float> x(2, 640);
  for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] = static_cast<float>(i % 7) - 3;
  for (const bool int16 : {false, true}) {
    CAPTURE(int16);
    const DecodePath path{.int16 = int16};
    const auto right = check_product(*weight.value(), *weight.value(), x.view(), path);
    REQUIRE(right.ok());
    CHECK(right.value() < 1e-5);  // these rows are decoded to fp32, whatever the path
    const auto wrong = check_product(WrongInOneRow(*weight.value()), *weight.value(), x.view(), path);
    REQUIRE_FALSE(wrong.ok());
    CHECK(wrong.error().code == ErrorCode::kInternal);
  }
}

TEST_CASE("a case of the kernel benchmark says what it is") {
  CHECK(text_of({4096, 11008, {SyntheticType::kLut, 3, 0.0045}}) == "4096 × 11008, 3 bits + 0.45%");
  CHECK(text_of({2048, 2048, {SyntheticType::kBF16}}) == "2048 × 2048, BF16");
}
