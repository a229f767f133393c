#include "ops/argmax/argmax.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "ops/reference_test.hpp"

using namespace squeeze;

TEST_CASE("argmax: the first of the largest, at every length (tier A)") {
  for (const std::int64_t count : {1, 2, 15, 16, 17, 100, 1000}) {
    CAPTURE(count);
    auto x = random_matrix(1, count, 1).values;
    CHECK(argmax(x) == std::ranges::max_element(x) - x.begin());
    x[count - 1] = 3;
    CHECK(argmax(x) == count - 1);
    x[count / 2] = 3;
    CHECK(argmax(x) == count / 2);
    CHECK(largest(x) == 3);
    std::ranges::fill(x, -INFINITY);
    CHECK(argmax(x) == 0);
  }
}
