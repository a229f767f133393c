#include "jobs/evaluation_job.hpp"

#include <chrono>
#include <cmath>

#include "eval/evaluate.hpp"
#include "jobs/machine.hpp"
#include "jobs/precision.hpp"
#include "jobs/tokens.hpp"

namespace squeeze {

namespace {

std::optional<double> if_finite(double value) { return std::isfinite(value) ? std::optional(value) : std::nullopt; }

}  // namespace

Result<contract::EvaluationResult> run_evaluation(const contract::EvaluationStartParams& params, const Device& device,
                                                  RunContext& context) {
  const auto begun = std::chrono::steady_clock::now();
  SQUEEZE_ASSIGN(const auto model, Model::open(params.model));
  SQUEEZE_ASSIGN(const Matrix<std::int32_t> tokens, read_tokens(params.tokens, model->config()));
  std::shared_ptr<const Model> against;
  if (params.against) {
    SQUEEZE_ASSIGN(against, Model::open(*params.against));
    if (against->config().vocabulary != model->config().vocabulary)
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = "The models cannot be compared: " + params.model + " knows " +
                              std::to_string(model->config().vocabulary) + " tokens, " + *params.against + " " +
                              std::to_string(against->config().vocabulary) + "."};
  }
  SQUEEZE_ASSIGN(const Evaluation found,
                 evaluate(*model, against.get(), tokens.view(), context, precision_of(params.precision),
                          device.evaluation_engine(), device.is_gpu() ? 0 : params.memory_limit_bytes.value_or(0)));

  contract::EvaluationResult out;
  out.perplexity = if_finite(std::exp(found.mean_nll));
  out.diverged = !out.perplexity;
  if (!out.diverged) out.mean_nll = found.mean_nll;
  out.tokens = found.tokens;
  out.windows = found.windows;
  out.window_length = tokens.cols;
  out.precision = params.precision;
  if (found.divergence && std::isfinite(found.divergence->kl_mean))
    out.divergence = contract::Divergence{.kl_mean = found.divergence->kl_mean,
                                          .top1_agreement = found.divergence->top1_agreement,
                                          .against_perplexity = if_finite(std::exp(found.divergence->against_nll))};
  out.peak_memory_bytes = peak_memory_bytes();
  out.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  return out;
}

}  // namespace squeeze
