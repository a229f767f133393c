#include "formats/lut/tiles.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <vector>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "formats/packed_indices.hpp"

namespace squeeze {

namespace {

static_assert(std::endian::native == std::endian::little);

using Lane = std::uint16_t;

std::int64_t vector_cols(int bits) { return bits == 3 ? kShortVectorCols : kVectorBytes * 8 / bits; }

std::int64_t vectors_for(int bits, std::int64_t cols) {
  if (bits != 3) return (cols + vector_cols(bits) - 1) / vector_cols(bits);
  const std::int64_t rest = std::max<std::int64_t>(0, cols - unit_count(cols) * kUnitCols);
  return unit_count(cols) * kUnitVectors + (rest + kShortVectorCols - 1) / kShortVectorCols;
}

// Column of the first of the 32 indices at shift `s` of a vector, and of the 32 in the spare bits of a unit's vectors.
std::int64_t first_col(int bits, std::int64_t vector, std::int64_t s) {
  if (bits != 3) return vector * vector_cols(bits) + s * kLanes;
  return vector / kUnitVectors * kUnitCols + vector % kUnitVectors * kShortVectorCols + s * kLanes;
}
// Where byte `at` of an 8-bit vector comes from.
std::int64_t byte_col(std::int64_t at) { return at % 16 / 8 * 32 + at / 16 * 8 + at % 8; }

}  // namespace

SQUEEZE_HOT static void put_lanes(const std::uint8_t* indices, int shift, Lane* lanes) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane)
    lanes[lane] = static_cast<Lane>(lanes[lane] | indices[lane] << shift);
}

SQUEEZE_HOT static void get_lanes(const Lane* lanes, int shift, Lane mask, std::uint8_t* indices) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane)
    indices[lane] = static_cast<std::uint8_t>(lanes[lane] >> shift & mask);
}

// Bit `bit` of 32 indices into the top bits of a vector's lanes, and back.
SQUEEZE_HOT static void put_spare(const std::uint8_t* indices, int bit, Lane* lanes) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane)
    lanes[lane] = static_cast<Lane>(lanes[lane] | (indices[lane] >> bit & 1) << 15);
}

SQUEEZE_HOT static void get_spare(const Lane* lanes, int bit, std::uint8_t* indices) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane)
    indices[lane] = static_cast<std::uint8_t>(indices[lane] | lanes[lane] >> 15 << bit);
}

LutTiles::LutTiles(int bits, std::int64_t rows, std::int64_t cols, const RowIndices& read)
    : bits_(bits <= 4 ? bits : 8), rows_(rows), cols_(cols), row_vectors_(vectors_for(bits_, cols)) {
  assert(bits >= kMinBits && bits <= kMaxBits);
  memory_ = PageBuffer(static_cast<std::size_t>(tiles() * tile_rows() * row_vectors_ * kVectorBytes));
  const std::int64_t stride = tile_rows() * kVectorBytes;
  constexpr std::int64_t chunk_weights = 1 << 18;
  parallel_for(tiles() * tile_rows(), chunk_weights / std::max<std::int64_t>(1, cols) + 1,
               [&](std::int64_t first, std::int64_t last) {
                 // Zeros behind the last column, for as far as a vector may reach.
                 std::vector<std::uint8_t> line(static_cast<std::size_t>(cols_ + kUnitCols));
                 for (std::int64_t r = first; r < last; ++r) {
                   if (r < rows_)
                     read(r, std::span(line).first(static_cast<std::size_t>(cols_)));
                   else
                     std::ranges::fill(line, std::uint8_t{0});
                   std::byte* out = const_cast<std::byte*>(row(r));
                   for (std::int64_t v = 0; v < row_vectors_; ++v, out += stride) {
                     Lane lanes[kLanes] = {};
                     if (bits_ == 8) {
                       std::uint8_t bytes[kVectorBytes];
                       for (std::int64_t i = 0; i < kVectorBytes; ++i)
                         bytes[i] = line[first_col(8, v, 0) + byte_col(i)];
                       std::memcpy(lanes, bytes, sizeof(lanes));
                     } else {
                       for (int s = 0; s < 16 / bits_; ++s)
                         put_lanes(line.data() + first_col(bits_, v, s), bits_ * s, lanes);
                     }
                     const bool in_unit = bits_ == 3 && v / kUnitVectors < unit_count(cols_);
                     if (in_unit)
                       put_spare(line.data() + v / kUnitVectors * kUnitCols + kSpareCol,
                                 static_cast<int>(kUnitVectors - 1 - v % kUnitVectors), lanes);
                     std::memcpy(out, lanes, sizeof(lanes));
                   }
                 }
               });
}

void LutTiles::indices(std::int64_t r, std::span<std::uint8_t> out) const {
  assert(r < rows_ && static_cast<std::int64_t>(out.size()) == cols_);
  thread_local std::vector<std::uint8_t> line;
  line.assign(static_cast<std::size_t>(cols_ + kUnitCols), 0);
  const std::byte* in = row(r);
  for (std::int64_t v = 0; v < row_vectors_; ++v, in += tile_rows() * kVectorBytes) {
    Lane lanes[kLanes];
    std::memcpy(lanes, in, sizeof(lanes));
    if (bits_ == 8) {
      for (std::int64_t i = 0; i < kVectorBytes; ++i)
        line[first_col(8, v, 0) + byte_col(i)] = static_cast<std::uint8_t>(in[i]);
    } else {
      for (int s = 0; s < 16 / bits_; ++s)
        get_lanes(lanes, bits_ * s, static_cast<Lane>((1 << bits_) - 1), line.data() + first_col(bits_, v, s));
    }
  }
  for (std::int64_t unit = 0; bits_ == 3 && unit < unit_count(cols_); ++unit) {
    for (int v = 0; v < kUnitVectors; ++v) {
      Lane lanes[kLanes];
      std::memcpy(lanes, row(r) + (unit * kUnitVectors + v) * tile_rows() * kVectorBytes, sizeof(lanes));
      get_spare(lanes, static_cast<int>(kUnitVectors) - 1 - v, line.data() + unit * kUnitCols + kSpareCol);
    }
  }
  std::copy_n(line.begin(), cols_, out.begin());
}

std::uint8_t LutTiles::index(std::int64_t r, std::int64_t col) const {
  const auto lane_at = [&](std::int64_t vector, std::int64_t lane) {
    Lane value;
    std::memcpy(&value, row(r) + vector * tile_rows() * kVectorBytes + lane * 2, sizeof(value));
    return value;
  };
  if (bits_ == 8) {
    const std::int64_t in = col % kVectorBytes;
    const std::int64_t at = in % 32 / 8 * 16 + in / 32 * 8 + in % 8;  // the inverse of byte_col
    return static_cast<std::uint8_t>(row(r)[col / kVectorBytes * kVectorBytes + at]);
  }
  const std::int64_t lane = col % kLanes;
  const auto mask = static_cast<Lane>((1 << bits_) - 1);
  if (bits_ != 3) {
    const std::int64_t s = col % vector_cols(bits_) / kLanes;
    return static_cast<std::uint8_t>(lane_at(col / vector_cols(bits_), lane) >> bits_ * s & mask);
  }
  const std::int64_t unit = col / kUnitCols, in = col % kUnitCols;
  if (in >= kSpareCol) {
    int index = 0;
    for (int v = 0; v < kUnitVectors; ++v) index = index << 1 | lane_at(unit * kUnitVectors + v, lane) >> 15;
    return static_cast<std::uint8_t>(index);
  }
  const std::int64_t vector = unit * kUnitVectors + in / kShortVectorCols;
  return static_cast<std::uint8_t>(lane_at(vector, lane) >> 3 * (in % kShortVectorCols / kLanes) & mask);
}

}  // namespace squeeze
