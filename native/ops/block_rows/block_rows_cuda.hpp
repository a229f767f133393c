#pragma once
// Blocks of a matrix as rows on a GPU, and back: what a row-wise op takes when its rows are to be blocks.

#include <cstdint>

#include "device/device.hpp"

namespace squeeze {

// A matrix [rows, cols] cut into blocks of block_rows × block_cols, numbered row after row; the last ones along a side
// may be smaller. A block becomes one row, its own rows one behind the other, each in block_cols places.
struct BlockCut {
  std::int64_t rows = 0, cols = 0, block_rows = 1, block_cols = 1;

  std::int64_t across() const { return (cols + block_cols - 1) / block_cols; }
  std::int64_t width() const { return block_rows * block_cols; }
};

// to [count, width]: the blocks of `matrix`, each given by its number in blocks [count]; `filling` where a block at the
// edge has nothing. All pointers are to the device. fp32 and bytes; count · width < 2^31.
template <typename T>
void gather_blocks(Stream& stream, const T* matrix, const BlockCut& cut, DeviceView<const std::int64_t> blocks,
                   T filling, T* to);

// The other way; other blocks stay. fp16, bytes and fp64.
template <typename T>
void scatter_blocks(Stream& stream, const T* from, const BlockCut& cut, DeviceView<const std::int64_t> blocks,
                    T* matrix);

}  // namespace squeeze
