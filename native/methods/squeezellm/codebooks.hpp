#pragma once
// One codebook per output channel, clustered around the weights that are not kept exactly, in the values and precision
// that are stored.

#include <cstdint>
#include <span>
#include <vector>

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "formats/csr/sparse_rows.hpp"
#include "methods/method.hpp"

namespace squeeze {

struct Codebooks {
  Codebooks(std::int64_t rows, std::int64_t cols, int bits)
      : tables(rows, std::int64_t{1} << bits), indices(rows, cols), objective(static_cast<std::size_t>(rows)) {}

  Matrix<Half> tables;            // [N, 2^b], ascending in each row
  Matrix<std::uint8_t> indices;   // [N, K], the nearest entry
  std::vector<double> objective;  // [N], Σ F (w − ŵ)² over the weights not kept
};

// Clusters the rows for which rows_wanted is set (all when it is empty). kept [N·K]: 1 = has no say in the clustering
// and does not count in the objective. A row whose F is all zero is clustered with equal weights.
Result<void> cluster_rows(const MatrixInput& input, std::span<const std::uint8_t> kept, const MethodOptions& options,
                          std::span<const std::uint8_t> rows_wanted, Codebooks& codebooks, RunContext& context);

// The same for codebooks of several widths at once: each row is sorted once, and one dynamic program serves them all.
Result<void> cluster_rows(const MatrixInput& input, std::span<const std::uint8_t> kept, const MethodOptions& options,
                          std::span<const std::uint8_t> rows_wanted, std::span<Codebooks* const> widths,
                          RunContext& context);

double total_objective(const Codebooks& codebooks);

// The kept weights as CSR entries, val = fp16(w − c). Of the codebook's entries c that one is taken (and written into
// the indices) with which fp32(c + val) comes closest to w, and of those the nearest: a weight is off by at most half a
// unit in the last fp16 place of its difference from the nearest entry, and often exact, since the difference of two
// fp16 numbers within a factor of two of each other is one itself.
SparseRows keep_weights(const MatrixInput& input, std::span<const std::uint8_t> kept, Codebooks& codebooks);

}  // namespace squeeze
