#include "jobs/errors_job.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/part_context.hpp"
#include "jobs/machine.hpp"
#include "jobs/matrix_source.hpp"
#include "methods/squeezellm/estimate.hpp"

namespace squeeze {

namespace {

constexpr double kPrepareWeight = 0.1;

std::int64_t bytes_of(const MatrixOutput& output) {
  std::int64_t bytes = 0;
  for (const OwnedTensor& tensor : output.tensors) bytes += static_cast<std::int64_t>(tensor.bytes.size());
  return bytes;
}

// The widths at one sparsity, which share their clustering.
std::vector<MethodOptions> options_at(const contract::ErrorsStartParams& params, double sparsity) {
  std::vector<MethodOptions> options;
  for (const std::int64_t bits : params.bits)
    options.push_back({.bits = static_cast<int>(bits),
                       .sparsity = sparsity,
                       .outliers = params.outliers == contract::RecipeOutliers::kPaper ? OutlierRule::kPaper
                                                                                       : OutlierRule::kLossAware});
  return options;
}

Result<std::vector<MatrixCost>> costs_at(const Method& method, const MatrixInput& input,
                                         std::span<const MatrixRequest> ways, RunContext& context) {
  SQUEEZE_ASSIGN(const std::vector<MatrixOutput> outputs, quantize_in_ways(method, input, ways, context));
  std::vector<MatrixCost> costs;
  for (const MatrixOutput& output : outputs) costs.push_back({output.objective, bytes_of(output)});
  return costs;
}

Result<contract::MatrixErrors> tabulate(const contract::ErrorsStartParams& params, const MatrixSource& source,
                                        const MatrixSlot& slot, const Method& method, const Preparations& prepared,
                                        RunContext& context) {
  SQUEEZE_ASSIGN(const LoadedMatrix loaded, source.load(slot));
  SQUEEZE_ASSIGN(const TensorView tensor, source.model().store().require(slot.name + ".weight"));
  contract::MatrixErrors errors = {.name = tensor.name,
                                   .layer = slot.layer,
                                   .role = slot.role,
                                   .weights = slot.rows * slot.cols,
                                   .dense_bytes = static_cast<std::int64_t>(tensor.bytes.size()),
                                   .cells = {}};
  std::vector<MatrixRequest> ways;
  for (const double sparsity : params.sparsities)
    for (const MethodOptions& one : options_at(params, sparsity)) ways.push_back({one, &prepared.of(one)});
  std::vector<MatrixCost> costs;
  if (params.rows && *params.rows < slot.rows) {
    errors.clustered_rows = *params.rows;
    SQUEEZE_ASSIGN(costs, estimate_costs(loaded.input, ways, *params.rows, context));
  } else {
    // A sparsity at a time: what is stored of all of them would be many times the matrix.
    for (std::size_t first = 0; first < ways.size(); first += params.bits.size()) {
      SQUEEZE_ASSIGN(const auto some,
                     costs_at(method, loaded.input, std::span(ways).subspan(first, params.bits.size()), context));
      costs.insert(costs.end(), some.begin(), some.end());
      context.report({.fraction = static_cast<double>(costs.size()) / static_cast<double>(ways.size())});
    }
  }
  for (std::size_t i = 0; i < ways.size(); ++i)
    errors.cells.push_back({.bits = ways[i].options.bits,
                            .sparsity = ways[i].options.sparsity,
                            .objective = costs[i].objective,
                            .size_bytes = costs[i].size_bytes});
  return errors;
}

}  // namespace

Result<contract::ErrorsResult> run_errors(const contract::ErrorsStartParams& params, const Device& device,
                                          const std::function<void(const contract::MatrixErrors&)>& measured,
                                          RunContext& context) {
  const auto begun = std::chrono::steady_clock::now();
  const Method& method = *method_named("squeezellm");
  SQUEEZE_ASSIGN(const MatrixSource source, MatrixSource::open(params.checkpoint, params.calibration, device));
  const std::set<std::string> skip(params.skip.begin(), params.skip.end());
  std::vector<const MatrixSlot*> slots;
  double done = 0;
  for (const MatrixSlot& slot : source.model().matrices()) {
    if (skip.contains(slot.name + ".weight"))
      done += weights_of(slot);
    else
      slots.push_back(&slot);
  }
  std::vector<MethodOptions> wanted;
  if (!slots.empty())
    for (const double sparsity : params.sparsities) wanted.push_back(options_at(params, sparsity).front());
  SQUEEZE_ASSIGN(const Preparations prepared, Preparations::make(source, method, wanted, kPrepareWeight, context));

  context.stage("Tabulating errors", 1 - prepared.used_weight());
  for (const MatrixSlot* slot : slots) {
    SQUEEZE_TRY(context.check_cancelled());
    PartContext part(context, done, weights_of(*slot), source.total_weights(), "weights", slot->name);
    auto errors = tabulate(params, source, *slot, method, prepared, part);
    if (!errors.ok()) {
      Error error = std::move(errors).error();
      if (error.tensor.empty()) error.tensor = slot->name + ".weight";
      return error;
    }
    measured(errors.value());
    done += weights_of(*slot);
  }

  contract::ErrorsResult out;
  out.checkpoint_fingerprint = source.model().fingerprint();
  out.calibration_fingerprint = source.calibration()->fingerprint;
  out.matrices = static_cast<std::int64_t>(slots.size());
  out.peak_memory_bytes = peak_memory_bytes();
  out.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  return out;
}

}  // namespace squeeze
