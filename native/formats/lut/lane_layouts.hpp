#pragma once
// Lookups from registers: a codebook of two bytes an entry is two planes of bytes, and one byte permutation (prmt)
// takes four bytes of eight by four selectors of three bits. 16 entries: from both halves of the codebook, then chosen
// by the fourth bit.
//
// For several vectors the entries are fp16, and two more permutations join the planes. For one vector they are whole
// numbers of two signed bytes, 15 bits of a row's largest entry (an error of at most 2^-16 of it), and each plane goes
// into the tensor cores as it is: half the permutations, which are what these kernels spend their time on. Sums are
// exact.
//
// For lut.cu: how formats/few_kernel.hpp and formats/columns_kernel.hpp read these weights.

#include "formats/few_kernel.hpp"
#include "formats/lut/lane_order.hpp"

namespace squeeze::lut {

using few::kTileRows;
using few::kUnitCols;

// Joins byte planes of four weights: (0, 1) and (2, 3).
__device__ __forceinline__ void join(unsigned low, unsigned high, unsigned& first, unsigned& second) {
  first = permute_bytes(low, high, 0x5140);
  second = permute_bytes(low, high, 0x7362);
}

// One row's codebook in registers, low bytes of all entries and then high ones; and a group of four weights as two
// planes.
template <int kBits>
struct Codebook {
  static constexpr int kWords = (1 << kBits) / 2;
  unsigned words[kWords];

  // words of a row and unit, as formats/lut/lane_order.hpp says.
  __device__ __forceinline__ void look_up(const unsigned (&w)[kBits], int j, unsigned& low, unsigned& high) const {
    const int half = 16 * (j % 2);
    if constexpr (kBits == 2) {
      const unsigned index = (w[j / 4] >> (j / 2 % 2 * 2) & 0x33333333u) >> half;
      low = permute_bytes(words[0], words[0], index);
      high = permute_bytes(words[1], words[1], index);
    } else if constexpr (kBits == 3) {
      const unsigned both = j < 6 ? w[j / 2] & 0x77777777u
                                  : (w[0] >> 3 & 0x11111111u) | (w[1] >> 2 & 0x22222222u) | (w[2] >> 1 & 0x44444444u);
      low = permute_bytes(words[0], words[1], both >> half);
      high = permute_bytes(words[2], words[3], both >> half);
    } else {
      // Nibble i of `choice` is i, or i + 4 where the fourth bit is set.
      const unsigned index = (w[j / 2] & 0x77777777u) >> half;
      const unsigned choice = ((w[j / 2] >> 1 & 0x44444444u) | 0x32103210u) >> half;
      low = permute_bytes(permute_bytes(words[0], words[1], index), permute_bytes(words[2], words[3], index), choice);
      high = permute_bytes(permute_bytes(words[4], words[5], index), permute_bytes(words[6], words[7], index), choice);
    }
  }
};

// A lane's words of one unit: those of rows g and g + 8.
template <int kBits>
__device__ __forceinline__ void load_unit(const unsigned* at, unsigned (&low)[kBits], unsigned (&high)[kBits]) {
  constexpr int kVector = lane_order::kVector<kBits>;
  unsigned words[2 * kBits];
#pragma unroll
  for (int v = 0; v < 2 * kBits / kVector; ++v) {
    if constexpr (kVector == 2) {
      const uint2 two = load_once(reinterpret_cast<const uint2*>(at + v * 32 * kVector));
      words[2 * v] = two.x;
      words[2 * v + 1] = two.y;
    } else {
      const uint4 four = load_once(reinterpret_cast<const uint4*>(at + v * 32 * kVector));
      words[4 * v] = four.x;
      words[4 * v + 1] = four.y;
      words[4 * v + 2] = four.z;
      words[4 * v + 3] = four.w;
    }
  }
#pragma unroll
  for (int i = 0; i < kBits; ++i) {
    low[i] = words[i];
    high[i] = words[kBits + i];
  }
}

// Where the words of a tile are.
template <int kBits>
class LaneOrdered {
 public:
  using Stream = const unsigned*;

  __device__ static Stream stream(const few::Target& target, const few::Task& task, int tile) {
    return first_word(target, task, tile) + static_cast<int>(threadIdx.x) % 32 * lane_order::kVector<kBits>;
  }
  // By a warp: units of a tile from `first` on.
  __device__ __forceinline__ static void prefetch(const few::Target& target, const few::Task& task, int tile,
                                                  int first) {
    constexpr int kUnitBytes = 256 * kBits;
    const int count = min(task.units - first, few::kMostAheadBytes / kUnitBytes);
    if (threadIdx.x % 32 == 0 && count > 0)
      prefetch_bytes(first_word(target, task, tile) + first * 64 * kBits, count * kUnitBytes);
  }
  __device__ static void prepare(const few::Target&, const few::Task&, int, int) {}

 private:
  __device__ __forceinline__ static const unsigned* first_word(const few::Target& target, const few::Task& task,
                                                               int tile) {
    return static_cast<const unsigned*>(target.weights) + static_cast<std::int64_t>(tile) * task.units * 64 * kBits;
  }
};

// 2, 3 and 4 bits: codebooks in registers.
template <int kBits>
class LutBase : public LaneOrdered<kBits> {
 public:
  using typename LaneOrdered<kBits>::Stream;
  static constexpr int kTableWords = Codebook<kBits>::kWords;  // of a row
  static constexpr int kUnitsAhead = 4;
  struct Unit {
    unsigned low[kBits], high[kBits];  // rows g and g + 8
  };

  // tables [16, kTableWords]: of the tile.
  __device__ explicit LutBase(const unsigned* tables) {
    const unsigned* row = tables + static_cast<int>(threadIdx.x) % 32 / 4 * kTableWords;
#pragma unroll
    for (int i = 0; i < kTableWords; ++i) {
      low_.words[i] = row[i];
      high_.words[i] = row[8 * kTableWords + i];
    }
  }

  __device__ __forceinline__ static void load(Stream stream, int unit, Unit& u) {
    load_unit<kBits>(stream + static_cast<std::int64_t>(unit) * 64 * kBits, u.low, u.high);
  }

 protected:
  Codebook<kBits> low_, high_;
};

// As fp16.
template <int kBits>
class LutLayout : public LutBase<kBits> {
 public:
  using Base = LutBase<kBits>;
  using typename Base::Unit;
  using Number = Half;
  static constexpr int kTileSharedBytes = 0;

  __device__ LutLayout(const few::Target&, const unsigned* tables, int) : Base(tables) {}

  __device__ __forceinline__ void fragment(const Unit& u, int j, unsigned (&a)[4]) const {
    unsigned low, high;
    Base::low_.look_up(u.low, j, low, high);
    join(low, high, a[0], a[2]);
    Base::high_.look_up(u.high, j, low, high);
    join(low, high, a[1], a[3]);
  }
};

// One vector, in whole numbers.
template <int kBits>
class LutOneWork : public LutBase<kBits> {
 public:
  using Base = LutBase<kBits>;
  using typename Base::Unit;
  using Vectors = few::DigitVector;
  // Sums over digits of weights (low, high) of products with the digits of the vector, which are columns.
  struct Sums {
    int low[4], high[4];
  };

  __device__ LutOneWork(const few::Target&, const unsigned* tables) : Base(tables) {}

  __device__ __forceinline__ static const void* tables(const few::Target& target) { return target.digits; }
  __device__ __forceinline__ static const float* scales(const few::Target& target) { return target.scales; }

  __device__ __forceinline__ void multiply(const Unit& u, int unit, const Vectors& x, Sums& sums) const {
#pragma unroll
    for (int q = 0; q < few::kGroups / 2; ++q) {
      const uint2 eight = x.eight(unit, q);
      unsigned low[4], high[4];
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        Base::low_.look_up(u.low, 2 * q + k, low[2 * k], high[2 * k]);
        Base::high_.look_up(u.high, 2 * q + k, low[2 * k + 1], high[2 * k + 1]);
      }
      mma_m16n8k32(sums.low, low, {eight.x, eight.y});
      mma_m16n8k32(sums.high, high, {eight.x, eight.y});
    }
  }

  // Lane 4g has the digits 0 and 1 of rows g and g + 8, its neighbour digit 2.
  __device__ __forceinline__ static void leave(const Sums& sums, const Vectors& x, float (&dense)[kTileRows][1]) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const bool last = lane % 2 != 0;
    const auto value = [&](int c) {
      const float first = 256.0f * static_cast<float>(sums.high[c]) + static_cast<float>(sums.low[c]);
      const float second = 256.0f * static_cast<float>(sums.high[c + 1]) + static_cast<float>(sums.low[c + 1]);
      float own = (last ? 65536.0f * first : 256.0f * second + first) * x.scale();
      own += __shfl_xor_sync(kWholeWarp, own, 1);
      return own;
    };
    const float low = value(0), high = value(2);
    if (lane % 4 != 0) return;
    dense[lane / 4][0] = low;
    dense[lane / 4 + 8][0] = high;
  }
};

// 5 to 8 bits, a byte an index; codebooks in shared memory.
class ByteLutLayout : public LaneOrdered<8> {
 public:
  using Number = Half;
  static constexpr int kUnitsAhead = 2;
  static constexpr int kTileSharedBytes = kTileRows * static_cast<int>(sizeof(Half));
  static constexpr int kTableWords = 0;
  struct Unit {
    unsigned low[8], high[8];
  };

  // Loads the codebooks of all rows of these tiles.
  __device__ static void prepare(const few::Target& target, const few::Task&, int first_tile, int last_tile) {
    const std::int64_t tile_words = kTileRows * target.entries / 2;
    const auto* from = static_cast<const unsigned*>(target.tables) + first_tile * tile_words;
    unsigned* to = dynamic_shared<unsigned>();
    __syncthreads();  // those of the last step have been read
    for (int i = static_cast<int>(threadIdx.x); i < (last_tile - first_tile) * tile_words; i += few::kThreads)
      to[i] = from[i];
    __syncthreads();
  }
  __device__ ByteLutLayout(const few::Target& target, const unsigned*, int local_tile) {
    low_ = dynamic_shared<unsigned short>() +
           (local_tile * kTileRows + static_cast<int>(threadIdx.x) % 32 / 4) * target.entries;
    high_ = low_ + 8 * target.entries;
  }

  __device__ __forceinline__ static void load(Stream stream, int unit, Unit& u) {
    load_unit<8>(stream + static_cast<std::int64_t>(unit) * 64 * 8, u.low, u.high);
  }

  __device__ __forceinline__ void fragment(const Unit& u, int j, unsigned (&a)[4]) const {
    const unsigned low = u.low[j], high = u.high[j];
    a[0] = low_[low & 255u] | static_cast<unsigned>(low_[low >> 8 & 255u]) << 16;
    a[1] = high_[high & 255u] | static_cast<unsigned>(high_[high >> 8 & 255u]) << 16;
    a[2] = low_[low >> 16 & 255u] | static_cast<unsigned>(low_[low >> 24]) << 16;
    a[3] = high_[high >> 16 & 255u] | static_cast<unsigned>(high_[high >> 24]) << 16;
  }

 private:
  const unsigned short *low_, *high_;
};

}  // namespace squeeze::lut
