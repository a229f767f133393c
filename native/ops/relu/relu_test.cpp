#include "ops/relu/relu.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "ops/reference_test.hpp"

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
