#include "formats/lut/kernels.hpp"

#if defined(SQUEEZE_X86_KERNELS)

#include <immintrin.h>

#include <algorithm>
#include <vector>

// After every include, so that nothing but what stands in this file is compiled for these instructions.
#pragma GCC target("avx2,fma,f16c")
#define SQUEEZE_INLINE [[gnu::always_inline]] inline

namespace squeeze {

namespace {

constexpr std::int64_t kHalf = 16;  // lanes of 16 bits in half a vector, which is one register here
constexpr std::int64_t kStep = 4 * kVectorBytes;
constexpr std::int64_t kPrefetch = 3072;  // bytes ahead in the stream

SQUEEZE_INLINE __m256i load(const void* from) {
  __m256i v = _mm256_load_si256(static_cast<const __m256i*>(from));
  asm("" : "+x"(v));
  return v;
}

SQUEEZE_INLINE float sum(__m256 v) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

// Sums of T tokens with one row. Each half of a group's columns has a sum of its own: in eight lanes instead of
// sixteen, a whole group would pass 2^31.
template <int T>
struct WordSums {
  __m256i halves[T][2];
  __m256 totals[T];

  SQUEEZE_INLINE void clear_group() {
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) halves[t][0] = halves[t][1] = _mm256_setzero_si256();
  }
  SQUEEZE_INLINE void close_group(const DecodeInput& x, std::int64_t t0, std::int64_t group) {
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
      const __m256 scale = _mm256_set1_ps(x.scales(t0 + t)[group]);
      totals[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(halves[t][0]), scale, totals[t]);
      totals[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(halves[t][1]), scale, totals[t]);
    }
  }
};

// --- 4 bits: 16 entries are one byte shuffle, once for their low and once for their high bytes
// ---------------------------

// The inputs of a vector's columns in the order in which the bytes' results become 16-bit lanes: columns s and s + 64
// alternate. For all tokens, [T][groups · 512].
const std::int16_t* interleaved(const DecodeInput& x) {
  thread_local std::vector<std::int16_t> memory;
  const std::int64_t stride = x.groups() * kDecodeGroup;
  memory.resize(static_cast<std::size_t>(x.tokens() * stride + kHalf));
  auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  auto* const out = memory.data() + (32 - address % 32) % 32 / sizeof(std::int16_t);
  for (std::int64_t t = 0; t < x.tokens(); ++t)
    for (std::int64_t vector = 0; vector < stride; vector += 4 * kLanes)
      for (std::int64_t half = 0; half < 2; ++half)
        for (std::int64_t s = 0; s < 2; ++s) {
          const std::int16_t* const in = x.words(t) + vector + s * kLanes + half * kHalf;
          const __m256i a = load(in), b = load(in + 2 * kLanes);
          auto* const to = reinterpret_cast<__m256i*>(out + t * stride + vector + half * 64 + s * 32);
          _mm256_store_si256(to, _mm256_unpacklo_epi16(a, b));
          _mm256_store_si256(to + 1, _mm256_unpackhi_epi16(a, b));
        }
  return out;
}

template <int T>
SQUEEZE_INLINE void multiply_row_4(const LutTiles& tiles, const WordTables& tables, std::int64_t row,
                                   const DecodeInput& x, const std::int16_t* words, std::int64_t t0,
                                   MatrixView<float> y) {
  const std::int64_t stride = x.groups() * kDecodeGroup;
  const __m256i bytes = load(tables.words + row * 16);
  // Low bytes of the entries, then high bytes, in each half of a register.
  const __m256i apart =
      _mm256_shuffle_epi8(bytes, _mm256_setr_epi8(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8,
                                                  10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15));
  const __m256i low = _mm256_permute4x64_epi64(apart, 0x88), high = _mm256_permute4x64_epi64(apart, 0xdd);
  const __m256i mask = _mm256_set1_epi8(15);
  WordSums<T> sums;
#pragma GCC unroll 4
  for (int t = 0; t < T; ++t) sums.totals[t] = _mm256_setzero_ps();
  const std::byte* vector = tiles.row(row);
  for (std::int64_t v = 0, group = 0; v < tiles.row_vectors(); ++group) {
    sums.clear_group();
    for (const std::int64_t end = std::min<std::int64_t>(tiles.row_vectors(), v + 4); v < end; ++v, vector += kStep) {
      _mm_prefetch(reinterpret_cast<const char*>(vector + kPrefetch), _MM_HINT_T0);
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const __m256i indices = load(vector + half * 32);
#pragma GCC unroll 2
        for (int s = 0; s < 2; ++s) {
          const __m256i i = _mm256_and_si256(s == 0 ? indices : _mm256_srli_epi16(indices, 4), mask);
          const __m256i l = _mm256_shuffle_epi8(low, i), h = _mm256_shuffle_epi8(high, i);
          const __m256i first = _mm256_unpacklo_epi8(l, h), second = _mm256_unpackhi_epi8(l, h);
#pragma GCC unroll 4
          for (int t = 0; t < T; ++t) {
            const auto* const in =
                reinterpret_cast<const __m256i*>(words + (t0 + t) * stride + v * 128 + half * 64 + s * 32);
            __m256i& into = sums.halves[t][s];
            into = _mm256_add_epi32(into, _mm256_madd_epi16(first, _mm256_load_si256(in)));
            into = _mm256_add_epi32(into, _mm256_madd_epi16(second, _mm256_load_si256(in + 1)));
          }
        }
      }
    }
    sums.close_group(x, t0, group);
  }
#pragma GCC unroll 4
  for (int t = 0; t < T; ++t) y.data[(t0 + t) * y.cols + row] = sum(sums.totals[t]) * tables.scales[row];
}

// --- 2 and 3 bits: up to 8 entries of two bytes are one byte shuffle
// -----------------------------------------------------

template <int B, int T>
SQUEEZE_INLINE void multiply_row_small(const LutTiles& tiles, const WordTables& tables, std::int64_t row,
                                       const DecodeInput& x, std::int64_t t0, MatrixView<float> y) {
  constexpr int shifts = 16 / B;
  constexpr std::int64_t cols = shifts * kLanes;
  __m256i table;
  if constexpr (B == 2) table = _mm256_set1_epi64x(*reinterpret_cast<const long long*>(tables.words + row * 4));
  if constexpr (B == 3)
    table = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(tables.words + row * 8)));
  const __m256i mask = _mm256_set1_epi16((1 << B) - 1);
  const __m256i twice = _mm256_set1_epi16(0x0202), second_byte = _mm256_set1_epi16(0x0100);
  WordSums<T> sums;
#pragma GCC unroll 4
  for (int t = 0; t < T; ++t) sums.totals[t] = _mm256_setzero_ps();

  // An index i in each lane becomes the byte numbers 2i and 2i + 1.
  const auto add = [&](__m256i lanes, std::int64_t col, int half) __attribute__((always_inline)) {
    const __m256i i = _mm256_and_si256(lanes, mask);
    const __m256i entries = _mm256_shuffle_epi8(table, _mm256_add_epi16(_mm256_mullo_epi16(i, twice), second_byte));
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
      const auto* const in = reinterpret_cast<const __m256i*>(x.words(t0 + t) + col + half * kHalf);
      __m256i& into = sums.halves[t][half];
      into = _mm256_add_epi32(into, _mm256_madd_epi16(entries, _mm256_load_si256(in)));
    }
  };
  const std::byte* vector = tiles.row(row);
  const auto add_vector = [&](std::int64_t col, int half) __attribute__((always_inline)) {
    const __m256i lanes = load(vector + half * 32);
#pragma GCC unroll 8
    for (int s = 0; s < shifts; ++s) add(_mm256_srli_epi16(lanes, B * s), col + s * kLanes, half);
    return lanes;
  };
  const auto add_both = [&](std::int64_t col) __attribute__((always_inline)) {
    _mm_prefetch(reinterpret_cast<const char*>(vector + kPrefetch), _MM_HINT_T0);
    add_vector(col, 0);
    add_vector(col, 1);
    vector += kStep;
  };

  std::int64_t group = 0;
  if constexpr (B == 3) {
    for (; group < unit_count(tiles.cols()); ++group) {
      const std::int64_t col = group * kUnitCols;
      sums.clear_group();
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        __m256i spare = _mm256_setzero_si256();
        const std::byte* const first = vector;
#pragma GCC unroll 3
        for (int v = 0; v < kUnitVectors; ++v, vector += kStep) {
          _mm_prefetch(reinterpret_cast<const char*>(vector + kPrefetch), _MM_HINT_T0);
          const __m256i top = _mm256_srli_epi16(add_vector(col + v * cols, half), 15);
          spare = _mm256_or_si256(_mm256_add_epi16(spare, spare), top);
        }
        add(spare, col + kSpareCol, half);
        if (half == 0) vector = first;
      }
      sums.close_group(x, t0, group);
    }
    std::int64_t rest = tiles.row_vectors() - group * kUnitVectors;
    if (rest > 0) {
      sums.clear_group();
      for (std::int64_t col = group * kUnitCols; rest > 0; --rest, col += cols) add_both(col);
      sums.close_group(x, t0, group);
    }
  } else {
    for (std::int64_t v = 0; v < tiles.row_vectors(); ++group) {
      sums.clear_group();
      for (const std::int64_t end = std::min<std::int64_t>(tiles.row_vectors(), v + kDecodeGroup / cols); v < end; ++v)
        add_both(v * cols);
      sums.close_group(x, t0, group);
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < T; ++t) y.data[(t0 + t) * y.cols + row] = sum(sums.totals[t]) * tables.scales[row];
}

template <int B>
void multiply_words(const LutTiles& tiles, const WordTables& tables, std::int64_t first, std::int64_t last,
                    const DecodeInput& x, MatrixView<float> y) {
  const std::int16_t* words = nullptr;
  if constexpr (B == 4) words = interleaved(x);
  for (std::int64_t row = first * 4; row < std::min(last * 4, tiles.rows()); ++row) {
    std::int64_t t = 0;
    if constexpr (B == 4) {
      for (; t + 2 <= x.tokens(); t += 2) multiply_row_4<2>(tiles, tables, row, x, words, t, y);
      if (t < x.tokens()) multiply_row_4<1>(tiles, tables, row, x, words, t, y);
    } else {
      for (; t + 2 <= x.tokens(); t += 2) multiply_row_small<B, 2>(tiles, tables, row, x, t, y);
      if (t < x.tokens()) multiply_row_small<B, 1>(tiles, tables, row, x, t, y);
    }
  }
}

// --- 8 bits: 256 entries are too many for a shuffle; fp32 ones are gathered
// -----------------------------------------------------

// Two tokens share what is gathered.
template <int T>
SQUEEZE_INLINE void multiply_row_8(const LutTiles& tiles, const float* table, std::int64_t row, const DecodeInput& x,
                                   std::int64_t t0, MatrixView<float> y) {
  __m256 sums[T][2];
#pragma GCC unroll 2
  for (int t = 0; t < T; ++t) sums[t][0] = sums[t][1] = _mm256_setzero_ps();
  const std::byte* vector = tiles.row(row);
  for (std::int64_t col = 0; col < tiles.row_vectors() * kVectorBytes; col += kVectorBytes, vector += kVectorBytes) {
    _mm_prefetch(reinterpret_cast<const char*>(vector + kPrefetch), _MM_HINT_T0);
#pragma GCC unroll 4
    for (int q = 0; q < 4; ++q)
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const auto* const bytes = reinterpret_cast<const __m128i*>(vector + 16 * q + 8 * half);
        const __m256 entries = _mm256_i32gather_ps(table, _mm256_cvtepu8_epi32(_mm_loadl_epi64(bytes)), 4);
#pragma GCC unroll 2
        for (int t = 0; t < T; ++t)
          sums[t][half] =
              _mm256_fmadd_ps(entries, _mm256_load_ps(x.floats(t0 + t) + col + half * kLanes + 8 * q), sums[t][half]);
      }
  }
#pragma GCC unroll 2
  for (int t = 0; t < T; ++t) y.data[(t0 + t) * y.cols + row] = sum(_mm256_add_ps(sums[t][0], sums[t][1]));
}

void multiply_floats_8(const LutTiles& tiles, const float* table, std::int64_t row, const DecodeInput& x,
                       MatrixView<float> y) {
  std::int64_t t = 0;
  for (; t + 2 <= x.tokens(); t += 2) multiply_row_8<2>(tiles, table, row, x, t, y);
  if (t < x.tokens()) multiply_row_8<1>(tiles, table, row, x, t, y);
}

}  // namespace

LutKernels lut_kernels_avx2(int bits) {
  switch (bits) {
    case 2:
      return {.multiply_words = multiply_words<2>};
    case 3:
      return {.multiply_words = multiply_words<3>};
    case 4:
      return {.multiply_words = multiply_words<4>};
    default:
      return {.multiply_floats = multiply_floats_8};
  }
}

}  // namespace squeeze

#endif
