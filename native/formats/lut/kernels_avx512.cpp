#include "formats/lut/kernels.hpp"

#if defined(SQUEEZE_X86_KERNELS)

#include <immintrin.h>

#include <algorithm>
#include <cassert>

// After every include, so that nothing but what stands in this file is compiled for these instructions.
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512vnni,avx2,fma,f16c")
// GCC 12 takes the "undefined" operands inside its own intrinsics for uninitialised variables (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define SQUEEZE_INLINE [[gnu::always_inline]] inline

namespace squeeze {

namespace {

constexpr std::int64_t kPrefetch = 3072;  // bytes ahead in the stream

// A load that stays one: GCC likes to fold it into each of its uses, and then reads the same 64 bytes many times over.
SQUEEZE_INLINE __m512i load(const void* from) {
  __m512i v = _mm512_load_si512(from);
  asm("" : "+v"(v));
  return v;
}

SQUEEZE_INLINE void prefetch(const void* from, std::int64_t bytes) {
  for (std::int64_t i = 0; i < bytes; i += kVectorBytes) _mm_prefetch(static_cast<const char*>(from) + i, _MM_HINT_T0);
}

// 2^B 16-bit entries, repeated over the 32 that a permute can choose from: it looks at the lowest five bits of a lane,
// and those above the index belong to the index's neighbour.
template <int B>
SQUEEZE_INLINE __m512i repeated(const void* entries) {
  if constexpr (B == 2) return _mm512_set1_epi64(*static_cast<const long long*>(entries));
  if constexpr (B == 3) return _mm512_broadcast_i32x4(_mm_loadu_si128(static_cast<const __m128i*>(entries)));
  if constexpr (B == 4) return _mm512_broadcast_i64x4(_mm256_loadu_si256(static_cast<const __m256i*>(entries)));
}

// The four rows' sums, each over its 16 lanes.
SQUEEZE_INLINE __m128 sum_rows(__m512 a, __m512 b, __m512 c, __m512 d) {
  const auto halve = [](__m512 v) {
    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    return _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  };
  const __m128 ab = _mm_hadd_ps(halve(a), halve(b)), cd = _mm_hadd_ps(halve(c), halve(d));
  return _mm_hadd_ps(ab, cd);
}

// --- 2, 3 and 4 bits, int16
// -------------------------------------------------------------------------------------------

// Rows r0 .. r0 + R of a tile with T tokens from t0 on. `Apart` sums for each row and token take turns, so that enough
// additions are under way; together they stay below 2^31, see kDecodeGroup.
template <int B, int R, int T, int Apart>
struct WordSums {
  __m512i tables[R];
  __m512i sums[R][T][Apart];
  __m512 totals[R][T];
  const std::int16_t* x[T];

  SQUEEZE_INLINE void clear_group() {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t)
#pragma GCC unroll 2
        for (int a = 0; a < Apart; ++a) sums[r][t][a] = _mm512_setzero_si512();
  }

  // 32 columns from `col` on, whose indices are at the bottom of the lanes.
  template <int S>
  SQUEEZE_INLINE void add(const __m512i (&indices)[R], std::int64_t col) {
    __m512i inputs[T];
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) inputs[t] = load(x[t] + col);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m512i entries = _mm512_permutexvar_epi16(indices[r], tables[r]);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t)
        sums[r][t][S % Apart] = _mm512_dpwssd_epi32(sums[r][t][S % Apart], entries, inputs[t]);
    }
  }

  SQUEEZE_INLINE void close_group(const DecodeInput& input, std::int64_t t0, std::int64_t group) {
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      const __m512 scale = _mm512_set1_ps(input.scales(t0 + t)[group]);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        __m512i sum = sums[r][t][0];
        if constexpr (Apart == 2) sum = _mm512_add_epi32(sum, sums[r][t][1]);
        totals[r][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum), scale, totals[r][t]);
      }
    }
  }
};

// One vector of each row: S = 0 .. Count shifts by B bits.
template <int B, int R, int T, int Apart, int S, int Count>
SQUEEZE_INLINE void add_shifts(WordSums<B, R, T, Apart>& w, const __m512i (&vectors)[R], std::int64_t col) {
  __m512i indices[R];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) indices[r] = S == 0 ? vectors[r] : _mm512_srli_epi16(vectors[r], B * S);
  w.template add<S>(indices, col + S * kLanes);
  if constexpr (S + 1 < Count) add_shifts<B, R, T, Apart, S + 1, Count>(w, vectors, col);
}

template <int B, int R, int T>
SQUEEZE_INLINE void multiply_rows(const LutTiles& tiles, const WordTables& tables, std::int64_t tile, int r0,
                                  const DecodeInput& x, std::int64_t t0, MatrixView<float> y) {
  constexpr int apart = R * T <= 4 ? 2 : 1;
  constexpr int shifts = 16 / B;
  constexpr std::int64_t cols = shifts * kLanes;  // in a vector
  constexpr std::int64_t step = 4 * kVectorBytes;
  const std::int64_t first_row = tile * 4 + r0;
  WordSums<B, R, T, apart> w;
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    w.tables[r] = repeated<B>(tables.words + ((first_row + r) << B));
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) w.totals[r][t] = _mm512_setzero_ps();
  }
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) w.x[t] = x.words(t0 + t);

  prefetch(tables.words + ((first_row + 12) << B), R * (std::int64_t{2} << B));
  const std::byte* next = tiles.row(first_row);
  const auto take = [&](__m512i(&vectors)[R]) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      vectors[r] = load(next + r * kVectorBytes);
      _mm_prefetch(reinterpret_cast<const char*>(next + r * kVectorBytes + kPrefetch), _MM_HINT_T0);
    }
    next += step;
  };
  std::int64_t group = 0;
  __m512i vectors[R];
  if constexpr (B == 3) {
    for (; group < unit_count(tiles.cols()); ++group) {
      w.clear_group();
      __m512i spare[R];
      const std::int64_t col = group * kUnitCols;
#pragma GCC unroll 3
      for (int v = 0; v < kUnitVectors; ++v) {
        take(vectors);
        add_shifts<B, R, T, apart, 0, shifts>(w, vectors, col + v * cols);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
          spare[r] = v == 0 ? _mm512_srli_epi16(vectors[r], 15) : _mm512_shldi_epi16(spare[r], vectors[r], 1);
      }
      w.template add<1>(spare, col + kSpareCol);
      w.close_group(x, t0, group);
    }
    std::int64_t rest = tiles.row_vectors() - group * kUnitVectors;
    if (rest > 0) w.clear_group();
    for (std::int64_t col = group * kUnitCols; rest > 0; --rest, col += cols) {
      take(vectors);
      add_shifts<B, R, T, apart, 0, shifts>(w, vectors, col);
      if (rest == 1) w.close_group(x, t0, group);
    }
  } else {
    constexpr std::int64_t in_group = kDecodeGroup / cols;
    for (std::int64_t v = 0; v < tiles.row_vectors(); ++group) {
      w.clear_group();
      for (const std::int64_t end = std::min(tiles.row_vectors(), v + in_group); v < end; ++v) {
        take(vectors);
        add_shifts<B, R, T, apart, 0, shifts>(w, vectors, v * cols);
      }
      w.close_group(x, t0, group);
    }
  }

  const auto valid = static_cast<__mmask8>((1 << std::min<std::int64_t>(R, tiles.rows() - first_row)) - 1);
  const __m128 scales = _mm_loadu_ps(tables.scales + first_row);
  const __m512 none = _mm512_setzero_ps();
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) {
    const __m128 sums = sum_rows(w.totals[0][t], R > 1 ? w.totals[1 % R][t] : none, R > 2 ? w.totals[2 % R][t] : none,
                                 R > 3 ? w.totals[3 % R][t] : none);
    _mm_mask_storeu_ps(y.data + (t0 + t) * y.cols + first_row, valid, _mm_mul_ps(sums, scales));
  }
}

// Every row of a tile with T tokens; with more tokens fewer rows at a time, as far as the registers reach.
template <int B, int T>
SQUEEZE_INLINE void multiply_tile(const LutTiles& tiles, const WordTables& tables, std::int64_t tile,
                                  const DecodeInput& x, std::int64_t t0, MatrixView<float> y) {
  constexpr int at_once = T <= 2 ? 4 : 2;
  for (int r0 = 0; r0 < std::min<std::int64_t>(4, tiles.rows() - tile * 4); r0 += at_once)
    multiply_rows<B, at_once, T>(tiles, tables, tile, r0, x, t0, y);
}

template <int B>
void multiply_words(const LutTiles& tiles, const WordTables& tables, std::int64_t first, std::int64_t last,
                    const DecodeInput& x, MatrixView<float> y) {
  for (std::int64_t tile = first; tile < last; ++tile) {
    std::int64_t t = 0;
    for (; t + 4 <= x.tokens(); t += 4) multiply_tile<B, 4>(tiles, tables, tile, x, t, y);
    if (t + 2 <= x.tokens()) {
      multiply_tile<B, 2>(tiles, tables, tile, x, t, y);
      t += 2;
    }
    if (t < x.tokens()) multiply_tile<B, 1>(tiles, tables, tile, x, t, y);
  }
}

// --- 8 bits
// -----------------------------------------------------------------------------------------------------------

// A table of 256 bytes in four registers.
struct BytePlane {
  __m512i parts[4];

  SQUEEZE_INLINE explicit BytePlane(const void* bytes) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) parts[i] = _mm512_loadu_si512(static_cast<const std::byte*>(bytes) + i * kVectorBytes);
  }
  // A permute of two registers looks at the lowest seven bits, the top one chooses between two of them.
  SQUEEZE_INLINE __m512i look_up(__m512i indices, __mmask64 upper) const {
    return _mm512_mask_blend_epi8(upper, _mm512_permutex2var_epi8(parts[0], indices, parts[1]),
                                  _mm512_permutex2var_epi8(parts[2], indices, parts[3]));
  }
};

// 64 columns as two registers of 32 lanes, in natural order, thanks to the order of a vector's bytes.
struct WordPlanes {
  BytePlane low, high;

  SQUEEZE_INLINE explicit WordPlanes(const void* bytes)
      : low(bytes), high(static_cast<const std::byte*>(bytes) + 256) {}
  SQUEEZE_INLINE void look_up(__m512i indices, __m512i& first, __m512i& second) const {
    const __mmask64 upper = _mm512_movepi8_mask(indices);
    const __m512i l = low.look_up(indices, upper), h = high.look_up(indices, upper);
    first = _mm512_unpacklo_epi8(l, h);
    second = _mm512_unpackhi_epi8(l, h);
  }
};

template <int T>
SQUEEZE_INLINE void multiply_row_8(const LutTiles& tiles, const WordPlanes& planes, float row_scale, std::int64_t row,
                                   const DecodeInput& x, std::int64_t t0, MatrixView<float> y) {
  constexpr std::int64_t in_group = kDecodeGroup / kVectorBytes;
  __m512 totals[T];
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) totals[t] = _mm512_setzero_ps();
  const std::byte* const vectors = tiles.row(row);
  for (std::int64_t v = 0, group = 0; v < tiles.row_vectors(); ++group) {
    __m512i sums[T][2];
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) sums[t][0] = sums[t][1] = _mm512_setzero_si512();
    for (const std::int64_t end = std::min(tiles.row_vectors(), v + in_group); v < end; ++v) {
      const std::byte* const vector = vectors + v * kVectorBytes;
      _mm_prefetch(reinterpret_cast<const char*>(vector + kPrefetch), _MM_HINT_T0);
      __m512i first, second;
      planes.look_up(load(vector), first, second);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        const std::int16_t* const input = x.words(t0 + t) + v * kVectorBytes;
        sums[t][0] = _mm512_dpwssd_epi32(sums[t][0], first, _mm512_load_si512(input));
        sums[t][1] = _mm512_dpwssd_epi32(sums[t][1], second, _mm512_load_si512(input + kLanes));
      }
    }
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t)
      totals[t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_add_epi32(sums[t][0], sums[t][1])),
                                  _mm512_set1_ps(x.scales(t0 + t)[group]), totals[t]);
  }
#pragma GCC unroll 8
  for (int t = 0; t < T; ++t) y.data[(t0 + t) * y.cols + row] = _mm512_reduce_add_ps(totals[t]) * row_scale;
}

void multiply_words_8(const LutTiles& tiles, const WordTables& tables, std::int64_t first, std::int64_t last,
                      const DecodeInput& x, MatrixView<float> y) {
  for (std::int64_t row = first; row < last; ++row) {
    const WordPlanes planes(tables.words + row * 256);
    prefetch(tables.words + (row + 3) * 256, 512);
    std::int64_t t = 0;
    for (; t + 4 <= x.tokens(); t += 4) multiply_row_8<4>(tiles, planes, tables.scales[row], row, x, t, y);
    if (t + 2 <= x.tokens()) {
      multiply_row_8<2>(tiles, planes, tables.scales[row], row, x, t, y);
      t += 2;
    }
    if (t < x.tokens()) multiply_row_8<1>(tiles, planes, tables.scales[row], row, x, t, y);
  }
}

// --- fp32
// -------------------------------------------------------------------------------------------------------------

// 2^B fp32 entries, repeated over the 16 that a permute can choose from.
template <int B>
SQUEEZE_INLINE __m512 repeated_floats(const float* entries) {
  if constexpr (B == 2) return _mm512_broadcast_f32x4(_mm_loadu_ps(entries));
  if constexpr (B == 3) return _mm512_broadcast_f32x8(_mm256_loadu_ps(entries));
  if constexpr (B == 4) return _mm512_loadu_ps(entries);
}

// Calls body(lanes of a pair of columns, column): each 32-bit lane holds the index of an even column at its bottom and
// that of the odd one 16 bits above.
template <int B, typename Body>
SQUEEZE_INLINE void for_columns(const LutTiles& tiles, std::int64_t row, const Body& body) {
  constexpr int shifts = 16 / B;
  constexpr std::int64_t cols = shifts * kLanes;
  const std::byte* vector = tiles.row(row);
  const std::int64_t step = tiles.tile_rows() * kVectorBytes;
  const auto add_vector = [&](std::int64_t col) __attribute__((always_inline)) {
    const __m512i v = load(vector);
    vector += step;
#pragma GCC unroll 8
    for (int s = 0; s < shifts; ++s) body(_mm512_srli_epi16(v, static_cast<unsigned>(B * s)), col + s * kLanes);
    return v;
  };
  std::int64_t v = 0;
  if constexpr (B == 3) {
    for (std::int64_t unit = 0; unit < unit_count(tiles.cols()); ++unit, v += kUnitVectors) {
      __m512i spare = _mm512_srli_epi16(add_vector(unit * kUnitCols), 15);
      spare = _mm512_shldi_epi16(spare, add_vector(unit * kUnitCols + cols), 1);
      spare = _mm512_shldi_epi16(spare, add_vector(unit * kUnitCols + 2 * cols), 1);
      body(spare, unit * kUnitCols + kSpareCol);
    }
    for (std::int64_t col = unit_count(tiles.cols()) * kUnitCols; v < tiles.row_vectors(); ++v, col += cols)
      add_vector(col);
  } else {
    for (; v < tiles.row_vectors(); ++v) add_vector(v * cols);
  }
}

template <int B>
void multiply_floats(const LutTiles& tiles, const float* tables, std::int64_t tile, const DecodeInput& x,
                     MatrixView<float> y) {
  const std::int64_t last = std::min<std::int64_t>(4, tiles.rows() - tile * 4);
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  for (std::int64_t r = 0; r < last; ++r) {
    const __m512 table = repeated_floats<B>(tables + (r << B));
    for (std::int64_t t = 0; t < x.tokens(); ++t) {
      const float* const input = x.floats(t);
      __m512 even_sum = _mm512_setzero_ps(), odd_sum = even_sum;
      for_columns<B>(
          tiles, tile * 4 + r, [&](__m512i lanes, std::int64_t col) __attribute__((always_inline)) {
            const __m512 a = _mm512_load_ps(input + col), b = _mm512_load_ps(input + col + 16);
            even_sum =
                _mm512_fmadd_ps(_mm512_permutexvar_ps(lanes, table), _mm512_permutex2var_ps(a, even, b), even_sum);
            odd_sum = _mm512_fmadd_ps(_mm512_permutexvar_ps(_mm512_srli_epi32(lanes, 16), table),
                                      _mm512_permutex2var_ps(a, odd, b), odd_sum);
          });
      y.data[t * y.cols + tile * 4 + r] = _mm512_reduce_add_ps(_mm512_add_ps(even_sum, odd_sum));
    }
  }
}

// Entries at 8 bits come from memory, sixteen at a time.
void multiply_floats_8(const LutTiles& tiles, const float* tables, std::int64_t row, const DecodeInput& x,
                       MatrixView<float> y) {
  for (std::int64_t t = 0; t < x.tokens(); ++t) {
    const float* const input = x.floats(t);
    __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (std::int64_t v = 0; v < tiles.row_vectors(); ++v)
#pragma GCC unroll 4
      for (int q = 0; q < 4; ++q) {
        const auto bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(tiles.row(row) + v * kVectorBytes + q * 16));
        const __m512 entries = _mm512_i32gather_ps(_mm512_cvtepu8_epi32(bytes), tables, 4);
        const float* const at = input + v * kVectorBytes + q * 8;
        const __m512 inputs =
            _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(at)), _mm256_loadu_ps(at + 32), 1);
        sums[q % 2] = _mm512_fmadd_ps(entries, inputs, sums[q % 2]);
      }
    y.data[t * y.cols + row] = _mm512_reduce_add_ps(_mm512_add_ps(sums[0], sums[1]));
  }
}

// --- decoding
// ---------------------------------------------------------------------------------------------------------

// The first `left` of 32 lanes; all of them when there are more.
SQUEEZE_INLINE __mmask32 first_lanes(std::int64_t left) {
  return left >= kLanes ? ~__mmask32{0} : left <= 0 ? __mmask32{0} : (__mmask32{1} << left) - 1;
}

template <int B>
void decode_bfloat16(const LutTiles& tiles, const BFloat16* table, std::int64_t row, BFloat16* out) {
  const __m512i entries = repeated<B>(table);
  for_columns<B>(
      tiles, row, [&](__m512i lanes, std::int64_t col) __attribute__((always_inline)) {
        _mm512_mask_storeu_epi16(out + col, first_lanes(tiles.cols() - col), _mm512_permutexvar_epi16(lanes, entries));
      });
}

void decode_bfloat16_8(const LutTiles& tiles, const BFloat16* table, std::int64_t row, BFloat16* out) {
  alignas(64) std::uint8_t bytes[512];
  for (int i = 0; i < 256; ++i) {
    bytes[i] = static_cast<std::uint8_t>(table[i].bits);
    bytes[256 + i] = static_cast<std::uint8_t>(table[i].bits >> 8);
  }
  const WordPlanes planes(bytes);
  for (std::int64_t v = 0; v < tiles.row_vectors(); ++v) {
    __m512i first, second;
    planes.look_up(load(tiles.row(row) + v * kVectorBytes), first, second);
    const std::int64_t col = v * kVectorBytes;
    _mm512_mask_storeu_epi16(out + col, first_lanes(tiles.cols() - col), first);
    _mm512_mask_storeu_epi16(out + col + kLanes, first_lanes(tiles.cols() - col - kLanes), second);
  }
}

template <int B>
void decode_floats(const LutTiles& tiles, const float* table, std::int64_t row, float* out) {
  const __m512 entries = repeated_floats<B>(table);
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
  for_columns<B>(
      tiles, row, [&](__m512i lanes, std::int64_t col) __attribute__((always_inline)) {
        const __m512 even = _mm512_permutexvar_ps(lanes, entries);
        const __m512 odd = _mm512_permutexvar_ps(_mm512_srli_epi32(lanes, 16), entries);
        const __mmask32 valid = first_lanes(tiles.cols() - col);
        _mm512_mask_storeu_ps(out + col, static_cast<__mmask16>(valid), _mm512_permutex2var_ps(even, low, odd));
        _mm512_mask_storeu_ps(out + col + 16, static_cast<__mmask16>(valid >> 16),
                              _mm512_permutex2var_ps(even, high, odd));
      });
}

template <int B>
LutKernels kernels() {
  return {multiply_words<B>, multiply_floats<B>, decode_floats<B>, decode_bfloat16<B>};
}

}  // namespace

LutKernels lut_kernels_avx512(int bits) {
  switch (bits) {
    case 2:
      return kernels<2>();
    case 3:
      return kernels<3>();
    case 4:
      return kernels<4>();
    default:
      assert(bits == 8);
      return {multiply_words_8, multiply_floats_8, nullptr, decode_bfloat16_8};
  }
}

}  // namespace squeeze

#endif
