#include "formats/synthetic.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "base/threads.hpp"

using namespace squeeze;

namespace {

std::vector<float> values_of(const LinearWeight& w) {
  std::vector<float> values(static_cast<std::size_t>(w.rows() * w.cols()));
  w.dequantize_rows(0, {values.data(), w.rows(), w.cols()});
  return values;
}

}  // namespace

// 203 columns fill no whole number of words at any width.
TEST_CASE("random weights load in every layout, with the size and the spread promised") {
  const std::int64_t rows = 96, cols = 203;
  for (const SyntheticLayout& layout : {SyntheticLayout{SyntheticType::kF16},
                                        {SyntheticType::kBF16},
                                        {SyntheticType::kLut, 2},
                                        {SyntheticType::kLut, 3},
                                        {SyntheticType::kLut, 4},
                                        {SyntheticType::kLut, 8},
                                        {SyntheticType::kLut, 3, 0.05}}) {
    CAPTURE(layout.bits);
    CAPTURE(layout.sparsity);
    const auto weight = synthetic_weight(rows, cols, layout, 7);
    REQUIRE(weight.ok());
    const LinearWeight& w = *weight.value();
    double squares = 0;
    for (const float value : values_of(w)) squares += double{value} * value;
    const double variance = squares / static_cast<double>(rows) * (layout.sparsity > 0 ? 0.6 : 1);
    CHECK(variance > 0.6);  // cols weights of variance 1 / cols each; four quantiles have less
    CHECK(variance < 1.3);
    const double kept = static_cast<double>(w.sparse_count()) / static_cast<double>(rows * cols);
    CHECK(kept == doctest::Approx(layout.sparsity).epsilon(0.1));
    const std::int64_t words = (cols * layout.bits + 31) / 32, entries = 1 << layout.bits;
    const std::int64_t dense_bytes =
        layout.type == SyntheticType::kLut ? rows * (4 * words + 2 * entries) : rows * cols * 2;
    const std::int64_t sparse_bytes = layout.sparsity > 0 ? 4 * (rows + 1) + 4 * w.sparse_count() : 0;
    CHECK(w.size_bytes() == dense_bytes + sparse_bytes);
  }
}

TEST_CASE("random weights follow from the seed, not from the threads") {
  const SyntheticLayout layout{SyntheticType::kLut, 3, 0.01};
  const int before = thread_count();
  set_thread_count(1);
  const auto one = synthetic_weight(300, 512, layout, 3);
  set_thread_count(2);
  const auto two = synthetic_weight(300, 512, layout, 3), other = synthetic_weight(300, 512, layout, 4);
  set_thread_count(before);
  REQUIRE(one.ok());
  REQUIRE(two.ok());
  REQUIRE(other.ok());
  CHECK(values_of(*one.value()) == values_of(*two.value()));
  CHECK(values_of(*one.value()) != values_of(*other.value()));
}
