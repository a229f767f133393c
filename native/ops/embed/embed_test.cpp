#include <doctest/doctest.h>

#include "device/test_device.hpp"
#include "ops/embed/embed_cuda.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

template <typename T>
Matrix<T> rounded(const Matrix<float>& m) {
  Matrix<T> result(m.rows, m.cols);
  for (std::size_t i = 0; i < m.values.size(); ++i) {
    if constexpr (std::is_same_v<T, Half>)
      result.values[i] = to_half(m.values[i]);
    else if constexpr (std::is_same_v<T, BFloat16>)
      result.values[i] = to_bfloat16(m.values[i]);
    else
      result.values[i] = m.values[i];
  }
  return result;
}

template <typename T, typename P>
void check(TestDevice& device, std::int64_t hidden) {
  CAPTURE(hidden);
  const auto table = rounded<T>(random_matrix(50, hidden, 1));
  const auto positions = rounded<P>(random_matrix(12, hidden, 2));
  const std::vector<std::int32_t> tokens = {49, 0, 7, 7, 31, 2, 12, 1};
  const std::int64_t rows = 8, length = 4, first = 5;
  const auto table_there = device.of(table);
  const auto positions_there = device.of(positions);
  const auto tokens_there = device.of(tokens);
  const auto plain_there = device.empty<float>(rows, hidden), placed_there = device.empty<float>(rows, hidden);
  embed<T>(device.stream(), table_there, tokens_there.data, plain_there);
  embed<T, P>(device.stream(), table_there, tokens_there.data, placed_there, {positions_there, first, length});
  const auto plain = device.back(plain_there), placed = device.back(placed_there);
  bool right = true;
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t i = 0; i < hidden; ++i) {
      const float wanted = to_float(table.values[tokens[r] * hidden + i]);
      right = right && plain.values[r * hidden + i] == wanted;
      right = right &&
              placed.values[r * hidden + i] == wanted + to_float(positions.values[(first + r % length) * hidden + i]);
    }
  CHECK(right);
}

}  // namespace

TEST_CASE("device: embed takes rows and adds positions (tier A)") {
  TestDevice device;
  if (!device) return;
  for (const std::int64_t hidden : {1, 30, 64, 2052}) {
    check<float, float>(device, hidden);
    check<float, Half>(device, hidden);
    check<float, BFloat16>(device, hidden);
    check<Half, float>(device, hidden);
    check<Half, Half>(device, hidden);
    check<Half, BFloat16>(device, hidden);
    check<BFloat16, float>(device, hidden);
    check<BFloat16, Half>(device, hidden);
    check<BFloat16, BFloat16>(device, hidden);
  }
}
