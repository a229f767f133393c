#pragma once
// Rows that stand for a whole matrix: what every row loses is known at 2 bits, which costs little; at other widths and
// with weights kept, neighbours in that order are taken to lose more or less by the same factor (stratified sampling
// with a ratio estimator; Cochran, Sampling Techniques, 3rd ed., §5 and §6).

#include <cstdint>
#include <vector>

#include "base/progress.hpp"
#include "methods/method.hpp"

namespace squeeze {

// Rows in the order of what they lose at 2 bits.
struct RowOrder {
  std::vector<std::int64_t> rows;
  std::vector<double> losses;  // of row 0, 1, ...
};

struct RowSample {
  std::vector<std::int64_t> rows;
  std::vector<double> counts_for;  // Σ over all rows of a loss ≈ Σ counts_for[i] · loss of rows[i]
  Matrix<float> weights, sensitivity;
  MatrixInput input;  // of these rows alone; views of the above
};

Result<RowOrder> order_rows(const MatrixInput& input, const MethodOptions& options, RunContext& context);

// `count` rows, 0 < count <= N: of each of `count` runs of neighbours the middle one, which counts for as much as its
// run.
RowSample sample_rows(const MatrixInput& input, const RowOrder& order, std::int64_t count);

}  // namespace squeeze
