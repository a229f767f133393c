#pragma once
// Where the rows of a matrix are clustered, when it is not on this processor.

#include <cstdint>
#include <span>

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "methods/method.hpp"

namespace squeeze {

// Results for one width b of a matrix [N, K].
struct RowCodebooks {
  MatrixView<Half> tables;           // [N, 2^b]
  MatrixView<std::uint8_t> indices;  // [N, K]
  std::span<double> objective;       // [N], Σ F (w − ŵ)² over the weights not kept
};

// Used by one thread at a time.
class RowClusterer {
 public:
  virtual ~RowClusterer() = default;
  // Fills the rows for which rows_wanted is set (all when it is empty), with the bits that the processor gives. kept
  // [N·K]: 1 = has no say in the clustering. Of the options, solver and weighting count; sensitivity is there where the
  // weighting needs it. All codebooks come from one look at the matrix. Fails when cancelled.
  virtual Result<void> cluster(const MatrixInput& input, std::span<const std::uint8_t> kept,
                               const MethodOptions& options, std::span<const std::uint8_t> rows_wanted,
                               std::span<const RowCodebooks> widths, RunContext& context) = 0;
};

}  // namespace squeeze
