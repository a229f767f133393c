#include "ops/relu/relu.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "device/test_device.hpp"
#include "ops/reference_test.hpp"
#include "ops/relu/relu_cuda.hpp"

using namespace squeeze;

TEST_CASE("relu and its gradient (tier A)") {
  Matrix<float> x(1, 5), dy(1, 5), y(1, 5), dx(1, 5);
  x.values = {-2, -0.0f, 0, 3, NAN};
  dy.values = {1, 2, 3, 4, 5};
  relu(x.view(), y.view());
  relu_backward(x.view(), dy.view(), dx.view());
  CHECK(y.values[0] == 0);
  CHECK(y.values[1] == 0);
  CHECK(y.values[3] == 3);
  CHECK(std::isnan(y.values[4]));
  CHECK(dx.values == std::vector<float>{0, 0, 0, 4, 0});
}

TEST_CASE("relu over many rows, in place") {
  auto x = random_matrix(500, 91, 1);
  Matrix<float> y(500, 91);
  relu(x.view(), y.view());
  relu(x.view(), x.view());
  CHECK(x.values == y.values);
}

TEST_CASE("device: relu and its gradient, as on the processor (tier A)") {
  TestDevice device;
  if (!device) return;
  auto x = random_matrix(50, 91, 1);
  const auto dy = random_matrix(50, 91, 2);
  x.values[7] = 0;
  x.values[8] = -0.0f;
  Matrix<float> y(50, 91), dx(50, 91);
  relu(x.view(), y.view());
  relu_backward(x.view(), dy.view(), dx.view());
  const auto x_there = device.of(x), dy_there = device.of(dy);
  relu_backward(device.stream(), x_there, dy_there, dy_there);
  relu(device.stream(), x_there, x_there);
  CHECK(device.back(x_there).values == y.values);
  CHECK(device.back(dy_there).values == dx.values);

  const auto not_a_number = device.of(std::vector<float>{NAN, NAN});
  const auto gradient = device.of(std::vector<float>{1, 2});
  relu_backward(device.stream(), not_a_number, gradient, gradient);
  relu(device.stream(), not_a_number, not_a_number);
  CHECK(std::isnan(device.back(not_a_number).values[1]));
  CHECK(device.back(gradient).values == std::vector<float>{0, 0});
}
