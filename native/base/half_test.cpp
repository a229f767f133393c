#include "base/half.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

using namespace squeeze;

namespace {

// The value of a binary16 pattern, by its definition.
double half_by_definition(std::uint16_t bits) {
  const double sign = (bits & 0x8000u) != 0 ? -1 : 1;
  const int exponent = (bits >> 10) & 0x1f;
  const int mantissa = bits & 0x3ff;
  if (exponent == 31) return mantissa != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(1024 + mantissa, exponent - 25);
}

}  // namespace

TEST_CASE("half: every pattern means what IEEE 754 says, and survives the way there and back") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const Half half{static_cast<std::uint16_t>(bits)};
    const double expected = half_by_definition(half.bits);
    const float value = to_float(half);
    if (std::isnan(expected)) {
      REQUIRE(std::isnan(value));
      REQUIRE(std::isnan(to_float(to_half(value))));
    } else {
      REQUIRE(static_cast<double>(value) == expected);
      REQUIRE(to_half(value) == half);
    }
  }
}

TEST_CASE("half: rounds to the nearest, ties to even") {
  // Between two neighbours, and exactly in the middle of them.
  for (std::uint32_t bits = 0; bits < 0x7bff; ++bits) {
    const double low = half_by_definition(static_cast<std::uint16_t>(bits));
    const double high = half_by_definition(static_cast<std::uint16_t>(bits + 1));
    const float middle = static_cast<float>((low + high) / 2);
    const std::uint16_t even = static_cast<std::uint16_t>((bits & 1u) == 0 ? bits : bits + 1);
    REQUIRE(to_half(middle).bits == even);
    REQUIRE(to_half(-middle).bits == (even | 0x8000u));
    REQUIRE(to_half(std::nextafter(middle, 0.0f)).bits == bits);
    REQUIRE(to_half(std::nextafter(middle, 1e9f)).bits == bits + 1);
  }
  CHECK(to_half(65519.0f).bits == 0x7bff);
  CHECK(to_half(65520.0f).bits == 0x7c00);
  CHECK(to_half(1e30f).bits == 0x7c00);
  CHECK(to_half(-1e30f).bits == 0xfc00);
}

TEST_CASE("bfloat16: the nearest of the two neighbours, ties to even") {
  std::mt19937 random(7);
  for (int i = 0; i < 100000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random());
    const float value = std::bit_cast<float>(bits);
    if (!std::isfinite(value)) continue;
    const float low = std::bit_cast<float>(bits & 0xffff0000u);
    const float high = std::bit_cast<float>((bits & 0xffff0000u) + 0x10000u);
    const float back = to_float(to_bfloat16(value));
    REQUIRE((back == low || back == high));
    if (std::isfinite(high)) {
      const double to_low = std::abs(static_cast<double>(value) - low),
                   to_high = std::abs(static_cast<double>(value) - high);
      if (to_low < to_high) REQUIRE(back == low);
      if (to_high < to_low) REQUIRE(back == high);
      if (to_low == to_high) REQUIRE((to_bfloat16(value).bits & 1u) == 0);
    }
  }
  CHECK(std::isnan(to_float(to_bfloat16(std::nanf("")))));
  CHECK(std::isinf(to_float(to_bfloat16(std::numeric_limits<float>::infinity()))));
}
