#include "ops/add/add.hpp"

#include <doctest/doctest.h>

#include "ops/reference_test.hpp"

using namespace squeeze;

TEST_CASE("add and add_bias (tier A)") {
  for (const std::int64_t rows : {1, 3, 700}) {
    const auto x = random_matrix(rows, 37, 1), y = random_matrix(rows, 37, 2), bias = random_matrix(1, 37, 3);
    auto sum = x, biased = x, same = x;
    add(sum.view(), y.view());
    add_bias(biased.view(), bias.values);
    add_bias(same.view(), {});
    bool right = true;
    for (std::size_t i = 0; i < x.values.size(); ++i) {
      right = right && sum.values[i] == x.values[i] + y.values[i];
      right = right && biased.values[i] == x.values[i] + bias.values[i % 37];
    }
    CHECK(right);
    CHECK(same.values == x.values);
  }
}
