#include "formats/packed_indices.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "base/simd.hpp"

namespace squeeze {

namespace {

constexpr int kBlock = 32;  // 32 indices of b bits fill exactly b words

// With B known, every shift is a constant once the loop is unrolled.
template <int B>
[[gnu::always_inline]] inline void unpack_block(const std::uint32_t* words, std::uint8_t* out) {
#pragma GCC unroll 32
  for (int i = 0; i < kBlock; ++i) {
    const int word = i * B / 32, shift = i * B % 32;
    std::uint32_t bits = words[word] >> shift;
    if (shift + B > 32) bits |= words[word + 1] << (32 - shift);
    out[i] = static_cast<std::uint8_t>(bits & ((1u << B) - 1));
  }
}

template <int B>
[[gnu::always_inline]] inline void unpack_row(const std::byte* words, std::int64_t count, std::uint8_t* out) {
  std::uint32_t block[B];
  std::int64_t j = 0;
  for (; j + kBlock <= count; j += kBlock, words += sizeof(block)) {
    std::memcpy(block, words, sizeof(block));
    unpack_block<B>(block, out + j);
  }
  if (j == count) return;
  std::uint8_t last[kBlock];
  std::memset(block, 0, sizeof(block));
  std::memcpy(block, words, static_cast<std::size_t>(packed_words(count - j, B)) * 4);
  unpack_block<B>(block, last);
  std::copy_n(last, count - j, out + j);
}

SQUEEZE_HOT void unpack(const std::byte* words, int bits, std::int64_t count, std::uint8_t* out) {
  switch (bits) {
    case 2:
      return unpack_row<2>(words, count, out);
    case 3:
      return unpack_row<3>(words, count, out);
    case 4:
      return unpack_row<4>(words, count, out);
    case 5:
      return unpack_row<5>(words, count, out);
    case 6:
      return unpack_row<6>(words, count, out);
    case 7:
      return unpack_row<7>(words, count, out);
    default:
      return unpack_row<8>(words, count, out);
  }
}

}  // namespace

std::int64_t packed_words(std::int64_t cols, int bits) { return (cols * bits + 31) / 32; }

void pack_indices(std::span<const std::uint8_t> indices, int bits, std::span<std::uint32_t> words) {
  assert(bits >= kMinBits && bits <= kMaxBits);
  assert(static_cast<std::int64_t>(words.size()) == packed_words(static_cast<std::int64_t>(indices.size()), bits));
  std::uint64_t pending = 0;
  int filled = 0;
  std::size_t word = 0;
  for (const std::uint8_t index : indices) {
    assert(index < 1u << bits);
    pending |= static_cast<std::uint64_t>(index) << filled;
    filled += bits;
    if (filled < 32) continue;
    words[word++] = static_cast<std::uint32_t>(pending);
    pending >>= 32;
    filled -= 32;
  }
  if (filled > 0) words[word] = static_cast<std::uint32_t>(pending);
}

void unpack_indices(const std::byte* words, int bits, std::span<std::uint8_t> indices) {
  assert(bits >= kMinBits && bits <= kMaxBits);
  unpack(words, bits, static_cast<std::int64_t>(indices.size()), indices.data());
}

bool padding_is_zero(const std::byte* words, int bits, std::int64_t cols) {
  const int used = static_cast<int>(cols * bits % 32);
  if (used == 0) return true;
  std::uint32_t last = 0;
  std::memcpy(&last, words + (packed_words(cols, bits) - 1) * 4, sizeof(last));
  return last >> used == 0;
}

}  // namespace squeeze
