#include "ops/add/add.hpp"

#include <doctest/doctest.h>

#include "device/test_device.hpp"
#include "ops/add/add_cuda.hpp"
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

TEST_CASE("device: add, add_bias, add_squares and scale (tier A)") {
  TestDevice device;
  if (!device) return;
  for (const std::int64_t rows : {1, 3, 700})
    for (const std::int64_t cols : {36, 37}) {
      const auto x = random_matrix(rows, cols, 1), y = random_matrix(rows, cols, 2), bias = random_matrix(1, cols, 3);
      const auto sum = device.of(x), biased = device.of(x), same = device.of(x), squares = device.of(x),
                 scaled = device.of(x), y_there = device.of(y), bias_there = device.of(bias);
      add(device.stream(), sum, y_there);
      add_bias(device.stream(), biased, bias_there.data);
      add_bias(device.stream(), same, nullptr);
      add_squares(device.stream(), squares, y_there, 0.25f);
      scale(device.stream(), scaled, 3);
      const auto sum_back = device.back(sum), biased_back = device.back(biased), squares_back = device.back(squares),
                 scaled_back = device.back(scaled);
      CHECK(device.back(same).values == x.values);
      bool right = true;
      for (std::size_t i = 0; i < x.values.size(); ++i) {
        right = right && sum_back.values[i] == x.values[i] + y.values[i];
        right = right && biased_back.values[i] == x.values[i] + bias.values[i % cols];
        right = right && scaled_back.values[i] == x.values[i] * 3;
        // A compiler may fuse the product with the sum.
        right = right && std::abs(squares_back.values[i] - (x.values[i] + y.values[i] * y.values[i] / 4)) < 2e-7f;
      }
      CHECK(right);
    }
}

TEST_CASE("device: add at addresses that hold no whole packs (tier A)") {
  TestDevice device;
  if (!device) return;
  const auto x = random_matrix(1, 101, 1), y = random_matrix(1, 101, 2);
  const auto x_there = device.of(x), y_there = device.of(y);
  add(device.stream(), DeviceView<float>{x_there.data + 1, 1, 100}, DeviceView<const float>{y_there.data, 1, 100});
  const auto back = device.back(x_there);
  CHECK(back.values[0] == x.values[0]);
  for (std::size_t i = 0; i < 100; ++i) CHECK(back.values[i + 1] == x.values[i + 1] + y.values[i]);
}
