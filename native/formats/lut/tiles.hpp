#pragma once
// Indices of a matrix laid out for the kernels: one sequential stream, nothing to shift across words, inputs in their
// natural order.
//
// Rows are taken four at a time (one at a time at 8 bits), and their 64-byte vectors alternate:
//   tile 0: [row 0 vector 0][row 1 vector 0][row 2 vector 0][row 3 vector 0][row 0 vector 1]...
// A vector is 32 lanes of 16 bits. The index of column 32·s + lane sits at bits [b·s, b·s + b) of its lane, so that a
// shift by b·s brings 32 neighbouring columns to the bottom of their lanes, where one permute looks them all up:
//   2 bits: 8 columns a lane, 256 a vector        4 bits: 4 a lane, 128 a vector
//   3 bits: 5 a lane, 160 a vector; the spare top bits of three vectors are bits 2, 1, 0 of 32 more columns, so that
//           three vectors hold 512. A rest of up to 480 columns takes vectors of 160.
//   8 bits: 64 bytes a vector; byte 16·q + i is column 8·q + i, byte 16·q + 8 + i is column 32 + 8·q + i (q < 4, i <
//   8),
//           the order in which bytes become 16-bit lanes
// Other widths are stored at 8 bits. Columns past the last and rows past the last have index 0.

#include <cstdint>
#include <functional>
#include <span>

#include "base/page_buffer.hpp"

namespace squeeze {

inline constexpr std::int64_t kVectorBytes = 64;
inline constexpr std::int64_t kLanes = 32;      // of 16 bits
inline constexpr std::int64_t kUnitCols = 512;  // columns in three vectors at 3 bits
inline constexpr std::int64_t kUnitVectors = 3;
inline constexpr std::int64_t kShortVectorCols = 160;                       // in a vector of the rest at 3 bits
inline constexpr std::int64_t kSpareCol = kUnitVectors * kShortVectorCols;  // the first of a unit's last 32 columns

// Units of a row at 3 bits; a rest that needs spare bits is one more, not full.
constexpr std::int64_t unit_count(std::int64_t cols) { return (cols + kUnitCols - kSpareCol - 1) / kUnitCols; }

class LutTiles {
 public:
  // Unpacked indices of one row, in natural order.
  using RowIndices = std::function<void(std::int64_t row, std::span<std::uint8_t> out)>;

  LutTiles() = default;
  // `bits` of the stored indices, 2..8. `read` is called from several threads. Throws bad_alloc.
  LutTiles(int bits, std::int64_t rows, std::int64_t cols, const RowIndices& read);

  int bits() const { return bits_; }  // 2, 3, 4 or 8
  std::int64_t rows() const { return rows_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t tile_rows() const { return bits_ == 8 ? 1 : 4; }
  std::int64_t tiles() const { return (rows_ + tile_rows() - 1) / tile_rows(); }
  std::int64_t row_vectors() const { return row_vectors_; }
  // First vector of a row; the next ones of that row follow every tile_rows() vectors.
  const std::byte* row(std::int64_t r) const {
    const std::int64_t tile = r / tile_rows();
    return memory_.data() + (tile * row_vectors_ * tile_rows() + r % tile_rows()) * kVectorBytes;
  }
  std::int64_t memory_bytes() const { return static_cast<std::int64_t>(memory_.size()); }

  // The index of one weight, for the few places that want a single one.
  std::uint8_t index(std::int64_t row, std::int64_t col) const;
  // All indices of a row, out [cols].
  void indices(std::int64_t row, std::span<std::uint8_t> out) const;

 private:
  int bits_ = 0;
  std::int64_t rows_ = 0, cols_ = 0, row_vectors_ = 0;
  PageBuffer memory_;
};

}  // namespace squeeze
