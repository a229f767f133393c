#include "jobs/sweep_job.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/part_context.hpp"
#include "eval/evaluate.hpp"
#include "jobs/machine.hpp"
#include "jobs/matrix_source.hpp"
#include "jobs/precision.hpp"
#include "jobs/recipe.hpp"
#include "jobs/tokens.hpp"

namespace squeeze {

namespace {

constexpr double kPrepareWeight = 0.1;
constexpr std::size_t kPointsAtOnce = 4;  // what an interrupted sweep loses at most

bool weighted(const contract::Recipe& recipe) { return recipe.weighting == contract::RecipeWeighting::kFisher; }

// A recipe on its way through the layers.
struct Point {
  const contract::Recipe* recipe;
  const Method* method;
  double matrix_bytes = 0, objective = 0;
};

// One way of squeezing a matrix, with the points that go it.
struct Way {
  MethodOptions options;
  std::vector<std::size_t> points;
};

class Sweep {
 public:
  Sweep(const contract::SweepStartParams& params, const Device& device, const PointMeasured& measured,
        RunContext& context)
      : params_(params), device_(device), measured_(measured), context_(context) {}

  Result<contract::SweepResult> operator()();

 private:
  Result<void> prepare();
  std::size_t pass_from(std::size_t first) const;
  Result<void> run_pass(CandidateEvaluator& evaluator, std::size_t first, std::size_t count,
                        contract::SweepResult& out);
  Result<std::vector<LayerWeights>> squeeze_layer(std::span<Point> points, std::int64_t layer, const LayerWeights& own);
  Result<void> squeeze_matrix(std::span<Point> points, const MatrixSlot& slot, std::vector<LayerWeights>& layers);
  Result<void> squeeze_by(const Method& method, const MatrixInput& input, const MatrixSlot& slot,
                          std::span<Point> points, std::vector<LayerWeights>& layers);
  contract::SweepPoint point_of(const Point& point, const Evaluation& found) const;

  const contract::SweepStartParams& params_;
  const Device& device_;
  const PointMeasured& measured_;
  RunContext& context_;
  std::optional<MatrixSource> source_;
  std::vector<Point> points_;
  std::map<const Method*, Preparations> prepared_;
  double other_bytes_ = 0;  // of everything that is no matrix
  double used_weight_ = 0;
};

Result<void> Sweep::prepare() {
  std::map<const Method*, std::vector<MethodOptions>> wanted;
  for (const Point& point : points_)
    for (const MatrixSlot& slot : source_->model().matrices())
      if (const auto options = options_of(*point.recipe, slot.name)) wanted[point.method].push_back(*options);
  for (const auto& [method, options] : wanted) {
    const double weight = kPrepareWeight / static_cast<double>(wanted.size());
    SQUEEZE_ASSIGN(Preparations prepared, Preparations::make(*source_, *method, options, weight, context_));
    used_weight_ += prepared.used_weight();
    prepared_.emplace(method, std::move(prepared));
  }
  return {};
}

std::vector<Way> ways_of(const Method& method, std::span<const Point> points, const MatrixSlot& slot) {
  std::vector<Way> ways;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto options = points[i].method == &method ? options_of(*points[i].recipe, slot.name) : std::nullopt;
    if (!options) continue;
    const auto known = std::ranges::find_if(ways, [&](const Way& way) { return way.options == *options; });
    if (known != ways.end())
      known->points.push_back(i);
    else
      ways.push_back({*options, {i}});
  }
  return ways;
}

// The linear as it would be read back from a result, and its bytes there.
Result<std::pair<std::shared_ptr<const LinearWeight>, double>> as_read_back(const MatrixOutput& output,
                                                                            const MatrixSlot& slot) {
  std::vector<TensorSource> tensors;
  double bytes = 0;
  for (const OwnedTensor& owned : output.tensors) {
    tensors.push_back(tensor_source(owned.name, owned.dtype, owned.shape, std::span<const std::byte>(owned.bytes)));
    bytes += static_cast<double>(owned.bytes.size());
  }
  SQUEEZE_ASSIGN(const TensorStore store, TensorStore::in_memory(tensors));
  SQUEEZE_ASSIGN(auto linear, load_linear(store, slot.name, slot.rows, slot.cols));
  return std::pair(std::move(linear), bytes);
}

Result<void> Sweep::squeeze_by(const Method& method, const MatrixInput& input, const MatrixSlot& slot,
                               std::span<Point> points, std::vector<LayerWeights>& layers) {
  const std::vector<Way> ways = ways_of(method, points, slot);
  std::vector<MatrixRequest> requests;
  for (const Way& way : ways) requests.push_back({way.options, &prepared_.at(&method).of(way.options)});
  PartContext part(context_, 0, 0, 1, "", "");  // for its cancel flag; the evaluation does the reporting
  SQUEEZE_ASSIGN(const std::vector<MatrixOutput> outputs, quantize_in_ways(method, input, requests, part));
  for (std::size_t w = 0; w < ways.size(); ++w) {
    SQUEEZE_ASSIGN(const auto linear, as_read_back(outputs[w], slot));
    for (const std::size_t i : ways[w].points) {
      layers[i].linear(slot.role) = linear.first;
      points[i].matrix_bytes += linear.second;
      points[i].objective += outputs[w].objective;
    }
  }
  return {};
}

Result<void> Sweep::squeeze_matrix(std::span<Point> points, const MatrixSlot& slot, std::vector<LayerWeights>& layers) {
  SQUEEZE_ASSIGN(const TensorView tensor, source_->model().store().require(slot.name + ".weight"));
  bool any = false;
  for (Point& point : points) {
    const bool kept = !options_of(*point.recipe, slot.name);
    if (kept) point.matrix_bytes += static_cast<double>(tensor.bytes.size());
    any |= !kept;
  }
  if (!any) return {};
  SQUEEZE_ASSIGN(const LoadedMatrix loaded, source_->load(slot));
  for (const auto& [method, prepared] : prepared_) SQUEEZE_TRY(squeeze_by(*method, loaded.input, slot, points, layers));
  return {};
}

Result<std::vector<LayerWeights>> Sweep::squeeze_layer(std::span<Point> points, std::int64_t layer,
                                                       const LayerWeights& own) {
  std::vector<LayerWeights> layers(points.size(), own);
  for (const MatrixSlot& slot : source_->model().matrices()) {
    if (slot.layer != layer) continue;
    SQUEEZE_TRY(context_.check_cancelled());
    auto done = squeeze_matrix(points, slot, layers);
    if (!done.ok()) {
      Error error = std::move(done).error();
      if (error.tensor.empty()) error.tensor = slot.name + ".weight";
      if (!error.layer) error.layer = static_cast<int>(layer);
      return error;
    }
  }
  return layers;
}

contract::SweepPoint Sweep::point_of(const Point& point, const Evaluation& found) const {
  contract::SweepPoint out;
  out.bits_per_weight = 8 * point.matrix_bytes / source_->total_weights();
  out.size_bytes = std::llround(point.matrix_bytes + other_bytes_);
  out.objective = point.objective;
  out.diverged = !std::isfinite(std::exp(found.mean_nll));
  if (out.diverged) return out;
  out.mean_nll = found.mean_nll;
  out.perplexity = std::exp(found.mean_nll);
  if (!std::isfinite(found.divergence->kl_mean)) return out;
  out.kl_mean = found.divergence->kl_mean;
  out.top1_agreement = found.divergence->top1_agreement;
  return out;
}

// Points that share their clustering go together where that makes no lonely ones.
std::size_t Sweep::pass_from(std::size_t first) const {
  const auto alike = [&](std::size_t i) {
    return points_[i].recipe->sparsity == points_[first].recipe->sparsity &&
           points_[i].recipe->outliers == points_[first].recipe->outliers && points_[i].method == points_[first].method;
  };
  std::size_t count = 1;
  while (count < kPointsAtOnce && first + count < points_.size() && (count < 2 || alike(first + count))) ++count;
  return count;
}

Result<void> Sweep::run_pass(CandidateEvaluator& evaluator, std::size_t first, std::size_t count,
                             contract::SweepResult& out) {
  const auto points = std::span(points_).subspan(first, count);
  const double share = static_cast<double>(count) / static_cast<double>(points_.size());
  context_.stage("Measuring points", (1 - used_weight_) * share);
  const CandidateLayers layers = [&](std::int64_t layer, const LayerWeights& own) {
    return squeeze_layer(points, layer, own);
  };
  SQUEEZE_ASSIGN(const std::vector<Evaluation> found,
                 evaluator.evaluate(static_cast<std::int64_t>(count), layers, context_));
  const Evaluation& own = evaluator.own();
  if (std::isfinite(own.mean_nll)) out.mean_nll = own.mean_nll;
  out.tokens = own.tokens;
  out.windows = own.windows;
  for (std::size_t i = 0; i < count; ++i) {
    out.points.push_back(point_of(points[i], found[i]));
    measured_({.place = static_cast<std::int64_t>(first + i),
               .point = out.points.back(),
               .mean_nll = out.mean_nll,
               .tokens = own.tokens,
               .windows = own.windows});
  }
  return {};
}

Result<contract::SweepResult> Sweep::operator()() {
  const auto begun = std::chrono::steady_clock::now();
  SQUEEZE_TRY(check_sweep(params_));
  SQUEEZE_ASSIGN(source_, MatrixSource::open(params_.checkpoint, params_.calibration, device_));
  SQUEEZE_ASSIGN(const Matrix<std::int32_t> tokens, read_tokens(params_.tokens, source_->model().config()));
  for (const contract::Recipe& recipe : params_.recipes) {
    SQUEEZE_ASSIGN(const Method* method, method_of(recipe));
    points_.push_back({.recipe = &recipe, .method = method});
  }
  const TensorStore& store = source_->model().store();
  for (const std::string& name : store.names()) other_bytes_ += static_cast<double>(store.find(name)->bytes.size());
  for (const MatrixSlot& slot : source_->model().matrices()) {
    SQUEEZE_ASSIGN(const TensorView tensor, store.require(slot.name + ".weight"));
    other_bytes_ -= static_cast<double>(tensor.bytes.size());
  }
  SQUEEZE_TRY(prepare());

  contract::SweepResult out;
  SQUEEZE_ASSIGN(CandidateEvaluator evaluator,
                 CandidateEvaluator::make(source_->model(), tokens.view(), precision_of(params_.precision),
                                          device_.evaluation_engine()));
  const std::int64_t state_bytes = device_.is_gpu() ? 0 : params_.memory_limit_bytes.value_or(0);
  const auto at_once =
      static_cast<std::size_t>(candidates_at_once(source_->model().config(), tokens.view(), state_bytes));
  for (std::size_t first = 0; first < points_.size(); first = out.points.size())
    SQUEEZE_TRY(run_pass(evaluator, first, std::min(at_once, pass_from(first)), out));
  out.window_length = tokens.cols;
  out.precision = params_.precision;
  out.peak_memory_bytes = peak_memory_bytes();
  out.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  return out;
}

}  // namespace

Result<void> check_sweep(const contract::SweepStartParams& params) {
  for (std::size_t i = 0; i < params.recipes.size(); ++i) {
    const contract::Recipe& recipe = params.recipes[i];
    SQUEEZE_ASSIGN(const Method* method, method_of(recipe));
    SQUEEZE_TRY(check_recipe(recipe));
    if (squeezes_outside(recipe))
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = "params.recipes[" + std::to_string(i) +
                              "] squeezes embedding or head; a sweep measures the matrices inside the layers alone.",
                   .hint = "Squeeze by this recipe, and evaluate the result."};
    if (refinement_steps(recipe) > 0)
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = "params.recipes[" + std::to_string(i) + "] refines its codebooks, and a sweep does not.",
                   .hint = "Squeeze by this recipe, and evaluate the result."};
    if (method->uses_sensitivity && weighted(recipe) && !params.calibration)
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = "params.recipes[" + std::to_string(i) +
                              "] is weighted by sensitivities, and no calibration is named."};
  }
  return {};
}

Result<contract::SweepResult> run_sweep(const contract::SweepStartParams& params, const Device& device,
                                        const PointMeasured& measured, RunContext& context) {
  return Sweep(params, device, measured, context)();
}

}  // namespace squeeze
