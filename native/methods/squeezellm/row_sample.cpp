#include "methods/squeezellm/row_sample.hpp"

#include <algorithm>
#include <numeric>

#include "formats/packed_indices.hpp"
#include "methods/squeezellm/codebooks.hpp"

namespace squeeze {

namespace {

Matrix<float> rows_of(MatrixView<const float> whole, std::span<const std::int64_t> rows) {
  Matrix<float> out(static_cast<std::int64_t>(rows.size()), whole.cols);
  for (std::size_t i = 0; i < rows.size(); ++i)
    std::ranges::copy(whole.row(rows[i]), out.view().row(static_cast<std::int64_t>(i)).begin());
  return out;
}

}  // namespace

Result<RowOrder> order_rows(const MatrixInput& input, const MethodOptions& options, RunContext& context) {
  MethodOptions whole_rows = options;
  whole_rows.share = 1;
  whole_rows.group = 0;
  Codebooks codebooks(grid_of(input, whole_rows), kMinBits);
  const std::vector<std::uint8_t> none(static_cast<std::size_t>(input.weights.size()));
  SQUEEZE_TRY(cluster_blocks(input, none, whole_rows, {}, codebooks, context));
  RowOrder order{.rows = std::vector<std::int64_t>(codebooks.objective.size()), .losses = codebooks.objective};
  std::iota(order.rows.begin(), order.rows.end(), std::int64_t{0});
  std::ranges::stable_sort(order.rows, {}, [&](std::int64_t r) { return order.losses[r]; });
  return order;
}

RowSample sample_rows(const MatrixInput& input, const RowOrder& order, std::int64_t count) {
  const std::int64_t rows = input.weights.rows;
  RowSample sample;
  for (std::int64_t run = 0; run < count; ++run) {
    const std::int64_t first = run * rows / count, last = (run + 1) * rows / count;
    const std::int64_t middle = order.rows[first + (last - first) / 2];
    double lost = 0;
    for (std::int64_t i = first; i < last; ++i) lost += order.losses[order.rows[i]];
    sample.rows.push_back(middle);
    sample.counts_for.push_back(order.losses[middle] > 0 ? lost / order.losses[middle]
                                                         : static_cast<double>(last - first));
  }
  sample.weights = rows_of(input.weights, sample.rows);
  sample.input = input;
  sample.input.weights = sample.weights.view();
  if (input.sensitivity.data) {
    sample.sensitivity = rows_of(input.sensitivity, sample.rows);
    sample.input.sensitivity = sample.sensitivity.view();
  }
  return sample;
}

}  // namespace squeeze
