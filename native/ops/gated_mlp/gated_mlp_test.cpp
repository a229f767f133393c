#include "ops/gated_mlp/gated_mlp.hpp"

#include <doctest/doctest.h>

#include "device/test_device.hpp"
#include "ops/gated_mlp/gated_mlp_cuda.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

double silu(double g) { return g / (1 + std::exp(-g)); }

struct Case {
  std::int64_t rows, cols;
  float scale;
};

constexpr Case kCases[] = {{1, 1, 1}, {3, 7, 1}, {9, 33, 20}, {4, 64, 1e-3f}, {200, 172, 5}};

}  // namespace

TEST_CASE("gated_silu follows its formula (tier B) and its gradients the differences (tier D)") {
  for (const Case& c : kCases) {
    CAPTURE(c.rows);
    CAPTURE(c.scale);
    const auto gate = random_matrix(c.rows, c.cols, 1, c.scale), up = random_matrix(c.rows, c.cols, 2),
               dy = random_matrix(c.rows, c.cols, 3);
    Matrix<float> y(c.rows, c.cols), d_gate(c.rows, c.cols), d_up(c.rows, c.cols);
    gated_silu(gate.view(), up.view(), y.view());
    gated_silu_backward(gate.view(), up.view(), dy.view(), d_gate.view(), d_up.view());
    std::vector<double> wanted, wanted_gate, wanted_up;
    for (std::size_t i = 0; i < gate.values.size(); ++i) {
      const double g = gate.values[i], u = up.values[i], d = dy.values[i], step = 1e-5;
      wanted.push_back(silu(g) * u);
      wanted_gate.push_back(d * u * (silu(g + step) - silu(g - step)) / (2 * step));
      wanted_up.push_back(d * silu(g));
    }
    CHECK(relative_error(y.values, wanted) < 1e-6);
    CHECK(relative_error(d_gate.values, wanted_gate) < 2e-6);
    CHECK(relative_error(d_up.values, wanted_up) < 1e-6);
  }
}

TEST_CASE("gated_silu at the ends") {
  Matrix<float> gate(1, 3), up(1, 3), y(1, 3);
  gate.values = {-1e4f, 1e4f, NAN};
  up.values = {1, 1, 1};
  gated_silu(gate.view(), up.view(), y.view());
  CHECK(std::abs(y.values[0]) < 1e-30f);
  CHECK(y.values[1] == 1e4f);
  CHECK(std::isnan(y.values[2]));
}

TEST_CASE("device: gated_silu and its gradients, as on the processor") {
  TestDevice device;
  if (!device) return;
  for (const Case& c : kCases) {
    CAPTURE(c.rows);
    CAPTURE(c.scale);
    const auto gate = random_matrix(c.rows, c.cols, 1, c.scale), up = random_matrix(c.rows, c.cols, 2),
               dy = random_matrix(c.rows, c.cols, 3);
    Matrix<float> y(c.rows, c.cols), d_gate(c.rows, c.cols), d_up(c.rows, c.cols);
    gated_silu(gate.view(), up.view(), y.view());
    gated_silu_backward(gate.view(), up.view(), dy.view(), d_gate.view(), d_up.view());
    const auto gate_there = device.of(gate), up_there = device.of(up), dy_there = device.of(dy);
    const auto y_there = device.empty<float>(c.rows, c.cols);
    gated_silu(device.stream(), gate_there, up_there, y_there);
    gated_silu_backward(device.stream(), gate_there, up_there, dy_there, gate_there, up_there);
    // Each of the two is within 1e-6 or 2e-6 of the formula.
    CHECK(relative_error(device.back(y_there).values, y.values) < 2e-6);
    CHECK(relative_error(device.back(gate_there).values, d_gate.values) < 4e-6);
    CHECK(relative_error(device.back(up_there).values, d_up.values) < 2e-6);
  }
}

TEST_CASE("device: gated_silu at the ends") {
  TestDevice device;
  if (!device) return;
  const auto gate = device.of(std::vector<float>{-1e4f, 1e4f, NAN}), up = device.of(std::vector<float>{1, 1, 1});
  gated_silu(device.stream(), gate, up, gate);
  const auto y = device.back(gate);
  CHECK(std::abs(y.values[0]) < 1e-30f);
  CHECK(y.values[1] == 1e4f);
  CHECK(std::isnan(y.values[2]));
}
