#pragma once
// Rows that stand for a whole matrix: what every row loses is known at 2 bits, which costs little; at other widths and
// with weights kept, neighbours in that order are taken to lose more or less by the same factor (stratified sampling
// with a ratio estimator; Cochran, Sampling Techniques, 3rd ed., §5 and §6).

#include <cstdint>
#include <vector>

#include "base/progress.hpp"
#include "methods/method.hpp"

namespace squeeze {

struct RowSample {
  std::vector<std::int64_t> rows;
  std::vector<double> counts_for;  // Σ over all rows of a loss ≈ Σ counts_for[i] · loss of rows[i]
  Matrix<float> weights, sensitivity;
  MatrixInput input;  // of these rows alone; views of the above
};

// `count` rows, 0 < count < N: all are clustered at 2 bits and ordered by what they lose; of each of `count` runs of
// neighbours the middle one is taken, and counts for as much as its run.
Result<RowSample> sample_rows(const MatrixInput& input, std::int64_t count, const MethodOptions& options,
                              RunContext& context);

}  // namespace squeeze
