#include "eval/generator.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>

#include "eval/cpu_reader.hpp"

namespace squeeze {

namespace {

using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

Error invalid(const std::string& what) { return {.code = ErrorCode::kInvalidRequest, .message = what}; }

}  // namespace

struct Generator::State {
  std::unique_ptr<TextReader> reader;
  std::vector<std::int32_t> cached = {};  // tokens whose keys and values the reader has

  std::int64_t keep(std::span<const std::int32_t> tokens, std::int64_t most);
  Result<void> advance(std::span<const std::int32_t> tokens, RunContext& run);
  Result<ChosenToken> choose(bool goes_on);
  Result<void> check_text(std::span<const std::int32_t> tokens, const std::string& name) const;
  Result<void> check(const GenerationRequest& request) const;
};

Generator::Generator(std::unique_ptr<State> state) : state_(std::move(state)) {}
Generator::~Generator() = default;

Result<std::unique_ptr<Generator>> Generator::make(std::shared_ptr<const Model> model,
                                                   const GeneratorOptions& options) {
  if (options.context < 1) return invalid("A cache needs room for at least one token.");
  SQUEEZE_ASSIGN(
      auto reader,
      make_cpu_reader(std::move(model), {.context = options.context, .path = options.path, .prompt = options.prompt}));
  return make(std::move(reader));
}

std::unique_ptr<Generator> Generator::make(std::unique_ptr<TextReader> reader) {
  return std::unique_ptr<Generator>(new Generator(std::make_unique<State>(State{.reader = std::move(reader)})));
}

std::int64_t Generator::context() const { return state_->reader->context(); }

std::int64_t Generator::vocabulary() const { return state_->reader->vocabulary(); }

std::int64_t Generator::memory_bytes() const { return state_->reader->memory_bytes(); }

Result<void> Generator::State::check_text(std::span<const std::int32_t> tokens, const std::string& name) const {
  const auto size = static_cast<std::int64_t>(tokens.size());
  if (size == 0) return invalid("The " + name + " is empty.");
  if (size > reader->context())
    return invalid("The " + name + " has " + std::to_string(size) + " tokens, and the cache holds " +
                   std::to_string(reader->context()) + ".");
  for (std::int64_t i = 0; i < size; ++i)
    if (const std::int32_t id = tokens[i]; id < 0 || id >= reader->vocabulary())
      return invalid("Token " + std::to_string(id) + " at position " + std::to_string(i) + " of the " + name +
                     " is outside the vocabulary of " + std::to_string(reader->vocabulary()) + ".");
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

// Takes up tokens behind what is cached, up to where the next is asked for.
Result<void> Generator::State::advance(std::span<const std::int32_t> tokens, RunContext& run) {
  while (!tokens.empty()) {
    const auto part = tokens.first(std::min<std::size_t>(kPromptRows, tokens.size()));
    SQUEEZE_TRY(reader->read(part, static_cast<std::int64_t>(cached.size()), part.size() == tokens.size(), run));
    cached.insert(cached.end(), part.begin(), part.end());
    tokens = tokens.subspan(part.size());
  }
  return {};
}

Result<ChosenToken> Generator::State::choose(bool goes_on) {
  SQUEEZE_ASSIGN(const ChosenToken chosen, reader->choose(goes_on));
  if (std::isfinite(chosen.logprob)) return chosen;
  return Error{.code = ErrorCode::kValueNotFinite, .message = "The model's logits are not finite: it has diverged."};
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
  state.reader->begin(request.sampling, prompt, request.max_tokens);
  SQUEEZE_TRY(state.advance(std::span(prompt).subspan(static_cast<std::size_t>(reused)), run));
  outcome.prompt_ms = since(start);

  const auto generating = Clock::now();
  while (true) {
    const bool is_last = outcome.generated_tokens + 1 == request.max_tokens;
    const bool is_full = static_cast<std::int64_t>(state.cached.size()) == context();
    SQUEEZE_ASSIGN(const ChosenToken chosen, state.choose(!is_last && !is_full));
    if (std::ranges::find(request.stop_tokens, chosen.token) != request.stop_tokens.end()) {
      outcome.stop = StopReason::kStopToken;
      break;
    }
    ++outcome.generated_tokens;
    on_token(chosen.token, static_cast<float>(chosen.logprob));
    if (is_last) break;
    if (is_full) {
      outcome.stop = StopReason::kContextFull;
      break;
    }
    SQUEEZE_TRY(state.advance({&chosen.token, 1}, run));
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
  const auto rest = text.last(count);
  SQUEEZE_ASSIGN(const MatrixView<const float> logits, state.reader->read_all(rest, first - 1, run));
  state.cached.insert(state.cached.end(), rest.begin(), rest.end());
  return logits;
}

}  // namespace squeeze
