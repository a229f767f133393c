// SqueezeLLM (arXiv 2306.07629): sensitivity-weighted k-means per output channel (§4.1) and a dense-and-sparse
// decomposition (§4.2). Minimises Σ F (w − ŵ)²; stored as lut (formats/lut). Deviations: the clustering can be the
// global optimum (ops/kmeans1d), and the kept weights can be chosen by their loss (loss_aware.hpp).

#include <cmath>
#include <limits>

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

Result<KeptWeights> choose_and_cluster(const MatrixInput& input, const MethodOptions& options, const std::any& prepared,
                                       RunContext& context) {
  const std::int64_t total = input.weights.size();
  const auto count = std::llround(options.sparsity * static_cast<double>(total));
  if (options.outliers == OutlierRule::kLossAware && count > 0) return choose_by_loss(input, count, options, context);
  KeptWeights kept{std::vector<std::uint8_t>(static_cast<std::size_t>(total)),
                   Codebooks(input.weights.rows, input.weights.cols, options.bits)};
  if (options.outliers == OutlierRule::kPaper && options.sparsity > 0) {
    const double* range = std::any_cast<double>(&prepared);
    if (range == nullptr)
      return Error{.code = ErrorCode::kInternal, .message = "The outlier range of the model was not prepared."};
    mark_paper(input, options.sparsity, *range, kept.mask);
  }
  SQUEEZE_TRY(cluster_rows(input, kept.mask, options, {}, kept.codebooks, context));
  return kept;
}

Result<MatrixOutput> quantize(const MatrixInput& given, const MethodOptions& options, const std::any& prepared,
                              RunContext& context) {
  SQUEEZE_TRY(check(options));
  SQUEEZE_ASSIGN(const MatrixInput input, checked(given, options));
  const std::int64_t rows = input.weights.rows, cols = input.weights.cols;
  if (input.weights.size() > std::numeric_limits<std::int32_t>::max() && options.sparsity > 0)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = input.name + " is too large for a sparse part with 32-bit row pointers.",
                 .tensor = input.name + ".weight"};
  SQUEEZE_ASSIGN(KeptWeights kept, choose_and_cluster(input, options, prepared, context));
  const SparseRows sparse = keep_weights(input, kept.mask, kept.codebooks);
  SQUEEZE_TRY(context.check_cancelled());

  MatrixOutput output;
  output.sparse_count = sparse.count();
  double squared_error = 0, squared_norm = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto w = input.weights.row(r);
    const auto table = kept.codebooks.tables.view().row(r);
    const auto indices = kept.codebooks.indices.view().row(r);
    std::int64_t entry = sparse.row_ptr[r];
    for (std::int64_t j = 0; j < cols; ++j) {
      float decoded = to_float(table[indices[j]]);
      if (entry < sparse.row_ptr[r + 1] && sparse.cols[entry] == j) decoded += to_float(sparse.values[entry++]);
      const double error = static_cast<double>(w[j]) - static_cast<double>(decoded);
      output.objective +=
          (input.sensitivity.data ? static_cast<double>(input.sensitivity.row(r)[j]) : 1.0) * error * error;
      squared_error += error * error;
      squared_norm += static_cast<double>(w[j]) * static_cast<double>(w[j]);
    }
  }
  output.relative_error = squared_norm > 0 ? std::sqrt(squared_error / squared_norm) : 0;
  output.tensors =
      lut_tensors(input.name, options.bits, kept.codebooks.indices.view(), kept.codebooks.tables.view(), &sparse);
  return output;
}

}  // namespace

extern const Method kMethod_squeezellm;
const Method kMethod_squeezellm{
    .id = "squeezellm",
    .summary =
        "Codebooks by sensitivity-weighted k-means per output channel, with the most harmful weights kept exactly.",
    .uses_sensitivity = true,
    .prepare = prepare,
    .quantize = quantize};

}  // namespace squeeze
