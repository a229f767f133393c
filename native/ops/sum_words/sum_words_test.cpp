#include <doctest/doctest.h>

#include <numeric>

#include "device/test_device.hpp"
#include "ops/sum_words/sum_words_cuda.hpp"

using namespace squeeze;

TEST_CASE("device: every word is added up once, whatever their number") {
  TestDevice device;
  if (!device) return;
  // In 16-byte loads a tile is 1024 of them: less than one, whole ones, and one that ends within.
  for (const std::int64_t count : {0, 4, 4096, 8192, 100'004, 262'144}) {
    for (const std::int64_t blocks : {std::int64_t{1}, std::int64_t{7}, sum_words_blocks(device.stream().device())}) {
      CAPTURE(count);
      CAPTURE(blocks);
      std::vector<std::uint32_t> words(static_cast<std::size_t>(count));
      for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<std::uint32_t>(i * 2654435761u + 12345);
      const auto sums = device.empty<std::uint32_t>(1, blocks);
      sum_words(device.stream(), device.of(words), sums);
      const auto back = device.back(sums).values;
      CHECK(std::accumulate(back.begin(), back.end(), std::uint32_t{0}) ==
            std::accumulate(words.begin(), words.end(), std::uint32_t{0}));
    }
  }
}
