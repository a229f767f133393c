#pragma once
// One codebook per output channel (or for each block of a grid), clustered around the weights that are not kept
// exactly, in the values and precision that are stored. A block's codebook is the optimum for all of its weights
// together. Deviation from the paper: blocks that are no whole rows.

#include <cstdint>
#include <span>
#include <vector>

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "formats/csr/sparse_rows.hpp"
#include "formats/grouped_lut/codebook_grid.hpp"
#include "methods/matrix_engine.hpp"
#include "methods/method.hpp"

namespace squeeze {

struct Codebooks {
  Codebooks(const CodebookGrid& cut, int bits)
      : grid(cut),
        tables(cut.count(), std::int64_t{1} << bits),
        indices(cut.rows, cut.cols),
        objective(static_cast<std::size_t>(cut.count())) {}

  RowCodebooks views() { return {tables.view(), indices.view(), objective}; }

  CodebookGrid grid;
  Matrix<Half> tables;            // [blocks, 2^b], ascending in each row
  Matrix<std::uint8_t> indices;   // [N, K], the nearest entry
  std::vector<double> objective;  // [blocks], Σ F (w − ŵ)² over the weights not kept
};

inline CodebookGrid grid_of(const MatrixInput& input, const MethodOptions& options) {
  return CodebookGrid::cut(input.weights.rows, input.weights.cols, options.share, options.group);
}

// Clusters the blocks that are `wanted` (all when it is empty). kept [N·K]: 1 = has no say in the clustering and does
// not count in the objective. A block whose F is all zero is clustered with equal weights.
Result<void> cluster_blocks(const MatrixInput& input, std::span<const std::uint8_t> kept, const MethodOptions& options,
                            std::span<const std::uint8_t> wanted, Codebooks& codebooks, RunContext& context);

// The same for codebooks in several widths at once: each block is sorted once, and one dynamic program serves them all.
Result<void> cluster_blocks(const MatrixInput& input, std::span<const std::uint8_t> kept, const MethodOptions& options,
                            std::span<const std::uint8_t> wanted, std::span<const RowCodebooks> widths,
                            RunContext& context);

double total_objective(const Codebooks& codebooks);

// The kept weights as CSR entries, val = fp16(w − c). Of the codebook's entries c that one is taken (and written into
// the indices) with which fp32(c + val) comes closest to w, and of those the nearest: a weight is off by at most half a
// unit in the last fp16 place of its difference from the nearest entry, and often exact, since the difference of two
// fp16 numbers within a factor of two of each other is one itself.
SparseRows keep_weights(const MatrixInput& input, std::span<const std::uint8_t> kept, Codebooks& codebooks);

}  // namespace squeeze
