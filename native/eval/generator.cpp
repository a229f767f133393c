#include "eval/generator.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <optional>

#include "archs/decode_step.hpp"
#include "base/page_buffer.hpp"
#include "eval/sampler.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"

namespace squeeze {

namespace {

// Tokens of a prompt that go through the layers in one pass of matrix products.
constexpr std::int64_t kPromptRows = 512;

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Error invalid(const std::string& what) { return {.code = ErrorCode::kInvalidRequest, .message = what}; }

}  // namespace

struct Generator::State {
  State(std::shared_ptr<const Model> opened, Decoder made, std::int64_t cache_tokens)
      : model(std::move(opened)), decoder(std::move(made)), context(cache_tokens) {
    logits.resize(static_cast<std::size_t>(decoder.vocabulary()));
  }

  std::shared_ptr<const Model> model;
  Decoder decoder;
  std::int64_t context;
  std::vector<LayerWeights> layers;
  std::vector<LayerCache> caches;
  std::optional<DecodeStep> step;                 // made once layers and caches stand
  std::vector<std::int32_t> cached;               // tokens whose keys and values are in the caches
  std::vector<float> logits;                      // after the last of them
  std::int64_t direct_tokens = kMaxDecodeTokens;  // up to so many go through the decode step
  DecoderWorkspace space;
  Scratch states, predicted;

  std::int64_t keep(std::span<const std::int32_t> tokens, std::int64_t most);
  Result<void> advance(std::span<const std::int32_t> tokens, RunContext& run);
  Result<MatrixView<float>> pass(std::span<const std::int32_t> tokens, RunContext& run);
  Result<void> check_text(std::span<const std::int32_t> tokens, const std::string& name) const;
  Result<void> check(const GenerationRequest& request) const;
};

Generator::Generator(std::unique_ptr<State> state) : state_(std::move(state)) {}
Generator::~Generator() = default;

Result<std::unique_ptr<Generator>> Generator::make(std::shared_ptr<const Model> model,
                                                   const GeneratorOptions& options) {
  const std::int64_t context = options.context;
  if (context < 1) return invalid("A cache needs room for at least one token.");
  SQUEEZE_ASSIGN(auto decoder, Decoder::make(*model, context, options.prompt));
  const ModelConfig& c = model->config();
  DecodePath path = options.path;
  path.copy_dense = model->store().size_bytes() <= physical_memory_bytes() / 3;
  auto state = std::make_unique<State>(model, std::move(decoder), context);
  if (state->decoder.pack_head(path)) model->store().let_go();
  for (std::int64_t i = 0; i < c.layers; ++i) {
    SQUEEZE_ASSIGN(auto weights, model->layer(i));
    // Layer by layer, so that the stored weights and their copies never all stand in memory.
    if (weights.pack(path)) model->store().let_go();
    for (const LinearWeight* linear : weights.linears())
      state->direct_tokens = std::min(state->direct_tokens, linear->few_vectors());
    state->layers.push_back(std::move(weights));
    state->caches.emplace_back(c.kv_heads, context, c.head_dim);
  }
  state->step.emplace(state->decoder, state->layers, state->caches);
  return std::unique_ptr<Generator>(new Generator(std::move(state)));
}

std::int64_t Generator::context() const { return state_->context; }

std::int64_t Generator::vocabulary() const { return state_->decoder.vocabulary(); }

std::int64_t Generator::memory_bytes() const {
  std::int64_t bytes = state_->decoder.size_bytes();
  for (const LayerWeights& w : state_->layers)
    for (const LinearWeight* linear : w.linears()) bytes += linear->size_bytes();
  for (const LayerCache& cache : state_->caches) bytes += cache.size_bytes();
  return bytes;
}

Result<void> Generator::State::check_text(std::span<const std::int32_t> tokens, const std::string& name) const {
  const auto size = static_cast<std::int64_t>(tokens.size());
  if (size == 0) return invalid("The " + name + " is empty.");
  if (size > context)
    return invalid("The " + name + " has " + std::to_string(size) + " tokens, and the cache holds " +
                   std::to_string(context) + ".");
  for (std::int64_t i = 0; i < size; ++i)
    if (const std::int32_t id = tokens[i]; id < 0 || id >= decoder.vocabulary())
      return invalid("Token " + std::to_string(id) + " at position " + std::to_string(i) + " of the " + name +
                     " is outside the vocabulary of " + std::to_string(decoder.vocabulary()) + ".");
  return {};
}

Result<void> Generator::State::check(const GenerationRequest& request) const {
  SQUEEZE_TRY(check_text(request.prompt, "prompt"));
  const Sampling& s = request.sampling;
  const bool sensible = s.temperature >= 0 && s.top_k >= 0 && s.top_p >= 0 && s.top_p <= 1 && s.min_p >= 0 &&
                        s.min_p <= 1 && s.repetition_penalty > 0 && std::isfinite(s.temperature) &&
                        std::isfinite(s.repetition_penalty);
  if (!sensible || request.max_tokens < 1) return invalid("A sampling setting is out of its range.");
  return {};
}

// Forgets what is cached beyond the tokens that `tokens` begins with, and beyond `most`; gives how many are left.
std::int64_t Generator::State::keep(std::span<const std::int32_t> tokens, std::int64_t most) {
  const auto same = std::ranges::mismatch(cached, tokens).in2 - tokens.begin();
  cached.resize(static_cast<std::size_t>(std::min<std::int64_t>(same, most)));
  return static_cast<std::int64_t>(cached.size());
}

// Many tokens behind what is cached, by matrix products. Gives the last layer's output, [tokens, hidden].
Result<MatrixView<float>> Generator::State::pass(std::span<const std::int32_t> tokens, RunContext& run) {
  const auto count = static_cast<std::int64_t>(tokens.size()), first = static_cast<std::int64_t>(cached.size());
  const MatrixView<float> x = states.matrix(count, decoder.hidden());
  decoder.embed(tokens, count, first, x);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    SQUEEZE_TRY(run.check_cancelled());  // one layer of a large model takes a good part of a second
    decoder.forward_cached(layers[i], first, x, caches[i], space);
  }
  cached.insert(cached.end(), tokens.begin(), tokens.end());
  return x;
}

// Takes up tokens behind what is cached; `logits` are then those after the last of them.
Result<void> Generator::State::advance(std::span<const std::int32_t> tokens, RunContext& run) {
  while (!tokens.empty()) {
    const auto part = tokens.first(std::min<std::size_t>(kPromptRows, tokens.size()));
    SQUEEZE_TRY(run.check_cancelled());
    if (static_cast<std::int64_t>(part.size()) <= direct_tokens) {
      step->run(part, static_cast<std::int64_t>(cached.size()), logits);
      cached.insert(cached.end(), part.begin(), part.end());
    } else {
      SQUEEZE_ASSIGN(const MatrixView<float> x, pass(part, run));
      if (part.size() == tokens.size()) step->logits(x.rows_from(x.rows - 1, 1), logits);
    }
    tokens = tokens.subspan(part.size());
  }
  return {};
}

Result<GenerationOutcome> Generator::generate(const GenerationRequest& request, const OnToken& on_token,
                                              RunContext& run) {
  State& state = *state_;
  SQUEEZE_TRY(state.check(request));
  const auto& prompt = request.prompt;

  run.stage("Generating", 1);
  // The last token of the prompt is always computed: its logits are not kept.
  const std::int64_t reused = state.keep(prompt, static_cast<std::int64_t>(prompt.size()) - 1);

  GenerationOutcome outcome{.prompt_tokens = static_cast<std::int64_t>(prompt.size()), .reused_tokens = reused};
  const auto start = Clock::now();
  SQUEEZE_TRY(state.advance(std::span(prompt).subspan(static_cast<std::size_t>(reused)), run));
  outcome.prompt_ms = since(start);

  Random random(request.sampling.seed);
  std::vector<bool> seen(state.logits.size());
  for (const std::int32_t id : prompt) seen[id] = true;
  const auto generating = Clock::now();
  while (true) {
    const double total = log_sum_exp(state.logits);
    if (!std::isfinite(total))
      return Error{.code = ErrorCode::kValueNotFinite,
                   .message = "The model's logits are not finite: it has diverged."};
    const std::int32_t token = sample_token(state.logits, request.sampling, seen, random);
    if (std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end()) {
      outcome.stop = StopReason::kStopToken;
      break;
    }
    ++outcome.generated_tokens;
    seen[token] = true;
    on_token(token, static_cast<float>(state.logits[token] - total));
    if (outcome.generated_tokens == request.max_tokens) break;
    if (static_cast<std::int64_t>(state.cached.size()) == state.context) {
      outcome.stop = StopReason::kContextFull;
      break;
    }
    SQUEEZE_TRY(state.advance({&token, 1}, run));
    run.report({.fraction = static_cast<double>(outcome.generated_tokens) / static_cast<double>(request.max_tokens),
                .work_done = static_cast<double>(outcome.generated_tokens),
                .unit = "tokens"});
  }
  outcome.generation_ms = since(generating);
  return outcome;
}

Result<MatrixView<const float>> Generator::predict(std::span<const std::int32_t> tokens, std::int64_t first,
                                                   std::int64_t count, RunContext& run) {
  State& state = *state_;
  assert(first >= 1 && count >= 1 && first + count <= static_cast<std::int64_t>(tokens.size()));
  // A distribution stands behind the token before, so the last one is not read.
  const auto text = tokens.first(static_cast<std::size_t>(first + count - 1));
  SQUEEZE_TRY(state.check_text(text, "text"));
  const std::int64_t kept = state.keep(text, first - 1);
  SQUEEZE_TRY(state.advance(text.subspan(kept, first - 1 - kept), run));
  SQUEEZE_ASSIGN(const MatrixView<float> x, state.pass(text.last(count), run));
  const MatrixView<float> out = state.predicted.matrix(count, state.decoder.vocabulary());
  state.decoder.logits(x, out, state.space);
  return MatrixView<const float>(out);
}

}  // namespace squeeze
