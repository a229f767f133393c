#pragma once
// A matrix of codebook entries as it is used while generating text: indices in tiles, codebooks rounded to int16 beside
// the exact ones, the sparse part in slices. Same weights, other bytes; lives in memory only.

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/page_buffer.hpp"
#include "formats/csr/sparse_tiles.hpp"
#include "formats/format.hpp"
#include "formats/lut/kernels.hpp"
#include "formats/lut/tiles.hpp"

namespace squeeze {

// What is packed. Nothing of it is kept but the tables; `indices` and `table` are called from several threads.
struct LutSource {
  int bits = 0;  // 2..8
  std::int64_t rows = 0, cols = 0;
  std::string stored_as;
  std::int64_t size_bytes = 0;  // stored
  LutTiles::RowIndices indices;
  // fp32 codebook of a row, out [2^bits]. Kept, and called again whenever rows are decoded.
  std::function<void(std::int64_t row, std::span<float> out)> table;
  const SparsePart* sparse = nullptr;
};

// Null where this processor, or this choice of arithmetic, has no kernel for the width: rows are then decoded before
// they are multiplied, for which the stored layout is as good. Throws bad_alloc.
std::shared_ptr<const LinearWeight> pack_lut(const LutSource& source, const DecodePath& path);

}  // namespace squeeze
