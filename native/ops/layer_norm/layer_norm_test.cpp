#include "ops/layer_norm/layer_norm.hpp"

#include <doctest/doctest.h>

#include "device/test_device.hpp"
#include "ops/layer_norm/layer_norm_cuda.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

std::vector<double> reference(const std::vector<double>& x, const std::vector<double>& weight,
                              const std::vector<double>& bias, double eps) {
  const std::size_t cols = weight.size();
  std::vector<double> y(x.size());
  for (std::size_t row = 0; row < x.size(); row += cols) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < cols; ++i) mean += x[row + i] / static_cast<double>(cols);
    for (std::size_t i = 0; i < cols; ++i) variance += std::pow(x[row + i] - mean, 2) / static_cast<double>(cols);
    for (std::size_t i = 0; i < cols; ++i)
      y[row + i] = (x[row + i] - mean) / std::sqrt(variance + eps) * weight[i] + bias[i];
  }
  return y;
}

struct Case {
  std::int64_t rows, cols;
  float scale, shift;
};

constexpr Case kCases[] = {{3, 7, 1, 0}, {5, 64, 100, 0}, {4, 32, 1, 50}, {300, 96, 1, 0}};

}  // namespace

TEST_CASE("layer_norm follows its formula (tier B) and its gradient the differences (tier D)") {
  for (const Case& c : kCases) {
    CAPTURE(c.cols);
    CAPTURE(c.shift);
    auto x = random_matrix(c.rows, c.cols, 1, c.scale);
    for (float& value : x.values) value += c.shift;
    const auto weight = random_matrix(1, c.cols, 2), bias = random_matrix(1, c.cols, 3);
    const auto loss_at = [&](const auto& at) { return reference(at, in_double(weight), in_double(bias), 1e-5); };
    Matrix<float> y(c.rows, c.cols);
    layer_norm(x.view(), weight.values, bias.values, 1e-5f, y.view());
    // The mean is rounded to fp32 at the size of the shift: that much of a deviation.
    const double bound = 1e-6 * (1 + 4 * c.shift);
    CHECK(relative_error(y.values, loss_at(in_double(x))) < bound);

    auto in_place = x;
    layer_norm(in_place.view(), weight.values, bias.values, 1e-5f, in_place.view());
    CHECK(in_place.values == y.values);

    if (c.rows * c.cols > 1000) continue;
    const auto dy = random_matrix(c.rows, c.cols, 4);
    const auto differences = central_differences([&](const auto& at) { return weighted(loss_at(at), in_double(dy)); },
                                                 in_double(x), 1e-5 * c.scale);
    auto dx = dy;
    layer_norm_backward(x.view(), weight.values, 1e-5f, dx.view(), dx.view());
    CHECK(relative_error(dx.values, differences) < 10 * bound);
  }
}

TEST_CASE("device: layer_norm follows its formula, and its gradient the processor's") {
  TestDevice device;
  if (!device) return;
  for (const Case& c : kCases) {
    CAPTURE(c.cols);
    CAPTURE(c.shift);
    auto x = random_matrix(c.rows, c.cols, 1, c.scale);
    for (float& value : x.values) value += c.shift;
    const auto weight = random_matrix(1, c.cols, 2), bias = random_matrix(1, c.cols, 3);
    const auto dy = random_matrix(c.rows, c.cols, 4);
    Matrix<float> dx(c.rows, c.cols);
    layer_norm_backward(x.view(), weight.values, 1e-5f, dy.view(), dx.view());

    const auto x_there = device.of(x), weight_there = device.of(weight), bias_there = device.of(bias),
               dx_there = device.of(dy), y_there = device.empty<float>(c.rows, c.cols);
    const auto half = device.empty<Half>(c.rows, c.cols);
    const auto bfloat = device.empty<BFloat16>(c.rows, c.cols);
    layer_norm(device.stream(), x_there, weight_there.data, bias_there.data, 1e-5f, y_there);
    layer_norm(device.stream(), x_there, weight_there.data, bias_there.data, 1e-5f, half);
    layer_norm(device.stream(), x_there, weight_there.data, bias_there.data, 1e-5f, bfloat);
    layer_norm_backward(device.stream(), x_there, weight_there.data, 1e-5f, dx_there, dx_there);
    layer_norm(device.stream(), x_there, weight_there.data, bias_there.data, 1e-5f, x_there);
    const double bound = 1e-6 * (1 + 4 * c.shift);  // as on the processor
    const auto y = device.back(y_there);
    CHECK(relative_error(y.values, reference(in_double(x), in_double(weight), in_double(bias), 1e-5)) < bound);
    CHECK(relative_error(device.back(dx_there).values, dx.values) < 10 * bound);
    CHECK(device.back(x_there).values == y.values);
    const auto half_back = device.back(half);
    const auto bfloat_back = device.back(bfloat);
    for (std::size_t i = 0; i < y.values.size(); ++i) {
      CHECK(half_back.values[i] == to_half(y.values[i]));
      CHECK(bfloat_back.values[i] == to_bfloat16(y.values[i]));
    }
  }
}
