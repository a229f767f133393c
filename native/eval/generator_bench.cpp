// Speed of reading a prompt and of generating text, as JSON:
//   generator_bench FOLDER [THREADS [PROMPT [TOKENS [ROUNDS]]]]
// Greedy, from a prompt of PROMPT arbitrary tokens. Medians over rounds; each begins with an empty cache.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/threads.hpp"
#include "eval/generator.hpp"

using namespace squeeze;

namespace {

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

int failed(const Error& error) {
  std::fprintf(stderr, "generator_bench: %s\n", error.message.c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "generator_bench FOLDER [THREADS [PROMPT [TOKENS [ROUNDS]]]]\n");
    return 2;
  }
  const auto number = [&](int position, std::int64_t otherwise) {
    return argc > position ? std::strtol(argv[position], nullptr, 10) : otherwise;
  };
  set_thread_count(static_cast<int>(number(2, 0)));
  const std::int64_t prompt = number(3, 32), tokens = number(4, 64), rounds = number(5, 5);
  const auto model = Model::open(argv[1]);
  if (!model.ok()) return failed(model.error());
  const std::int64_t vocabulary = model.value()->config().vocabulary;
  const auto generator = Generator::make(model.value(), {.context = prompt + tokens});
  if (!generator.ok()) return failed(generator.error());

  std::vector<double> prompt_rates, token_rates;
  SilentContext context;
  for (std::int64_t round = -1; round < rounds; ++round) {
    GenerationRequest request;
    // Each round begins with another token, so that nothing of the cache can be used again.
    for (std::int64_t i = 0; i < prompt; ++i)
      request.prompt.push_back(static_cast<std::int32_t>((i * 7919 + round + 1) % vocabulary));
    request.max_tokens = tokens;
    const auto outcome = generator.value()->generate(
        request, [](std::int32_t, float) {}, context);
    if (!outcome.ok()) return failed(outcome.error());
    if (round < 0) continue;
    prompt_rates.push_back(static_cast<double>(prompt) / outcome.value().prompt_ms * 1e3);
    // The first token costs nothing: its logits are the prompt's.
    token_rates.push_back(static_cast<double>(tokens - 1) / outcome.value().generation_ms * 1e3);
  }
  std::printf("{\"bench\":\"generator\",\"threads\":%d,\"prompt\":%ld,\"tokens\":%ld,\"memory_mb\":%.0f,",
              thread_count(), prompt, tokens, static_cast<double>(generator.value()->memory_bytes()) * 1e-6);
  std::printf("\"prompt_tokens_per_second\":%.1f,\"tokens_per_second\":%.2f,\"ms_per_token\":%.3f}\n",
              median(prompt_rates), median(token_rates), 1e3 / median(token_rates));
  return 0;
}
