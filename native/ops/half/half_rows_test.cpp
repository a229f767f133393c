#include "ops/half/half_rows.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "device/test_device.hpp"
#include "ops/half/half_cuda.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

std::vector<Half> halves_of(const std::vector<float>& x) {
  std::vector<Half> y(x.size());
  to_halves_saturated(x.data(), static_cast<std::int64_t>(x.size()), y.data());
  return y;
}

}  // namespace

TEST_CASE("half rows: every one of the 65536 patterns comes back as itself (tier A)") {
  std::vector<Half> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i].bits = static_cast<std::uint16_t>(i);
  std::vector<float> floats(all.size());
  to_floats(all.data(), 65536, floats.data());
  const auto back = halves_of(floats);
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(i);
    const float wanted = to_float(all[i]);
    if (std::isnan(wanted)) {
      REQUIRE(std::isnan(floats[i]));
      REQUIRE(std::isnan(to_float(back[i])));
    } else {
      REQUIRE(floats[i] == wanted);
      REQUIRE(to_float(back[i]) == (std::isinf(wanted) ? std::copysign(65504.0f, wanted) : wanted));
    }
  }
}

TEST_CASE("half rows: rounding, saturation and NaN are the same at every length (tier A)") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values = {0.1f,     -0.1f, 65519.0f, 65520.0f, -65520.0f, 1e30f,   -INFINITY,
                                     INFINITY, nan,   1e-8f,    -1e-40f,  1.0f / 3,  2049.0f, 2051.0f,
                                     0.0f,     -0.0f, 5.9e-8f,  65504.0f, -nan};
  for (std::size_t length = 1; length <= values.size(); ++length) {
    const auto found = halves_of({values.begin(), values.begin() + static_cast<std::ptrdiff_t>(length)});
    for (std::size_t i = 0; i < length; ++i) {
      CAPTURE(values[i]);
      if (std::isnan(values[i])) {
        CHECK(std::isnan(to_float(found[i])));
      } else if (std::abs(values[i]) > 65504) {
        CHECK(to_float(found[i]) == std::copysign(65504.0f, values[i]));
      } else {
        CHECK(found[i] == to_half(values[i]));
      }
    }
  }
}

TEST_CASE("device: conversions of every 16-bit pattern, and back (tier A)") {
  TestDevice device;
  if (!device) return;
  std::vector<Half> halves(65536);
  std::vector<BFloat16> bfloats(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i].bits = bfloats[i].bits = static_cast<std::uint16_t>(i);
  const auto from_half = device.of(halves), half_again = device.empty<Half>(1, 65536),
             half_of_bfloat = device.empty<Half>(1, 65536);
  const auto from_bfloat = device.of(bfloats), bfloat_again = device.empty<BFloat16>(1, 65536),
             bfloat_of_half = device.empty<BFloat16>(1, 65536);
  const auto half_floats = device.empty<float>(1, 65536), bfloat_floats = device.empty<float>(1, 65536);
  Stream& stream = device.stream();
  convert<Half, float>(stream, from_half, half_floats);
  convert<float, Half>(stream, half_floats, half_again);
  convert<Half, BFloat16>(stream, from_half, bfloat_of_half);
  convert<BFloat16, float>(stream, from_bfloat, bfloat_floats);
  convert<float, BFloat16>(stream, bfloat_floats, bfloat_again);
  convert<BFloat16, Half>(stream, from_bfloat, half_of_bfloat);
  const auto halves_back = device.back(half_again), crossed_half = device.back(half_of_bfloat);
  const auto bfloats_back = device.back(bfloat_again), crossed_bfloat = device.back(bfloat_of_half);
  const auto floats_of_half = device.back(half_floats), floats_of_bfloat = device.back(bfloat_floats);
  const auto same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  for (std::size_t i = 0; i < 65536; ++i) {
    CAPTURE(i);
    const float half = to_float(halves[i]), bfloat = to_float(bfloats[i]);
    REQUIRE(same(floats_of_half.values[i], half));
    REQUIRE(same(floats_of_bfloat.values[i], bfloat));
    REQUIRE(same(to_float(halves_back.values[i]), to_float(to_half_saturated(half))));
    REQUIRE(same(to_float(bfloats_back.values[i]), bfloat));
    REQUIRE(same(to_float(crossed_half.values[i]), to_float(to_half_saturated(bfloat))));
    REQUIRE(same(to_float(crossed_bfloat.values[i]), to_float(to_bfloat16(half))));
  }
}

TEST_CASE("device: square rounds once (tier A)") {
  TestDevice device;
  if (!device) return;
  auto x = random_matrix(1, 100003, 1, 3);
  // 1 + 2⁻¹¹ + 2⁻³⁵ and its like: the fp32 product is a tie between two halves, the exact one lies above it or below.
  const std::size_t ends = 8;
  const double ties[] = {1 + 0x1p-11, 1 + 3 * 0x1p-11, 1 + 5 * 0x1p-11, 1.5 + 0x1p-10 + 0x1p-11};
  for (std::size_t i = 0; i < ends; ++i) {
    const float root = static_cast<float>(std::sqrt(ties[i / 2]));
    x.values[i] = std::nextafter(root, i % 2 == 0 ? 2.0f : 0.0f);
  }
  x.values[ends] = 300;  // beyond fp16
  const auto x_there = device.of(x);
  const auto half = device.empty<Half>(1, x.cols);
  const auto bfloat = device.empty<BFloat16>(1, x.cols);
  const auto whole = device.empty<float>(1, x.cols);
  square(device.stream(), x_there, half);
  square(device.stream(), x_there, bfloat);
  square(device.stream(), x_there, whole);
  const auto half_back = device.back(half);
  const auto bfloat_back = device.back(bfloat);
  const auto whole_back = device.back(whole);
  // Nearest: no neighbour of the result is nearer to the exact square.
  const auto nearest = [](double exact, auto result) {
    const double error = std::abs(to_float(result) - exact);
    for (const int step : {-1, 1}) {
      auto neighbour = result;
      neighbour.bits = static_cast<std::uint16_t>(result.bits + step);
      if (std::abs(to_float(neighbour) - exact) < error) return false;
    }
    return true;
  };
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    CAPTURE(i);
    const double exact = static_cast<double>(x.values[i]) * x.values[i];
    REQUIRE(whole_back.values[i] == static_cast<float>(exact));
    if (i != ends && exact > 0) REQUIRE(nearest(exact, half_back.values[i]));
    if (exact > 0) REQUIRE(nearest(exact, bfloat_back.values[i]));
  }
  CHECK(to_float(half_back.values[ends]) == 65504.0f);
}
