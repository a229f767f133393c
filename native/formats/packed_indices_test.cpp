#include "formats/packed_indices.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <vector>

using namespace squeeze;

TEST_CASE("packed indices: every width and length comes back, and lies where the layout says (A)") {
  std::mt19937 random(1);
  for (int bits = kMinBits; bits <= kMaxBits; ++bits) {
    for (const int count : {1, 2, 10, 11, 31, 32, 33, 63, 64, 65, 100, 515}) {
      std::vector<std::uint8_t> indices(count), back(count);
      for (auto& index : indices) index = static_cast<std::uint8_t>(random() % (1u << bits));
      std::vector<std::uint32_t> words(packed_words(count, bits), 0xffffffffu);
      pack_indices(indices, bits, words);
      for (int bit = 0; bit < static_cast<int>(words.size()) * 32; ++bit) {
        const bool wanted = bit < count * bits && (indices[bit / bits] >> bit % bits & 1);
        REQUIRE((words[bit / 32] >> bit % 32 & 1) == wanted);
      }
      std::vector<std::byte> shifted(words.size() * 4 +
                                     1);  // unaligned, and sized so that a sanitizer sees any overrun
      std::memcpy(shifted.data() + 1, words.data(), words.size() * 4);
      unpack_indices(shifted.data() + 1, bits, back);
      CHECK(back == indices);
      CHECK(padding_is_zero(shifted.data() + 1, bits, count));
      if (count * bits % 32 != 0) {
        shifted.back() = std::byte{0x80};
        CHECK_FALSE(padding_is_zero(shifted.data() + 1, bits, count));
      }
    }
  }
}
