#include "eval/benchmark.hpp"

#include <algorithm>
#include <chrono>
#include <random>

#include "base/half.hpp"
#include "base/part_context.hpp"
#include "eval/generator.hpp"

namespace squeeze {

namespace {

constexpr double kLoadShare = 0.2;
constexpr std::uint64_t kPromptSeed = 1;

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double, std::milli>(to - from).count();
}

struct Loaded {
  std::unique_ptr<Generator> generator = {};
  std::vector<std::int32_t> prompt = {};  // as long as the longest that is needed
  std::int64_t vocabulary = 0;
};

std::int64_t longest_prompt(const BenchmarkPlan& plan) { return std::max(plan.prompt_tokens, plan.contexts.back()); }

Result<Loaded> load(const std::shared_ptr<const Model>& model, const BenchmarkPlan& plan, BenchmarkMachine& machine) {
  Loaded loaded{.vocabulary = model->config().vocabulary};
  SQUEEZE_ASSIGN(auto reader, machine.reader(model, longest_prompt(plan) + plan.generate_tokens));
  loaded.generator = Generator::make(std::move(reader));
  std::mt19937_64 random(kPromptSeed);
  for (std::int64_t i = 0; i < longest_prompt(plan); ++i)
    loaded.prompt.push_back(static_cast<std::int32_t>(random() % static_cast<std::uint64_t>(loaded.vocabulary)));
  return loaded;
}

struct Timed {
  double first_token_ms = 0, tokens_per_second = 0;
};

Result<Timed> generate(Loaded& model, std::int64_t prompt_tokens, std::int64_t tokens, RunContext& context) {
  GenerationRequest request;
  request.prompt.assign(model.prompt.begin(), model.prompt.begin() + prompt_tokens);
  request.max_tokens = tokens;
  const auto start = Clock::now();
  auto first = start, last = start;
  const auto on_token = [&](std::int32_t, float) {
    last = Clock::now();
    if (first == start) first = last;
  };
  SQUEEZE_ASSIGN(const GenerationOutcome outcome, model.generator->generate(request, on_token, context));
  const auto after_first = static_cast<double>(outcome.generated_tokens - 1);
  return Timed{.first_token_ms = milliseconds(start, first),
               .tokens_per_second = after_first > 0 ? 1000 * after_first / milliseconds(first, last) : 0};
}

// The stage's bar: every step of every model counts alike.
class Steps {
 public:
  Steps(std::int64_t count, RunContext& context) : count_(static_cast<double>(count)), context_(context) {}
  PartContext next(const std::string& detail) { return {context_, done_++, 1, count_, "", detail}; }

 private:
  double done_ = 0, count_;
  RunContext& context_;
};

Result<void> measure_round(Loaded& model, const BenchmarkPlan& plan, const std::string& name, Steps& steps,
                           ModelTimes& times) {
  // Another first token each time: nothing of the last round's cache is of use.
  model.prompt[0] = static_cast<std::int32_t>((model.prompt[0] + 1) % model.vocabulary);
  PartContext prompt_step = steps.next(name);
  SQUEEZE_ASSIGN(const Timed prompt, generate(model, plan.prompt_tokens, 1, prompt_step));
  times.first_token_ms.push_back(prompt.first_token_ms);
  for (GenerationTimes& at : times.generation) {
    PartContext step = steps.next(name);
    SQUEEZE_ASSIGN(const Timed timed, generate(model, at.context, plan.generate_tokens, step));
    at.tokens_per_second.push_back(timed.tokens_per_second);
  }
  return {};
}

}  // namespace

std::int64_t cache_bytes_per_position(const ModelConfig& config) {
  return config.layers * 2 * config.kv_heads * config.head_dim * static_cast<std::int64_t>(sizeof(Half));
}

Result<BenchmarkTimes> benchmark(std::span<const std::shared_ptr<const Model>> models, const BenchmarkPlan& plan,
                                 BenchmarkMachine& machine, double share, RunContext& context) {
  const auto count = static_cast<std::int64_t>(models.size());
  BenchmarkTimes times;
  std::vector<Loaded> loaded;
  context.stage("Loading", share * kLoadShare);
  for (const auto& model : models) {
    SQUEEZE_TRY(context.check_cancelled());
    context.report({.fraction = static_cast<double>(loaded.size()) / static_cast<double>(count),
                    .detail = model->folder().filename().string()});
    SQUEEZE_ASSIGN(Loaded one, load(model, plan, machine));
    times.models.emplace_back();
    for (const std::int64_t tokens : plan.contexts) times.models.back().generation.push_back({.context = tokens});
    loaded.push_back(std::move(one));
  }

  context.stage("Measuring", share * (1 - kLoadShare));
  Steps steps(count * (1 + plan.rounds * (1 + static_cast<std::int64_t>(plan.contexts.size()))), context);
  const auto name_of = [&](std::size_t i) { return models[i]->folder().filename().string(); };
  for (std::size_t i = 0; i < loaded.size(); ++i) {
    PartContext step = steps.next(name_of(i));
    SQUEEZE_TRY(generate(loaded[i], plan.prompt_tokens, std::min<std::int64_t>(plan.generate_tokens, 8), step));
  }
  SQUEEZE_TRY(machine.read_bandwidth());
  for (std::int64_t round = 0; round < plan.rounds; ++round) {
    SQUEEZE_ASSIGN(const MeasuredBandwidth bandwidth, machine.read_bandwidth());
    times.all_threads.push_back(bandwidth.all);
    if (bandwidth.one_thread) times.one_thread.push_back(*bandwidth.one_thread);
    for (std::size_t i = 0; i < loaded.size(); ++i)
      SQUEEZE_TRY(measure_round(loaded[i], plan, name_of(i), steps, times.models[i]));
  }
  // At the end, when all that is made as it is needed has been.
  for (std::size_t i = 0; i < loaded.size(); ++i) times.models[i].memory_bytes = loaded[i].generator->memory_bytes();
  return times;
}

}  // namespace squeeze
