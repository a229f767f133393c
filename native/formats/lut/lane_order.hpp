#pragma once
// Where the index of a weight stands on a GPU. A lane's 32 weights of one row and unit (formats/few_kernel.hpp) are
// groups j = 0..7 of columns i = 0..3, in B words of 32 bits; rows g and g + 8 one after the other, so 2·B words a lane
// and unit. The widths' orders are made so that a lookup by byte permutation takes few instructions:
//   2 bits: four groups a word; two of them are the lower halves of its nibbles, two the upper ones.
//   3 bits: groups 0..5 as nibbles, two groups a word; the fourth bits of the three words' nibbles are groups 6 and 7.
//   4 bits: nibbles, two groups a word.   8 bits: bytes, one group a word.

#include <cstdint>

#include "device/kernel.hpp"

namespace squeeze::lane_order {

// Words that a lane reads at once, 8 or 16 bytes; a unit's words lie lane beside lane for each such read.
template <int kBits>
inline constexpr int kVector = kBits == 3 ? 2 : 4;

template <int kBits>
__host__ __device__ constexpr std::int64_t word_place(int word, int lane) {
  return (word / kVector<kBits> * 32 + lane) * kVector<kBits> + word % kVector<kBits>;
}

// Sets index (j, i) among a row's words, which were 0.
template <int kBits>
__host__ __device__ constexpr void put(unsigned (&words)[kBits], int j, int i, unsigned index) {
  if constexpr (kBits == 2) {
    words[j / 4] |= index << (16 * (j % 2) + 4 * i + j / 2 % 2 * 2);
  } else if constexpr (kBits == 3) {
    if (j < 6) {
      words[j / 2] |= index << (16 * (j % 2) + 4 * i);
    } else {
      for (int k = 0; k < 3; ++k) words[k] |= (index >> k & 1u) << (16 * (j - 6) + 4 * i + 3);
    }
  } else if constexpr (kBits == 4) {
    words[j / 2] |= index << (16 * (j % 2) + 4 * i);
  } else {
    words[j] |= index << (8 * i);
  }
}

// The index at `row` and `col` of a matrix in this order.
template <int kBits>
__device__ inline unsigned index_at(const unsigned* words, int units, std::int64_t row, int col) {
  const std::int64_t tile = row / 16;
  const int half = static_cast<int>(row % 16) / 8, g = static_cast<int>(row % 8);
  const int unit = col / 128, in_unit = col % 128;
  const int t = in_unit % 32 / 8, j = in_unit / 32 * 2 + in_unit % 8 / 4, i = in_unit % 4;
  const unsigned* base = words + (tile * units + unit) * 64 * kBits;
  const auto word = [&](int w) { return base[word_place<kBits>(half * kBits + w, 4 * g + t)]; };
  if constexpr (kBits == 2) {
    return word(j / 4) >> (16 * (j % 2) + 4 * i + j / 2 % 2 * 2) & 3u;
  } else if constexpr (kBits == 3) {
    if (j < 6) return word(j / 2) >> (16 * (j % 2) + 4 * i) & 7u;
    const int at = 16 * (j - 6) + 4 * i + 3;
    return (word(0) >> at & 1u) | (word(1) >> at & 1u) << 1 | (word(2) >> at & 1u) << 2;
  } else if constexpr (kBits == 4) {
    return word(j / 2) >> (16 * (j % 2) + 4 * i) & 15u;
  } else {
    return word(j) >> (8 * i) & 255u;
  }
}

}  // namespace squeeze::lane_order
