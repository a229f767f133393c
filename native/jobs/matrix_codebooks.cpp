// The looks at a matrix that cluster rows of it; see matrix_look.hpp.

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/base64.hpp"
#include "base/threads.hpp"
#include "jobs/matrix_look.hpp"
#include "jobs/matrix_rows.hpp"
#include "methods/squeezellm/codebooks.hpp"
#include "methods/squeezellm/outliers.hpp"

namespace squeeze {

namespace {

constexpr int kFewestBits = 2, kMostBits = 8;
constexpr std::size_t kSpreadBins = 512;
// What is looked at in full: for the rule's range and for the counts in one matrix some 40 MB of weights and F, in
// which a rule for one weight in two hundred finds twenty thousand; and as many rows as cluster in about a second.
constexpr std::int64_t kRangeWeights = 1 << 22, kCountedWeights = 1 << 22, kClusteredWeights = 1 << 16;

// One row of so many leaves at most `most` weights. Odd, so that it does not keep step with heads, whose sizes are
// even.
std::int64_t row_step(double weights, std::int64_t most) {
  if (weights <= static_cast<double>(most)) return 1;
  return static_cast<std::int64_t>(std::ceil(weights / static_cast<double>(most))) | 1;
}

// How far codebooks of one width are from the weights.
struct Costs {
  double objective = 0, kept_objective = 0, squared_error = 0, squared_norm = 0;
  double relative_error() const { return squared_norm > 0 ? std::sqrt(squared_error / squared_norm) : 0; }
};

// `kept` as in cluster_rows: entries whose part is counted apart, besides.
Costs costs_of(const MatrixInput& input, const Codebooks& codebooks, std::span<const std::uint8_t> kept) {
  Costs costs;
  for (std::int64_t r = 0; r < input.weights.rows; ++r) {
    const std::span<const Half> table = codebooks.tables.view().row(r);
    const std::span<const std::uint8_t> indices = codebooks.indices.view().row(r);
    const std::span<const float> w = input.weights.row(r), f = input.sensitivity.row(r);
    for (std::size_t j = 0; j < w.size(); ++j) {
      const double value = static_cast<double>(w[j]), error = value - static_cast<double>(to_float(table[indices[j]]));
      const double cost = static_cast<double>(f[j]) * error * error;
      costs.objective += cost;
      if (kept[r * input.weights.cols + static_cast<std::int64_t>(j)]) costs.kept_objective += cost;
      costs.squared_error += error * error;
      costs.squared_norm += value * value;
    }
  }
  return costs;
}

// Exact codebooks of all widths by sensitivity, as the method makes them where nothing is kept.
Result<std::vector<Codebooks>> cluster_all_widths(const MatrixInput& input) {
  const std::vector<std::uint8_t> nothing_kept(static_cast<std::size_t>(input.weights.size()));
  std::vector<Codebooks> codebooks;
  std::vector<RowCodebooks> widths;
  const MethodOptions options{.solver = ClusterSolver::kExact};
  codebooks.reserve(kMostBits - kFewestBits + 1);
  for (int bits = kFewestBits; bits <= kMostBits; ++bits)
    widths.push_back(codebooks.emplace_back(grid_of(input, options), bits).views());
  SilentContext silent;
  SQUEEZE_TRY(cluster_blocks(input, nothing_kept, options, {}, widths, silent));
  return codebooks;
}

Result<double> range_of_model(const MatrixSource& source, double sparsity, std::int64_t step) {
  SilentContext silent;
  const ForEachMatrix for_each = [&](const MatrixVisitor& visit) -> Result<void> {
    for (const MatrixSlot& slot : source.model().matrices()) {
      SQUEEZE_ASSIGN(const MatrixRows matrix, MatrixRows::of(source, slot.name + ".weight"));
      SQUEEZE_ASSIGN(const LoadedMatrix loaded, matrix.every(step));
      SQUEEZE_TRY(visit(loaded.input));
    }
    return {};
  };
  return find_range(for_each, sparsity, silent);
}

// The rule's marks, what of them is due to which of its parts, and the fence where the range is finite.
struct Marks {
  std::vector<std::uint8_t> mask;
  std::int64_t sensitive = 0, beyond = 0;
  Fence fence;
};

Result<Marks> mark(const MatrixInput& input, double sparsity, double range) {
  Marks marks;
  marks.mask.resize(static_cast<std::size_t>(input.weights.size()));
  if (sparsity == 0) return marks;
  SQUEEZE_ASSIGN(const std::unique_ptr<WeightChoice> choice, choose_from(input));
  SQUEEZE_TRY(mark_sensitive(*choice, sparsity));
  SQUEEZE_TRY(choice->read_marks(marks.mask));
  marks.sensitive = std::ranges::count(marks.mask, 1);
  SQUEEZE_TRY(mark_paper(*choice, sparsity, range));
  SQUEEZE_TRY(choice->read_marks(marks.mask));
  marks.beyond = std::ranges::count(marks.mask, 1) - marks.sensitive;
  if (std::isinf(range)) return marks;
  SQUEEZE_ASSIGN(marks.fence, fence_of(*choice));
  return marks;
}

// Every step-th row of what is in memory, with its marks.
struct Sample {
  Matrix<float> weights, sensitivity;
  std::vector<std::uint8_t> mask;
};

Sample sample(const MatrixInput& input, std::span<const std::uint8_t> mask, std::int64_t step) {
  const std::int64_t count = (input.weights.rows + step - 1) / step, cols = input.weights.cols;
  Sample out{{count, cols}, {count, cols}, {}};
  for (std::int64_t r = 0; r < count; ++r) {
    std::ranges::copy(input.weights.row(r * step), out.weights.view().row(r).begin());
    std::ranges::copy(input.sensitivity.row(r * step), out.sensitivity.view().row(r).begin());
    const auto marks = mask.subspan(static_cast<std::size_t>(r * step * cols), static_cast<std::size_t>(cols));
    out.mask.insert(out.mask.end(), marks.begin(), marks.end());
  }
  return out;
}

std::vector<std::int64_t> spread_of(const Matrix<Half>& tables, double low, double high) {
  std::vector<std::int64_t> bins(kSpreadBins);
  const double bins_per_unit = high > low ? static_cast<double>(kSpreadBins) / (high - low) : 0;
  for (const Half entry : tables.values) {
    const double place = (static_cast<double>(to_float(entry)) - low) * bins_per_unit;
    // Rounding to fp16 may take an entry past the weights.
    ++bins[static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(kSpreadBins - 1)))];
  }
  return bins;
}

}  // namespace

Result<contract::MatrixChannelResult> look_at_channel(const contract::MatrixChannelParams& params) {
  const OneThread one_thread;
  SQUEEZE_ASSIGN(const MatrixSource source, MatrixSource::open(params.checkpoint, params.calibration, {}));
  SQUEEZE_ASSIGN(const MatrixRows matrix, MatrixRows::of(source, params.tensor));
  if (params.channel >= matrix.rows())
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "params.channel: " + std::to_string(params.channel) + " is not among the " +
                            std::to_string(matrix.rows()) + " output channels of " + params.tensor +
                            ", which are counted from 0.",
                 .tensor = params.tensor};
  Matrix<float> w(1, matrix.cols()), f(1, matrix.cols());
  SQUEEZE_TRY(matrix.weights(params.channel, 0, w.values));
  SQUEEZE_TRY(matrix.sensitivities(params.channel, 0, f.values));
  const MatrixInput input{.name = params.tensor, .weights = w.view(), .sensitivity = f.view()};
  SQUEEZE_ASSIGN(const std::vector<Codebooks> widths, cluster_all_widths(input));

  contract::MatrixChannelResult out;
  out.channel = params.channel;
  out.weights = base64_of(std::span<const float>(w.values));
  out.sensitivities = base64_of(std::span<const float>(f.values));
  const std::vector<std::uint8_t> nothing_kept(w.values.size());
  for (int bits = kFewestBits; bits <= kMostBits; ++bits) {
    const Codebooks& codebooks = widths[static_cast<std::size_t>(bits - kFewestBits)];
    const Costs costs = costs_of(input, codebooks, nothing_kept);
    contract::ChannelCodebook& codebook = out.codebooks.emplace_back();
    codebook.bits = bits;
    for (const Half entry : codebooks.tables.values) codebook.entries.push_back(static_cast<double>(to_float(entry)));
    codebook.objective = costs.objective;
    codebook.relative_error = costs.relative_error();
  }
  return out;
}

Result<contract::MatrixOutliersResult> look_at_outliers(const contract::MatrixOutliersParams& params) {
  const OneThread one_thread;
  SQUEEZE_ASSIGN(const MatrixSource source, MatrixSource::open(params.checkpoint, params.calibration, {}));
  SQUEEZE_ASSIGN(const MatrixRows matrix, MatrixRows::of(source, params.tensor));
  contract::MatrixOutliersResult out;
  out.sparsity = params.sparsity;
  out.range_row_step = row_step(source.total_weights(), kRangeWeights);
  double range = std::numeric_limits<double>::infinity();
  if (params.sparsity > 0) {
    SQUEEZE_ASSIGN(range, range_of_model(source, params.sparsity, out.range_row_step));
  }

  const double all_weights = static_cast<double>(matrix.rows()) * static_cast<double>(matrix.cols());
  SQUEEZE_ASSIGN(const LoadedMatrix counted, matrix.every(row_step(all_weights, kCountedWeights)));
  SQUEEZE_ASSIGN(const Marks marks, mark(counted.input, params.sparsity, range));
  out.rows_read = counted.weights.rows;
  out.sensitive = marks.sensitive;
  out.beyond = marks.beyond;
  if (std::isfinite(range)) {
    out.range = range;
    out.fence_high = marks.fence.base + range * marks.fence.width;
    out.fence_low = -*out.fence_high;
  }

  const Sample rows = sample(counted.input, marks.mask,
                             row_step(static_cast<double>(counted.weights.values.size()), kClusteredWeights));
  const MatrixInput input{
      .name = counted.input.name, .weights = rows.weights.view(), .sensitivity = rows.sensitivity.view()};
  SQUEEZE_ASSIGN(const std::vector<Codebooks> widths, cluster_all_widths(input));
  const auto [low, high] = std::ranges::minmax(rows.weights.values);
  out.rows_clustered = rows.weights.rows;
  out.low = static_cast<double>(low);
  out.high = static_cast<double>(high);
  for (int bits = kFewestBits; bits <= kMostBits; ++bits) {
    const Codebooks& codebooks = widths[static_cast<std::size_t>(bits - kFewestBits)];
    const Costs costs = costs_of(input, codebooks, rows.mask);
    out.widths.push_back({.bits = bits,
                          .objective = costs.objective,
                          .kept_share = costs.objective > 0 ? costs.kept_objective / costs.objective : 0,
                          .relative_error = costs.relative_error(),
                          .spread = spread_of(codebooks.tables, out.low, out.high)});
  }
  return out;
}

}  // namespace squeeze
