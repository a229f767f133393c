#include "jobs/generation_job.hpp"

#include <algorithm>
#include <chrono>

#include "base/threads.hpp"
#include "eval/token_divergence.hpp"

namespace squeeze {

namespace {

// A cache of more than this is made only on request.
constexpr std::int64_t kDefaultContext = 4096;

Result<void> check_tokens(const std::vector<std::int64_t>& tokens, const char* field, std::int64_t vocabulary) {
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] >= vocabulary)
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = "params." + std::string(field) + "[" + std::to_string(i) + "]: token " +
                              std::to_string(tokens[i]) + " is outside the vocabulary of " +
                              std::to_string(vocabulary) + "."};
  return {};
}

std::vector<std::int32_t> narrow(const std::vector<std::int64_t>& tokens) {
  std::vector<std::int32_t> out(tokens.size());
  std::ranges::transform(tokens, out.begin(), [](std::int64_t token) { return static_cast<std::int32_t>(token); });
  return out;
}

contract::GenerationResultStopReason reason_of(StopReason reason) {
  switch (reason) {
    case StopReason::kLength:
      return contract::GenerationResultStopReason::kLength;
    case StopReason::kStopToken:
      return contract::GenerationResultStopReason::kStopToken;
    case StopReason::kContextFull:
      return contract::GenerationResultStopReason::kContextFull;
  }
  return {};
}

}  // namespace

Result<contract::ModelLoadResult> LoadedModels::load(const contract::ModelLoadParams& params, const Device& device) {
  set_thread_count(static_cast<int>(params.threads));
  SQUEEZE_ASSIGN(const auto model, Model::open(params.path));
  const std::int64_t limit = model->config().context;
  if (model->config().positions == PositionKind::kLearned && params.context_length > limit)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "params.contextLength: the model has " + std::to_string(limit) + " positions, not " +
                            std::to_string(params.context_length) + "."};
  const std::int64_t context = params.context_length > 0 ? params.context_length : std::min(limit, kDefaultContext);
  auto loaded = std::make_shared<LoadedModel>();
  loaded->vocabulary = model->config().vocabulary;
  loaded->threads = params.threads;
  if (device.is_gpu()) {
    SQUEEZE_ASSIGN(auto reader, device.gpus->text_reader(device.index, model, context));
    loaded->generator = Generator::make(std::move(reader));
  } else {
    SQUEEZE_ASSIGN(loaded->generator, Generator::make(model, {.context = context}));
  }

  const std::lock_guard lock(mutex_);
  models_[++last_id_] = loaded;
  return contract::ModelLoadResult{.model_id = last_id_,
                                   .context_length = loaded->generator->context(),
                                   .memory_bytes = loaded->generator->memory_bytes()};
}

bool LoadedModels::unload(std::int64_t model_id) {
  const std::lock_guard lock(mutex_);
  return models_.erase(model_id) > 0;
}

Result<std::shared_ptr<LoadedModel>> LoadedModels::find(std::int64_t model_id, const char* field) const {
  const std::lock_guard lock(mutex_);
  const auto found = models_.find(model_id);
  if (found == models_.end())
    return Error{.code = ErrorCode::kNotFound,
                 .message = "params." + std::string(field) + ": no model " + std::to_string(model_id) + " is loaded.",
                 .hint = "Load it first."};
  return found->second;
}

Result<void> check_generation(const contract::GenerationStartParams& params, const LoadedModel& model) {
  SQUEEZE_TRY(check_tokens(params.prompt, "prompt", model.vocabulary));
  return check_tokens(params.stop_tokens, "stopTokens", model.vocabulary);
}

Result<void> check_divergence(const contract::DivergenceStartParams& params, const LoadedModel& model) {
  SQUEEZE_TRY(check_tokens(params.prompt, "prompt", model.vocabulary));
  return check_tokens(params.answer, "answer", model.vocabulary);
}

Result<contract::GenerationResult> run_generation(
    const contract::GenerationStartParams& params, LoadedModel& model,
    const std::function<void(std::int32_t token, float logprob)>& produced, RunContext& context) {
  set_thread_count(static_cast<int>(model.threads));
  GenerationRequest request;
  request.prompt = narrow(params.prompt);
  request.max_tokens = params.max_tokens;
  request.stop_tokens = narrow(params.stop_tokens);
  request.sampling = {.temperature = params.sampling.temperature,
                      .top_k = params.sampling.top_k,
                      .top_p = params.sampling.top_p,
                      .min_p = params.sampling.min_p,
                      .repetition_penalty = params.sampling.repetition_penalty,
                      .seed = static_cast<std::uint64_t>(params.sampling.seed)};
  auto outcome = model.generator->generate(request, produced, context);
  if (!outcome.ok()) return std::move(outcome).error();

  const GenerationOutcome& found = outcome.value();
  return contract::GenerationResult{.prompt_tokens = found.prompt_tokens,
                                    .reused_tokens = found.reused_tokens,
                                    .generated_tokens = found.generated_tokens,
                                    .stop_reason = reason_of(found.stop),
                                    .prompt_ms = found.prompt_ms,
                                    .generation_ms = found.generation_ms};
}

Result<contract::DivergenceResult> run_divergence(const contract::DivergenceStartParams& params, LoadedModel& model,
                                                  LoadedModel& reference, RunContext& context) {
  set_thread_count(static_cast<int>(model.threads));
  const auto start = std::chrono::steady_clock::now();
  auto found =
      token_divergence(*model.generator, *reference.generator, narrow(params.prompt), narrow(params.answer), context);
  if (!found.ok()) return std::move(found).error();
  TokenDivergence divergence = std::move(found).value();
  const std::chrono::duration<double, std::milli> duration = std::chrono::steady_clock::now() - start;
  return contract::DivergenceResult{.kl = std::move(divergence.kl),
                                    .logprobs = std::move(divergence.logprob),
                                    .reference_logprobs = std::move(divergence.reference_logprob),
                                    .same_top = std::move(divergence.same_top),
                                    .duration_ms = duration.count()};
}

}  // namespace squeeze
