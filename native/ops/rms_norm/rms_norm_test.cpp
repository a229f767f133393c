#include "ops/rms_norm/rms_norm.hpp"

#include <doctest/doctest.h>

#include "device/test_device.hpp"
#include "ops/reference_test.hpp"
#include "ops/rms_norm/rms_norm_cuda.hpp"

using namespace squeeze;

namespace {

std::vector<double> reference(const std::vector<double>& x, const std::vector<double>& weight, double eps) {
  const std::size_t cols = weight.size();
  std::vector<double> y(x.size());
  for (std::size_t row = 0; row < x.size(); row += cols) {
    double squares = 0;
    for (std::size_t i = 0; i < cols; ++i) squares += x[row + i] * x[row + i];
    const double r = 1 / std::sqrt(squares / static_cast<double>(cols) + eps);
    for (std::size_t i = 0; i < cols; ++i) y[row + i] = x[row + i] * r * weight[i];
  }
  return y;
}

struct Case {
  std::int64_t rows, cols;
  float eps, scale;
};

constexpr Case kCases[] = {
    {1, 1, 1e-6f, 1}, {3, 7, 1e-5f, 1}, {5, 64, 1e-6f, 100}, {2, 288, 1e-6f, 1e-3f}, {300, 96, 1e-6f, 1}};

}  // namespace

TEST_CASE("rms_norm follows its formula (tier B) and its gradient the differences (tier D)") {
  for (const Case& c : kCases) {
    CAPTURE(c.rows);
    CAPTURE(c.cols);
    const auto x = random_matrix(c.rows, c.cols, 1, c.scale), weight = random_matrix(1, c.cols, 2);
    const auto wanted = reference(in_double(x), in_double(weight), c.eps);
    Matrix<float> y(c.rows, c.cols);
    rms_norm(x.view(), weight.values, c.eps, y.view());
    // The sum of squares is off by at most cols roundings, in practice by about their square root.
    CHECK(relative_error(y.values, wanted) < 1e-6);

    auto in_place = x;
    rms_norm(in_place.view(), weight.values, c.eps, in_place.view());
    CHECK(in_place.values == y.values);

    if (c.rows * c.cols > 1000) continue;
    const auto dy = random_matrix(c.rows, c.cols, 3);
    const auto differences = central_differences(
        [&](const auto& at) { return weighted(reference(at, in_double(weight), c.eps), in_double(dy)); }, in_double(x),
        1e-5 * c.scale);
    auto dx = dy;
    rms_norm_backward(x.view(), weight.values, c.eps, dx.view(), dx.view());
    CHECK(relative_error(dx.values, differences) < (c.cols == 1 ? 0.2 : 1e-5));  // one column: the gradient cancels
  }
}

TEST_CASE("rms_norm of zeros is zero, and of NaN is NaN in that row only") {
  Matrix<float> x(2, 4), y(2, 4);
  x.values = {0, 0, 0, 0, 1, NAN, 1, 1};
  rms_norm(x.view(), std::vector<float>(4, 1.0f), 1e-6f, y.view());
  CHECK(y.values[0] == 0);
  CHECK(std::isnan(y.values[4]));
}

TEST_CASE("device: rms_norm and its gradient, as on the processor") {
  TestDevice device;
  if (!device) return;
  for (const Case& c : kCases) {
    CAPTURE(c.rows);
    CAPTURE(c.cols);
    const auto x = random_matrix(c.rows, c.cols, 1, c.scale), weight = random_matrix(1, c.cols, 2);
    const auto dy = random_matrix(c.rows, c.cols, 3);
    Matrix<float> y(c.rows, c.cols), dx(c.rows, c.cols);
    rms_norm(x.view(), weight.values, c.eps, y.view());
    rms_norm_backward(x.view(), weight.values, c.eps, dy.view(), dx.view());

    const auto x_there = device.of(x), weight_there = device.of(weight), dx_there = device.of(dy);
    const auto y_there = device.empty<float>(c.rows, c.cols);
    const auto rounded = device.empty<Half>(c.rows, c.cols);
    rms_norm(device.stream(), x_there, weight_there.data, c.eps, y_there);
    rms_norm(device.stream(), x_there, weight_there.data, c.eps, rounded);
    rms_norm_backward(device.stream(), x_there, weight_there.data, c.eps, dx_there, dx_there);
    const auto y_back = device.back(y_there), dx_back = device.back(dx_there);
    CHECK(relative_error(y_back.values, y.values) < 1e-6);
    CHECK(relative_error(dx_back.values, dx.values) < (c.cols == 1 ? 0.2 : 1e-5));
    const auto half = device.back(rounded);
    for (std::size_t i = 0; i < half.values.size(); ++i) CHECK(half.values[i] == to_half(y_back.values[i]));
  }
}
