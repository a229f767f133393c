#include "ops/selection/selection.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <mutex>
#include <vector>

#include "base/simd.hpp"
#include "base/threads.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kChunk = 1 << 20;  // many times the digits that each counts

// Bits in numeric order; −0 counts as 0.
std::uint32_t ordered(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

// How many values fall to each 16-bit digit; sums of whole numbers, so any order of threads gives the same.
template <typename DigitOf>
std::vector<std::int64_t> histogram(std::span<const float> values, const DigitOf& digit_of) {
  std::vector<std::int64_t> total(1 << 16);
  std::mutex mutex;
  parallel_for(static_cast<std::int64_t>(values.size()), kChunk, [&](std::int64_t first, std::int64_t last) {
    std::vector<std::int32_t> counts(1 << 16);
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t digit = digit_of(ordered(values[i]));
      if (digit >= 0) ++counts[digit];
    }
    const std::lock_guard lock(mutex);
    for (std::size_t digit = 0; digit < counts.size(); ++digit) total[digit] += counts[digit];
  });
  return total;
}

// Digit in which `rank` falls; rank becomes the rank within it.
std::uint32_t digit_of_rank(const std::vector<std::int64_t>& counts, std::int64_t& rank) {
  std::uint32_t digit = 0;
  while (rank >= counts[digit]) rank -= counts[digit++];
  return digit;
}

std::uint32_t key_of_rank(std::span<const float> values, std::int64_t rank) {
  const std::uint32_t high =
      digit_of_rank(histogram(values, [](std::uint32_t key) { return static_cast<std::int64_t>(key >> 16); }), rank);
  const auto low_digit = [high](std::uint32_t key) {
    return key >> 16 == high ? static_cast<std::int64_t>(key & 0xffffu) : std::int64_t{-1};
  };
  return high << 16 | digit_of_rank(histogram(values, low_digit), rank);
}

struct Counts {
  std::int64_t above = 0, equal = 0;
};

SQUEEZE_HOT Counts mark_above(const float* scores, std::int64_t count, std::uint32_t least, std::uint8_t* mask) {
  std::uint32_t above = 0, equal = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::uint32_t key = ordered(scores[i]);
    mask[i] = key > least;
    above += key > least;
    equal += key == least;
  }
  return {above, equal};
}

}  // namespace

float value_of_rank(std::span<const float> values, std::int64_t rank) {
  assert(rank >= 0 && rank < static_cast<std::int64_t>(values.size()));
  const std::uint32_t key = key_of_rank(values, rank);
  return std::bit_cast<float>(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

void mark_largest(std::span<const float> scores, std::int64_t count, std::span<std::uint8_t> mask) {
  const auto total = static_cast<std::int64_t>(scores.size());
  assert(mask.size() == scores.size());
  if (count <= 0 || count >= total) {
    std::ranges::fill(mask, static_cast<std::uint8_t>(count > 0));
    return;
  }
  const std::uint32_t least = key_of_rank(scores, total - count);
  // What is above, and in each chunk how many are equal; of those the first get what is left of the count.
  const std::int64_t chunks = (total + kChunk - 1) / kChunk;
  std::vector<Counts> counts(static_cast<std::size_t>(chunks));
  parallel_for(chunks, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c) {
      const std::int64_t begin = c * kChunk;
      counts[c] = mark_above(scores.data() + begin, std::min(kChunk, total - begin), least, mask.data() + begin);
    }
  });
  std::int64_t left = count;
  for (const Counts& chunk : counts) left -= chunk.above;
  for (std::int64_t c = 0; left > 0; ++c) {
    if (counts[c].equal == 0) continue;
    for (std::int64_t i = c * kChunk; left > 0 && i < std::min(total, (c + 1) * kChunk); ++i) {
      if (ordered(scores[i]) != least) continue;
      mask[i] = 1;
      --left;
    }
  }
}

}  // namespace squeeze
