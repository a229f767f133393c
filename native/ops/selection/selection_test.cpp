#include "ops/selection/selection.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

using namespace squeeze;

TEST_CASE("selection: ranks and largest entries as by sorting, ties to the first") {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (const bool tied : {false, true}) {
    std::vector<float> values(700'000);
    for (float& value : values) value = tied ? std::round(2 * normal(random)) : normal(random);
    auto sorted = values;
    std::ranges::sort(sorted);
    for (const std::int64_t rank : {0, 1, 174'999, 350'000, 699'999})
      CHECK(value_of_rank(values, rank) == sorted[rank]);
    for (const std::int64_t count : {0, 1, 3, 315'000, 699'999, 700'000}) {
      std::vector<std::uint8_t> mask(values.size(), 7);
      mark_largest(values, count, mask);
      CHECK(std::accumulate(mask.begin(), mask.end(), std::int64_t{0}) == count);
      if (count == 0 || count == 700'000) continue;
      const float least = sorted[sorted.size() - count];
      bool tie_left_out = false, sound = true;
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] > least) sound &= mask[i] == 1;
        if (values[i] < least) sound &= mask[i] == 0;
        if (values[i] == least && !mask[i]) tie_left_out = true;
        if (values[i] == least && mask[i]) sound &= !tie_left_out;
      }
      CHECK(sound);
    }
  }
}
