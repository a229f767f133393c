// Round to nearest: evenly spaced values between the smallest and the largest weight of each output channel.
//   scale = (max − min) / (2^b − 1) with min ≤ 0 ≤ max, zero = round(−min / scale), q = clamp(round(w / scale) + zero)
// The asymmetric baseline of GPTQ (arXiv 2210.17323, §4) and later papers: zero stays exact, no calibration, no groups.
// The scale is rounded to fp16 before anything is divided by it, so q is the best for the value that is stored.

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/threads.hpp"
#include "formats/packed_indices.hpp"
#include "formats/uniform_group/uniform_group.hpp"
#include "methods/method.hpp"

namespace squeeze {

namespace {

struct RowSums {
  double objective = 0, squared_error = 0, squared_norm = 0;
};

// w, f [K] (f may be null) → q [K] and the row's scale and zero point.
RowSums round_row(std::span<const float> w, const float* f, int bits, std::span<std::uint8_t> q, Half& scale,
                  Half& zero) {
  const float top = static_cast<float>((1 << bits) - 1);
  const auto [low, high] = std::ranges::minmax(w);
  const float min = std::min(low, 0.0f), max = std::max(high, 0.0f);
  scale = to_half(std::min((max - min) / top, 65504.0f));
  const float step = to_float(scale);  // 0 when every weight is 0, or too small for fp16
  zero = to_half(step > 0 ? std::clamp(std::round(-min / step), 0.0f, top) : 0.0f);
  const float origin = to_float(zero);
  RowSums sums;
  for (std::size_t j = 0; j < w.size(); ++j) {
    const float level = step > 0 ? std::clamp(std::round(w[j] / step) + origin, 0.0f, top) : 0.0f;
    q[j] = static_cast<std::uint8_t>(level);
    const double error = static_cast<double>(w[j]) - (level - origin) * step;
    sums.objective += (f ? f[j] : 1.0) * error * error;
    sums.squared_error += error * error;
    sums.squared_norm += static_cast<double>(w[j]) * w[j];
  }
  return sums;
}

Result<MatrixOutput> quantize(const MatrixInput& input, const MethodOptions& options, const std::any&,
                              RunContext& context) {
  const auto refuse = [&](const std::string& message) {
    return Error{.code = ErrorCode::kInvalidRequest, .message = message, .tensor = input.name + ".weight"};
  };
  if (options.bits < kMinBits || options.bits > kMaxBits) return refuse("Bits must be 2 to 8.");
  if (options.sparsity != 0) return refuse("The method rtn keeps no sparse part; its sparsity must be 0.");
  if (options.group != 0 || options.share != 1)
    return refuse("The method rtn has no codebooks; it takes neither a group nor a share.");
  const auto [data, rows, cols] = input.weights;
  if (cols < kUniformMinCols)
    return refuse(input.name + " has only " + std::to_string(cols) + " in-features; rtn needs at least 32.");

  Matrix<std::uint8_t> q(rows, cols);
  Matrix<Half> scales(rows, 1), zeros(rows, 1);
  std::vector<RowSums> sums(static_cast<std::size_t>(rows));
  parallel_for(rows, std::max<std::int64_t>(1, (1 << 16) / cols), [&](std::int64_t first, std::int64_t last) {
    if (context.cancelled()) return;
    for (std::int64_t r = first; r < last; ++r) {
      const bool weighted = options.weighting == Weighting::kFisher && input.sensitivity.data != nullptr;
      const float* f = weighted ? input.sensitivity.row(r).data() : nullptr;
      sums[r] = round_row(input.weights.row(r), f, options.bits, q.view().row(r), scales.values[r], zeros.values[r]);
    }
  });
  SQUEEZE_TRY(context.check_cancelled());

  MatrixOutput output;
  RowSums total;
  for (const RowSums& row : sums) {
    total.objective += row.objective;
    total.squared_error += row.squared_error;
    total.squared_norm += row.squared_norm;
  }
  output.objective = total.objective;
  output.relative_error = total.squared_norm > 0 ? std::sqrt(total.squared_error / total.squared_norm) : 0;
  output.tensors = uniform_group_tensors(input.name, options.bits, q.view(), scales.view(), zeros.view());
  return output;
}

}  // namespace

extern const Method kMethod_rtn;
const Method kMethod_rtn{.id = "rtn",
                         .summary = "Round to nearest: evenly spaced values per output channel, no calibration.",
                         .uses_sensitivity = false,
                         .has_codebooks = false,
                         .prepare = nullptr,
                         .quantize = quantize};

}  // namespace squeeze
