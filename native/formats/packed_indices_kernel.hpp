#pragma once
// Reading packed indices (formats/packed_indices.hpp) in a kernel. For .cu files.

#include "device/kernel.hpp"

namespace squeeze {

// Index `col` of a row. No word behind the row's last is read.
__device__ __forceinline__ unsigned packed_index(const unsigned* row, int bits, int col) {
  const std::int64_t first = static_cast<std::int64_t>(col) * bits;
  const int word = static_cast<int>(first / 32), shift = static_cast<int>(first % 32);
  const unsigned next = shift + bits > 32 ? row[word + 1] : 0;
  return __funnelshift_r(row[word], next, static_cast<unsigned>(shift)) & ((1u << bits) - 1);
}

}  // namespace squeeze
