#include "ops/exp/exp.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

using squeeze::exp_approx;

TEST_CASE("exp_approx stays within 2e-7 of e^x (tier B)") {
  double worst = 0;
  for (int i = 0; i <= 1'750'000; ++i) {
    const float x = -87.0f + static_cast<float>(i) * 1e-4f;
    const double wanted = std::exp(static_cast<double>(x));
    worst = std::max(worst, std::abs(exp_approx(x) - wanted) / wanted);
  }
  CHECK(worst < 2e-7);
  CHECK(exp_approx(0.0f) == 1.0f);
}

TEST_CASE("exp_approx outside its range") {
  CHECK(exp_approx(-1e30f) < 2e-38f);
  CHECK(exp_approx(-1e30f) > 0.0f);
  CHECK(std::isfinite(exp_approx(1e30f)));
  CHECK(std::isfinite(exp_approx(std::numeric_limits<float>::infinity())));
  CHECK(std::isnan(exp_approx(std::numeric_limits<float>::quiet_NaN())));
}
