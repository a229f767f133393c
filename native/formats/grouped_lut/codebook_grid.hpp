#pragma once
// How a matrix W[N, K] is cut into blocks of neighbouring rows and columns, each with a codebook of its own. Blocks are
// numbered row after row, as they lie in the matrix.

#include <algorithm>
#include <cstdint>
#include <optional>

namespace squeeze {

struct CodebookGrid {
  std::int64_t rows = 0, cols = 0;              // of the matrix, N and K
  std::int64_t block_rows = 1, block_cols = 1;  // of a block; the last ones along a side may be smaller

  // Blocks of at most `share` rows and `group` columns (0: all columns), as few as that takes and as even as they come:
  // 288 columns at 128 are three times 96. So the number of blocks says all, and nothing else has to be stored.
  static CodebookGrid cut(std::int64_t rows, std::int64_t cols, std::int64_t share, std::int64_t group) {
    return {rows, cols, evenly(rows, parts(rows, share)),
            evenly(cols, parts(cols, group == 0 ? std::max<std::int64_t>(1, cols) : group))};
  }
  // The cut with so many blocks along each side; nothing where no cut has them.
  static std::optional<CodebookGrid> with_blocks(std::int64_t rows, std::int64_t cols, std::int64_t down,
                                                 std::int64_t across) {
    if (down < 1 || down > rows || across < 1 || across > cols) return std::nullopt;
    const CodebookGrid grid{rows, cols, evenly(rows, down), evenly(cols, across)};
    return grid.down() == down && grid.across() == across ? std::optional(grid) : std::nullopt;
  }

  std::int64_t down() const { return parts(rows, block_rows); }
  std::int64_t across() const { return parts(cols, block_cols); }
  std::int64_t count() const { return down() * across(); }
  bool whole_rows() const { return block_rows == 1 && block_cols >= cols; }  // one codebook a row

  std::int64_t block_of(std::int64_t row, std::int64_t across_at) const {
    return row / block_rows * across() + across_at;
  }
  // Calls do_piece(block, first, last) for the columns [first, last) of a row that each block holds, in their order.
  template <typename Body>
  void for_each_piece(std::int64_t row, const Body& do_piece) const {
    std::int64_t block = block_of(row, 0);
    for (std::int64_t first = 0; first < cols; first += block_cols)
      do_piece(block++, first, std::min(first + block_cols, cols));
  }

 private:
  static std::int64_t parts(std::int64_t size, std::int64_t part) { return (size + part - 1) / part; }
  // At least one, also of nothing.
  static std::int64_t evenly(std::int64_t size, std::int64_t count) {
    return std::max<std::int64_t>(1, parts(size, std::max<std::int64_t>(1, count)));
  }
};

}  // namespace squeeze
