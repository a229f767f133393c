#include "ops/half/half_rows.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

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
