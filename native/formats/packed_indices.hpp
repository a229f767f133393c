#pragma once
// Indices of b bits, packed little-endian along a row: index j takes bits [j·b, (j+1)·b) of the row seen as one long
// little-endian number in 32-bit words. Each row begins on a word; the bits after the last index are zero.

#include <cstddef>
#include <cstdint>
#include <span>

namespace squeeze {

inline constexpr int kMinBits = 2, kMaxBits = 8;

// Words of one row: ceil(cols · bits / 32).
std::int64_t packed_words(std::int64_t cols, int bits);

// indices [cols], each < 2^bits → words [packed_words(cols, bits)].
void pack_indices(std::span<const std::uint8_t> indices, int bits, std::span<std::uint32_t> words);

// The first indices.size() indices of a row. `words` need not be aligned.
void unpack_indices(const std::byte* words, int bits, std::span<std::uint8_t> indices);

// True when the bits behind index cols - 1 are all zero.
bool padding_is_zero(const std::byte* words, int bits, std::int64_t cols);

}  // namespace squeeze
