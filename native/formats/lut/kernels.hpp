#pragma once
// Products and decoding straight from tiles, in intrinsics. What is absent here for a processor is done by decoding
// rows.

#include <cstdint>

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "base/simd.hpp"
#include "formats/decode_input.hpp"
#include "formats/lut/tiles.hpp"

namespace squeeze {

// Codebooks rounded to int16: entry ≈ scale · word, |word| ≤ kDecodeLevels.
struct WordTables {
  // [N rounded up to whole tiles][2^bits]; at 8 bits the low bytes of the 256 entries of a row, then their high bytes.
  const std::int16_t* words;
  const float* scales;  // [N rounded up to whole tiles], 0 for rows past the last
};

// y[t, r] for the rows of tiles [first, last) and every token of x. int16 products, exact sums over kDecodeGroup
// columns, fp32 from there.
using MultiplyWords = void (*)(const LutTiles& w, const WordTables& tables, std::int64_t first, std::int64_t last,
                               const DecodeInput& x, MatrixView<float> y);
// The same for one tile with fp32 codebooks, tables[tile_rows][2^bits], and fp32 sums.
using MultiplyFloats = void (*)(const LutTiles& w, const float* tables, std::int64_t tile, const DecodeInput& x,
                                MatrixView<float> y);
// One row: out[K] = table[index].
using DecodeFloats = void (*)(const LutTiles& w, const float* table, std::int64_t row, float* out);
using DecodeBFloat16 = void (*)(const LutTiles& w, const BFloat16* table, std::int64_t row, BFloat16* out);

// Null where there is none.
struct LutKernels {
  MultiplyWords multiply_words = nullptr;
  MultiplyFloats multiply_floats = nullptr;
  DecodeFloats decode_floats = nullptr;
  DecodeBFloat16 decode_bfloat16 = nullptr;
};

// `bits` is 2, 3, 4 or 8.
LutKernels lut_kernels(Simd simd, int bits);
LutKernels lut_kernels_avx512(int bits);
LutKernels lut_kernels_avx2(int bits);

}  // namespace squeeze
