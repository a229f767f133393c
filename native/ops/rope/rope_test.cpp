#include "ops/rope/rope.hpp"

#include <doctest/doctest.h>

#include "device/test_device.hpp"
#include "ops/reference_test.hpp"
#include "ops/rope/rope_cuda.hpp"

using namespace squeeze;

namespace {

struct Case {
  std::int64_t sequences, length, first, heads, head_dim;
  double theta;
};

constexpr Case kCases[] = {
    {1, 5, 0, 1, 2, 10000}, {2, 7, 0, 3, 8, 10000}, {1, 3, 40, 2, 24, 500000}, {3, 90, 10, 4, 16, 10000}};

}  // namespace

TEST_CASE("rope turns the pair (i, i + D/2) by position · theta^(−2i/D) (tier B)") {
  for (const Case& c : kCases) {
    CAPTURE(c.head_dim);
    const RopeTable table(c.first + c.length, c.head_dim, c.theta, {});
    const auto x = random_matrix(c.sequences * c.length, c.heads * c.head_dim, 1);
    std::vector<double> wanted(x.values.size());
    const std::int64_t half = c.head_dim / 2;
    for (std::int64_t r = 0; r < x.rows; ++r)
      for (std::int64_t h = 0; h < c.heads; ++h)
        for (std::int64_t i = 0; i < half; ++i) {
          const std::int64_t at = r * x.cols + h * c.head_dim + i;
          const double angle = static_cast<double>(c.first + r % c.length) *
                               std::pow(c.theta, -2.0 * static_cast<double>(i) / static_cast<double>(c.head_dim));
          const double a = x.values[at], b = x.values[at + half];
          wanted[at] = a * std::cos(angle) - b * std::sin(angle);
          wanted[at + half] = b * std::cos(angle) + a * std::sin(angle);
        }
    auto y = x;
    rope(table, c.length, c.first, y.view());
    // Angles are fp32: half a unit of the last place of the largest, twice (frequency and product).
    CHECK(relative_error(y.values, wanted) < 1.2e-7 * static_cast<double>(c.first + c.length) + 1e-6);
    rope(table, c.length, c.first, y.view(), Turn::kBack);
    CHECK(relative_error(y.values, in_double(x)) < 1e-6);
  }
}

TEST_CASE("rope's way back is its gradient (tier D)") {
  // <turn(x), g> = <x, back(g)> for every x and g: the transpose of a linear map.
  const RopeTable table(20, 12, 10000, {});
  const auto x = random_matrix(20, 36, 1), g = random_matrix(20, 36, 2);
  auto turned = x, back = g;
  rope(table, 20, 0, turned.view());
  rope(table, 20, 0, back.view(), Turn::kBack);
  CHECK(weighted(in_double(turned), in_double(g)) ==
        doctest::Approx(weighted(in_double(x), in_double(back))).epsilon(1e-6));
}

TEST_CASE("llama3 scaling keeps short wavelengths, stretches long ones and blends between") {
  const RopeScaling scaling{.factor = 8, .low_freq_factor = 1, .high_freq_factor = 4, .original_context = 32};
  const std::int64_t dim = 16;
  const RopeTable plain(2, dim, 500000, {}), scaled(2, dim, 500000, scaling);
  for (std::int64_t i = 0; i < dim / 2; ++i) {
    CAPTURE(i);
    // At position 1 the angle is the frequency itself.
    const double frequency = std::atan2(plain.sine[dim / 2 + i], plain.cosine[dim / 2 + i]);
    const double found = std::atan2(scaled.sine[dim / 2 + i], scaled.cosine[dim / 2 + i]);
    const double wavelength = 2 * 3.14159265358979 / frequency;
    double wanted = frequency / 8;
    if (wavelength < 8) wanted = frequency;
    if (wavelength >= 8 && wavelength <= 32) {
      const double kept = (32 / wavelength - 1) / 3;
      wanted = (1 - kept) * frequency / 8 + kept * frequency;
    }
    CHECK(found == doctest::Approx(wanted).epsilon(1e-5));
  }
}

TEST_CASE("device: rope and its way back, as on the processor") {
  TestDevice device;
  if (!device) return;
  for (const Case& c : kCases) {
    CAPTURE(c.head_dim);
    const RopeTable table(c.first + c.length, c.head_dim, c.theta, {});
    const DeviceRopeTable table_there(device.stream(), table);
    const auto x = random_matrix(c.sequences * c.length, c.heads * c.head_dim, 1);
    auto turned = x, back = x;
    rope(table, c.length, c.first, turned.view());
    rope(table, c.length, c.first, back.view(), Turn::kBack);
    const auto turned_there = device.of(x), back_there = device.of(x);
    rope(device.stream(), table_there, c.length, c.first, turned_there);
    rope(device.stream(), table_there, c.length, c.first, back_there, Turn::kBack);
    CHECK(relative_error(device.back(turned_there).values, turned.values) < 2e-7);  // one rounding or two
    CHECK(relative_error(device.back(back_there).values, back.values) < 2e-7);
  }
}
