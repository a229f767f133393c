// Speed of generating text on a GPU with models of 7B's shape and random weights, as JSON, a line for each layout:
//   generator_device_bench [LAYERS [PROMPT [TOKENS]]]
// One layer's weights are made and uploaded anew for every layer, so that each is read from memory of its own. What is
// read is weighed against what a copy within the device reaches in the same run. Tokens are the likeliest, but for
// ms_per_drawn_token.

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "eval/device_reader.hpp"
#include "eval/generator.hpp"
#include "formats/synthetic.hpp"

using namespace squeeze;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Kind {
  const char* name;
  SyntheticLayout layout;
};

const Kind kKinds[] = {{"fp16", {SyntheticType::kF16, 0, 0}},
                       {"4-bit", {SyntheticType::kLut, 4, 0}},
                       {"3-bit", {SyntheticType::kLut, 3, 0}},
                       {"3-bit + 0.45% sparse", {SyntheticType::kLut, 3, 0.0045}}};

ModelConfig shape_of_7b(std::int64_t layers) {
  return {.family = "llama",
          .layers = layers,
          .hidden = 4096,
          .intermediate = 11008,
          .heads = 32,
          .kv_heads = 32,
          .head_dim = 128,
          .vocabulary = 32000,
          .context = 4096};
}

Result<LayerWeights> layer_of(const ModelConfig& c, const SyntheticLayout& layout) {
  LayerWeights w;
  std::uint64_t seed = 1;
  const auto make = [&](std::shared_ptr<const LinearWeight>& to, std::int64_t rows, std::int64_t cols) -> Result<void> {
    SQUEEZE_ASSIGN(to, synthetic_weight(rows, cols, layout, seed++));
    return {};
  };
  for (auto* linear : {&w.q, &w.k, &w.v, &w.o}) SQUEEZE_TRY(make(*linear, c.hidden, c.hidden));
  for (auto* linear : {&w.gate, &w.up}) SQUEEZE_TRY(make(*linear, c.intermediate, c.hidden));
  SQUEEZE_TRY(make(w.down, c.hidden, c.intermediate));
  w.attention_norm.assign(static_cast<std::size_t>(c.hidden), 1.0f);
  w.mlp_norm = w.attention_norm;
  return w;
}

// GB/s of reading and writing.
Result<double> copy_bandwidth() {
  SQUEEZE_ASSIGN(Stream stream, Stream::make());
  constexpr std::int64_t bytes = std::int64_t{1} << 30;
  constexpr int rounds = 10;
  DeviceArray<std::uint8_t> from, to;
  from.vector(stream, bytes);
  to.vector(stream, bytes);
  stream.copy(to.data(), from.data(), bytes);
  DeviceTimer timer(stream);
  timer.start();
  for (int i = 0; i < rounds; ++i) stream.copy(to.data(), from.data(), bytes);
  const double ms = timer.stop_ms();
  SQUEEZE_TRY(stream.finish());
  return 2.0 * rounds * static_cast<double>(bytes) / ms * 1e-6;
}

const Sampling kDraws = {.temperature = 0.8, .top_k = 40, .top_p = 0.95, .min_p = 0.05, .repetition_penalty = 1.1};

Result<GenerationOutcome> generate(Generator& generator, std::int64_t prompt, std::int64_t tokens, int first,
                                   const Sampling& sampling = {}) {
  GenerationRequest request{.prompt = {}, .max_tokens = tokens, .stop_tokens = {}, .sampling = sampling};
  // Another first token, so that nothing of the cache can be used again.
  for (std::int64_t i = 0; i < prompt; ++i)
    request.prompt.push_back(static_cast<std::int32_t>((i * 7919 + first) % generator.vocabulary()));
  SilentContext context;
  return generator.generate(
      request, [](std::int32_t, float) {}, context);
}

Result<void> measure(const Kind& kind, const ModelConfig& c, const std::shared_ptr<const LinearWeight>& head,
                     double bandwidth, std::int64_t prompt, std::int64_t tokens) {
  const auto begun = Clock::now();
  SQUEEZE_ASSIGN(const LayerWeights layer, layer_of(c, kind.layout));
  const double made = seconds_since(begun);
  const auto uploading = Clock::now();
  const DeviceModel::Source source{.config = c,
                                   .layer = [&](std::int64_t) -> Result<LayerWeights> { return layer; },
                                   .embedding = head,
                                   .head = head,
                                   .final_norm = layer.mlp_norm};
  SQUEEZE_ASSIGN(auto reader, make_device_reader(source, std::max<std::int64_t>(512, prompt) + tokens));
  const double uploaded = seconds_since(uploading);
  const auto generator = Generator::make(std::move(reader));

  SQUEEZE_TRY(generate(*generator, 512, 4, 1));  // warms up
  SQUEEZE_TRY(generate(*generator, 512, 4, 1, kDraws));
  double prompt_ms = 0, token_ms = 0, drawn_ms = 0;
  for (int round = 0; round < 3; ++round) {
    SQUEEZE_ASSIGN(const GenerationOutcome read, generate(*generator, 512, 1, round + 2));
    SQUEEZE_ASSIGN(const GenerationOutcome said, generate(*generator, prompt, tokens, round + 5));
    SQUEEZE_ASSIGN(const GenerationOutcome drawn, generate(*generator, prompt, tokens, round + 8, kDraws));
    const double each = said.generation_ms / static_cast<double>(tokens - 1),
                 each_drawn = drawn.generation_ms / static_cast<double>(tokens - 1);
    prompt_ms = round == 0 ? read.prompt_ms : std::min(prompt_ms, read.prompt_ms);
    token_ms = round == 0 ? each : std::min(token_ms, each);
    drawn_ms = round == 0 ? each_drawn : std::min(drawn_ms, each_drawn);
  }
  std::int64_t stored = 0;
  for (const LinearWeight* linear : layer.linears()) stored += linear->size_bytes();
  const double cached = static_cast<double>(2 * c.layers * c.kv_heads * c.head_dim) * sizeof(Half) *
                        (static_cast<double>(prompt) + static_cast<double>(tokens) / 2);
  const double read = static_cast<double>(c.layers * stored + head->size_bytes()) + cached;
  std::printf("JSON {\"bench\":\"generator_device\",\"layout\":\"%s\",\"layers\":%ld,\"prompt\":%ld,\"tokens\":%ld,",
              kind.name, static_cast<long>(c.layers), static_cast<long>(prompt), static_cast<long>(tokens));
  std::printf("\"tokens_per_second\":%.1f,\"ms_per_token\":%.4f,\"ms_per_drawn_token\":%.4f,", 1e3 / token_ms, token_ms,
              drawn_ms);
  std::printf("\"gb_per_token\":%.3f,\"gb_per_second\":%.0f,", read * 1e-9, read / token_ms * 1e-6);
  std::printf("\"copy_gb_per_second\":%.0f,\"share_of_copy\":%.3f,\"prompt_512_tokens_per_second\":%.0f,", bandwidth,
              read / token_ms * 1e-6 / bandwidth, 512e3 / prompt_ms);
  std::printf("\"memory_mb\":%.0f,\"made_s\":%.2f,\"uploaded_s\":%.2f}\n",
              static_cast<double>(generator->memory_bytes()) * 1e-6, made, uploaded);
  std::fflush(stdout);
  return {};
}

Result<void> run(std::int64_t layers, std::int64_t prompt, std::int64_t tokens) {
  const ModelConfig c = shape_of_7b(layers);
  SQUEEZE_ASSIGN(const double bandwidth, copy_bandwidth());
  SQUEEZE_ASSIGN(const auto head, synthetic_weight(c.vocabulary, c.hidden, {}, 100));
  for (const Kind& kind : kKinds) SQUEEZE_TRY(measure(kind, c, head, bandwidth, prompt, tokens));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int position, std::int64_t otherwise) {
    return argc > position ? std::strtol(argv[position], nullptr, 10) : otherwise;
  };
  const auto done = run(number(1, 32), number(2, 128), number(3, 128));
  if (done.ok()) return 0;
  std::fprintf(stderr, "generator_device_bench: %s\n", done.error().message.c_str());
  return 1;
}
