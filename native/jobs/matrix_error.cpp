#include "jobs/matrix_error.hpp"

#include <cmath>

#include "base/threads.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

MatrixError matrix_error(const MatrixInput& input, const LinearWeight& stored) {
  struct Sums {
    double objective = 0, squared_error = 0, squared_norm = 0;
  };
  const MatrixView<const float> weights = input.weights;
  std::vector<Sums> of_row(static_cast<std::size_t>(weights.rows));
  parallel_for(weights.rows, row_chunk(weights.cols), [&](std::int64_t first, std::int64_t last) {
    Matrix<float> decoded(1, weights.cols);
    for (std::int64_t r = first; r < last; ++r) {
      stored.dequantize_rows(r, decoded.view());
      const float* const f = input.sensitivity.data ? input.sensitivity.row(r).data() : nullptr;
      for (std::int64_t j = 0; j < weights.cols; ++j) {
        const double w = weights.row(r)[j], error = w - static_cast<double>(decoded.values[j]);
        of_row[r].objective += (f ? static_cast<double>(f[j]) : 1.0) * error * error;
        of_row[r].squared_error += error * error;
        of_row[r].squared_norm += w * w;
      }
    }
  });
  MatrixError error;
  double squared_error = 0, squared_norm = 0;
  for (const Sums& row : of_row) {
    error.objective += row.objective;
    squared_error += row.squared_error;
    squared_norm += row.squared_norm;
  }
  if (squared_norm > 0) error.relative_error = std::sqrt(squared_error / squared_norm);
  return error;
}

}  // namespace squeeze
