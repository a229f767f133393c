// SqueezeLLM (arXiv 2306.07629): sensitivity-weighted k-means per output channel (§4.1) and a dense-and-sparse
// decomposition (§4.2). Minimises Σ F (w − ŵ)²; stored as lut (formats/lut). Deviations: the clustering can be the
// global optimum (ops/kmeans1d), the kept weights can be chosen by their loss (loss_aware.hpp), and a codebook can
// serve several rows, or a part of one (`share`, `group`; stored as grouped_lut).

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/threads.hpp"
#include "formats/grouped_lut/grouped_lut.hpp"
#include "formats/lut/lut.hpp"
#include "formats/packed_indices.hpp"
#include "methods/method.hpp"
#include "methods/squeezellm/codebooks.hpp"
#include "methods/squeezellm/loss_aware.hpp"
#include "methods/squeezellm/outliers.hpp"

namespace squeeze {

namespace {

Result<void> check(const MethodOptions& options) {
  const auto refuse = [](const char* message) { return Error{.code = ErrorCode::kInvalidRequest, .message = message}; };
  if (options.bits < kMinBits || options.bits > kMaxBits) return refuse("Bits must be 2 to 8.");
  if (!(options.sparsity >= 0 && options.sparsity <= 0.2)) return refuse("Sparsity must be a fraction from 0 to 0.2.");
  if (options.group != 0 && options.group < kMinGroup)
    return refuse("A group must be 32 weights or more, or 0 for whole rows.");
  if (options.share < 1) return refuse("A codebook must serve one row or more.");
  return {};
}

// The views, with the sensitivity dropped where it is not to be used.
Result<MatrixInput> checked(const MatrixInput& input, const MethodOptions& options) {
  MatrixInput seen = input;
  if (options.weighting == Weighting::kNone) {
    seen.sensitivity = {};
  } else if (input.sensitivity.data == nullptr || input.sensitivity.rows != input.weights.rows ||
             input.sensitivity.cols != input.weights.cols) {
    return Error{.code = ErrorCode::kCalibrationMismatch,
                 .message = "The calibration holds no sensitivities of the right shape for " + input.name + ".",
                 .tensor = input.name + ".weight"};
  }
  return seen;
}

// The model's one range of the quartile rule; nothing where no rule needs it.
Result<std::any> prepare(const ForEachMatrix& for_each, const MethodOptions& options, RunContext& context) {
  SQUEEZE_TRY(check(options));
  if (options.sparsity == 0 || options.outliers != OutlierRule::kPaper) return std::any();
  const ForEachMatrix for_each_checked = [&](const MatrixVisitor& visit) {
    return for_each([&](const MatrixInput& input) -> Result<void> {
      SQUEEZE_ASSIGN(const MatrixInput seen, checked(input, options));
      return visit(seen);
    });
  };
  SQUEEZE_ASSIGN(const double range, find_range(for_each_checked, options.sparsity, context));
  return std::any(range);
}

// A count by the loss depends on the codebooks; any other choice of kept weights is made before them.
std::int64_t count_by_loss(const MatrixInput& input, const MethodOptions& options) {
  if (options.outliers != OutlierRule::kLossAware) return 0;
  return std::llround(options.sparsity * static_cast<double>(input.weights.size()));
}

Result<std::vector<std::uint8_t>> choose_first(const MatrixInput& input, const MatrixRequest& way) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(input.weights.size()));
  if (way.options.outliers != OutlierRule::kPaper || way.options.sparsity == 0) return mask;
  const double* range = std::any_cast<double>(way.prepared);
  if (range == nullptr)
    return Error{.code = ErrorCode::kInternal, .message = "The outlier range of the model was not prepared."};
  mark_paper(input, way.options.sparsity, *range, mask);
  return mask;
}

// The stored form, and how far it is from the weights.
MatrixOutput stored(const MatrixInput& input, const MethodOptions& options, std::span<const std::uint8_t> mask,
                    Codebooks& codebooks) {
  const SparseRows sparse = keep_weights(input, mask, codebooks);
  MatrixOutput output;
  output.sparse_count = sparse.count();
  // By rows, added up in their order: the same for any number of threads.
  struct Sums {
    double objective = 0, squared_error = 0, squared_norm = 0;
  };
  std::vector<Sums> of_row(static_cast<std::size_t>(input.weights.rows));
  const std::int64_t cols = input.weights.cols;
  parallel_for(input.weights.rows, std::max<std::int64_t>(1, (1 << 16) / std::max<std::int64_t>(1, cols)),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t r = first; r < last; ++r) {
                   Sums sums;
                   const float* w = input.weights.row(r).data();
                   const float* f = input.sensitivity.data ? input.sensitivity.row(r).data() : nullptr;
                   const std::uint8_t* indices = codebooks.indices.values.data() + r * cols;
                   std::int64_t entry = sparse.row_ptr[r];
                   codebooks.grid.for_each_piece(r, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
                     const auto table = codebooks.tables.view().row(block);
                     for (std::int64_t j = begin; j < end; ++j) {
                       float decoded = to_float(table[indices[j]]);
                       if (entry < sparse.row_ptr[r + 1] && sparse.cols[entry] == j)
                         decoded += to_float(sparse.values[entry++]);
                       const double error = static_cast<double>(w[j]) - static_cast<double>(decoded);
                       sums.objective += (f ? static_cast<double>(f[j]) : 1.0) * error * error;
                       sums.squared_error += error * error;
                       sums.squared_norm += static_cast<double>(w[j]) * static_cast<double>(w[j]);
                     }
                   });
                   of_row[r] = sums;
                 }
               });
  double squared_error = 0, squared_norm = 0;
  for (const Sums& row : of_row) {
    output.objective += row.objective;
    squared_error += row.squared_error;
    squared_norm += row.squared_norm;
  }
  output.relative_error = squared_norm > 0 ? std::sqrt(squared_error / squared_norm) : 0;
  const auto indices = std::as_const(codebooks).indices.view();
  const auto tables = std::as_const(codebooks).tables.view();
  output.tensors = codebooks.grid.whole_rows()
                       ? lut_tensors(input.name, options.bits, indices, tables, &sparse)
                       : grouped_lut_tensors(input.name, options.bits, codebooks.grid, indices, tables, &sparse);
  return output;
}

Result<void> check_size(const MatrixInput& input, const MethodOptions& options) {
  if (input.weights.size() <= std::numeric_limits<std::int32_t>::max() || options.sparsity == 0) return {};
  return Error{.code = ErrorCode::kInvalidRequest,
               .message = input.name + " is too large for a sparse part with 32-bit row pointers.",
               .tensor = input.name + ".weight"};
}

bool share_rows(const MethodOptions& a, const MethodOptions& b) {
  return a.sparsity == b.sparsity && (a.sparsity == 0 || a.outliers == b.outliers) && a.solver == b.solver &&
         a.weighting == b.weighting && a.group == b.group && a.share == b.share;
}

// Ways that differ in nothing but their widths, and whose kept weights do not depend on them.
Result<void> quantize_widths(const MatrixInput& given, std::span<const MatrixRequest* const> ways,
                             std::span<MatrixOutput* const> outputs, RunContext& context) {
  const MatrixRequest& first = *ways.front();
  SQUEEZE_ASSIGN(const MatrixInput input, checked(given, first.options));
  SQUEEZE_ASSIGN(const std::vector<std::uint8_t> mask, choose_first(input, first));
  std::vector<Codebooks> codebooks;
  std::vector<Codebooks*> widths;
  codebooks.reserve(ways.size());
  for (const MatrixRequest* way : ways)
    widths.push_back(&codebooks.emplace_back(grid_of(input, way->options), way->options.bits));
  SQUEEZE_TRY(cluster_blocks(input, mask, first.options, {}, widths, context));
  for (std::size_t i = 0; i < ways.size(); ++i) {
    *outputs[i] = stored(input, ways[i]->options, mask, codebooks[i]);
    SQUEEZE_TRY(context.check_cancelled());
  }
  return {};
}

Result<std::vector<MatrixOutput>> quantize_several(const MatrixInput& given, std::span<const MatrixRequest> ways,
                                                   RunContext& context) {
  std::vector<MatrixOutput> outputs(ways.size());
  std::vector<bool> done(ways.size());
  for (const MatrixRequest& way : ways) {
    SQUEEZE_TRY(check(way.options));
    SQUEEZE_TRY(check_size(given, way.options));
  }
  for (std::size_t i = 0; i < ways.size(); ++i) {
    if (done[i]) continue;
    const MethodOptions& options = ways[i].options;
    if (const std::int64_t count = count_by_loss(given, options); count > 0) {
      SQUEEZE_ASSIGN(const MatrixInput input, checked(given, options));
      SQUEEZE_ASSIGN(KeptWeights kept, choose_by_loss(input, count, options, context));
      outputs[i] = stored(input, options, kept.mask, kept.codebooks);
      continue;
    }
    std::vector<const MatrixRequest*> alike;
    std::vector<MatrixOutput*> theirs;
    for (std::size_t other = i; other < ways.size(); ++other) {
      if (done[other] || !share_rows(ways[other].options, options)) continue;
      done[other] = true;
      alike.push_back(&ways[other]);
      theirs.push_back(&outputs[other]);
    }
    SQUEEZE_TRY(quantize_widths(given, alike, theirs, context));
  }
  return outputs;
}

Result<MatrixOutput> quantize(const MatrixInput& input, const MethodOptions& options, const std::any& prepared,
                              RunContext& context) {
  const MatrixRequest way{options, &prepared};
  SQUEEZE_ASSIGN(std::vector<MatrixOutput> outputs, quantize_several(input, {&way, 1}, context));
  return std::move(outputs.front());
}

}  // namespace

extern const Method kMethod_squeezellm;
const Method kMethod_squeezellm{
    .id = "squeezellm",
    .summary =
        "Codebooks by sensitivity-weighted k-means per output channel, with the most harmful weights kept exactly.",
    .uses_sensitivity = true,
    .has_codebooks = true,
    .prepare = prepare,
    .quantize = quantize,
    .quantize_several = quantize_several};

}  // namespace squeeze
