#include "eval/device_reader.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "base/test_skip.hpp"
#include "device/test_device.hpp"
#include "eval/generator.hpp"
#include "formats/synthetic.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

enum class Stored { kF16, kBF16, kLut3, kLut4Sparse };

constexpr std::int64_t kContext = 32;

// A tiny model whose linears are stored as `stored`, so that the device has the very weights that the processor has.
void write_checkpoint(const std::filesystem::path& folder, const std::string& family, Stored stored,
                      float head_factor = 1) {
  const bool lut = stored == Stored::kLut3 || stored == Stored::kLut4Sparse;
  auto config = nlohmann::json::parse(tiny_config(family));
  if (lut) config["quantization_config"] = {{"quant_method", "squeeze-studio"}};
  auto tensors = tiny_tensors(folder, config.dump());
  for (TinyTensor& t : tensors)
    if (t.name == "lm_head.weight")
      for (float& value : t.values) value *= head_factor;
  std::vector<std::vector<Half>> halves;
  std::vector<std::vector<BFloat16>> bfloats;
  std::vector<TensorSource> sources;
  std::uint64_t seed = 1;
  for (const TinyTensor& t : tensors) {
    if (lut && t.shape.size() == 2 && t.name.find("layers.") != std::string::npos) {
      const std::string name = t.name.substr(0, t.name.size() - std::string(".weight").size());
      const SyntheticLayout layout{SyntheticType::kLut, stored == Stored::kLut3 ? 3 : 4,
                                   stored == Stored::kLut3 ? 0 : 0.05};
      for (TensorSource& source : synthetic_linear(name, t.shape[0], t.shape[1], layout, seed++))
        sources.push_back(std::move(source));
    } else if (stored == Stored::kBF16) {
      auto& values = bfloats.emplace_back();
      for (const float value : t.values) values.push_back(to_bfloat16(value));
      sources.push_back(tensor_source(t.name, DType::kBF16, t.shape, std::span<const BFloat16>(values)));
    } else {
      auto& values = halves.emplace_back();
      for (const float value : t.values) values.push_back(to_half(value));
      sources.push_back(tensor_source(t.name, DType::kF16, t.shape, std::span<const Half>(values)));
    }
  }
  const auto written = write_safetensors(folder / "model.safetensors", sources, {});
  REQUIRE(written.ok());
}

struct Said {
  std::vector<std::int32_t> tokens;
  std::vector<float> logprobs;
  GenerationOutcome outcome;
};

Said say(Generator& generator, const GenerationRequest& request) {
  SilentContext context;
  Said said;
  const auto outcome = generator.generate(
      request,
      [&](std::int32_t token, float logprob) {
        said.tokens.push_back(token);
        said.logprobs.push_back(logprob);
      },
      context);
  REQUIRE(outcome.ok());
  said.outcome = outcome.value();
  return said;
}

GenerationRequest greedy(std::vector<std::int32_t> prompt, std::int64_t tokens, std::vector<std::int32_t> stop = {}) {
  return {.prompt = std::move(prompt), .max_tokens = tokens, .stop_tokens = std::move(stop), .sampling = {}};
}

std::vector<std::int32_t> some_tokens(std::int32_t count) {
  std::vector<std::int32_t> tokens;
  for (std::int32_t i = 0; i < count; ++i) tokens.push_back((i * i + 3) % 23);
  return tokens;
}

struct Pair {
  std::unique_ptr<Generator> processor, device;
};

// An empty pair where there is no device.
Pair generators(const TestFolder& folder, const std::string& family, Stored stored) {
  write_checkpoint(folder.path(), family, stored);
  const auto model = Model::open(folder.path()).value();
  auto reader = make_device_reader(model, kContext);
  if (!reader.ok() && reader.error().code == ErrorCode::kDeviceUnavailable) {
    say_skipped("a device case", reader.error().message);
    return {};
  }
  if (!reader.ok()) FAIL(reader.error().message);
  auto processor = Generator::make(model, {.context = kContext, .prompt = Precision::kFloat32});
  REQUIRE(processor.ok());
  return {std::move(processor).value(), Generator::make(std::move(reader).value())};
}

// Beside the cache's roundings (see decoder_runs.hpp), which may fall differently: inputs of few vectors' products have
// about 22 bits; those of a prompt's have fp16's 11 or bf16's 8, and so have queries and probabilities.
double tolerance(Stored stored, bool prompt) { return !prompt ? 5e-3 : stored == Stored::kBF16 ? 5e-2 : 1e-2; }

void check_same(const Said& found, const Said& wanted, double off) {
  CHECK(found.tokens == wanted.tokens);
  for (std::size_t i = 0; i < std::min(found.logprobs.size(), wanted.logprobs.size()); ++i)
    CHECK(std::abs(found.logprobs[i] - wanted.logprobs[i]) < 4 * off);  // of logits that reach 4 or so
}

}  // namespace

TEST_CASE("device: every family says what it says on the processor") {
  for (const Stored stored : {Stored::kF16, Stored::kBF16, Stored::kLut3, Stored::kLut4Sparse}) {
    for (const std::string& family : supported_families()) {
      const bool is_like_another = stored == Stored::kBF16 || stored == Stored::kLut3;
      if (is_like_another && family != "llama" && family != "opt") continue;
      CAPTURE(family);
      CAPTURE(static_cast<int>(stored));
      TestFolder folder;
      const Pair pair = generators(folder, family, stored);
      if (!pair.device) return;
      SilentContext run;
      // A prompt of few tokens, and one by matrix products.
      for (const std::int32_t length : {1, 7, 20}) {
        CAPTURE(length);
        const auto request = greedy(some_tokens(length), length == 7 ? 2 : 4);
        check_same(say(*pair.device, request), say(*pair.processor, request), tolerance(stored, length == 20));
      }
      const auto tokens = some_tokens(30);
      const auto found = pair.device->predict(tokens, 9, 21, run);
      REQUIRE(found.ok());
      const auto wanted = pair.processor->predict(tokens, 9, 21, run);
      double worst = 0;
      for (std::int64_t row = 0; row < found.value().rows; ++row)
        worst = std::max(worst, relative_error(found.value().row(row), wanted.value().row(row)));
      print_figure("figure device %-8s stored %d: %.1e\n", family.c_str(), static_cast<int>(stored), worst);
      CHECK(worst < tolerance(stored, true));
    }
  }
}

TEST_CASE("device: what is read ahead is of use, or does no harm") {
  TestFolder folder;
  const Pair pair = generators(folder, "llama", Stored::kF16);
  if (!pair.device) return;
  const Said whole = say(*pair.device, greedy({1, 2, 3}, 12));
  CHECK(whole.tokens == say(*pair.processor, greedy({1, 2, 3}, 12)).tokens);
  // Ended by a token whose step was under way; then on behind it, and behind another token.
  std::size_t stop = 1;
  while (std::find(whole.tokens.begin(), whole.tokens.begin() + stop, whole.tokens[stop]) !=
         whole.tokens.begin() + stop)
    ++stop;
  const Said stopped = say(*pair.device, greedy({1, 2, 3}, 12, {whole.tokens[stop]}));
  CHECK(stopped.outcome.stop == StopReason::kStopToken);
  CHECK(stopped.tokens.size() == stop);
  std::vector<std::int32_t> text = {1, 2, 3};
  text.insert(text.end(), whole.tokens.begin(), whole.tokens.begin() + stop + 1);
  const Said on = say(*pair.device, greedy(text, 12 - stop - 1));
  CHECK(on.tokens == std::vector(whole.tokens.begin() + stop + 1, whole.tokens.end()));
  text.back() = (text.back() + 1) % 23;
  CHECK(say(*pair.device, greedy(text, 6)).tokens == say(*pair.processor, greedy(text, 6)).tokens);
  // Up to the last position of the cache.
  const Said full = say(*pair.device, greedy({5, 6}, 100)), wanted = say(*pair.processor, greedy({5, 6}, 100));
  CHECK(full.outcome.stop == StopReason::kContextFull);
  CHECK(full.tokens == wanted.tokens);
}

namespace {

GenerationRequest drawn(std::vector<std::int32_t> prompt, std::int64_t tokens, const Sampling& sampling,
                        std::vector<std::int32_t> stop = {}) {
  return {.prompt = std::move(prompt), .max_tokens = tokens, .stop_tokens = std::move(stop), .sampling = sampling};
}

const Sampling kDraws = {.temperature = 0.8, .top_p = 0.9, .repetition_penalty = 1.1, .seed = 11};

}  // namespace

TEST_CASE("device: the processor's draws, and a seed gives the same text") {
  TestFolder folder;
  const Pair pair = generators(folder, "qwen3", Stored::kLut4Sparse);
  if (!pair.device) return;
  auto request = drawn({1, 2}, 20, kDraws);
  const Said one = say(*pair.device, request), two = say(*pair.device, request);
  CHECK(one.tokens == two.tokens);
  // The second time the first token is in the cache already, and the other one is read alone: one vector meets
  // codebooks rounded to 2^-16 of their largest entry (formats/lut/lut.cu), two meet them as they are.
  for (std::size_t i = 0; i < one.logprobs.size(); ++i) CHECK(std::abs(one.logprobs[i] - two.logprobs[i]) < 1e-3f);
  CHECK(say(*pair.device, request).logprobs == two.logprobs);
  check_same(one, say(*pair.processor, request), tolerance(Stored::kLut4Sparse, false));
  request.sampling.seed = 12;
  const Said other = say(*pair.device, request);
  CHECK(other.tokens != one.tokens);
  CHECK(other.tokens == say(*pair.processor, request).tokens);
}

TEST_CASE("device: one reader generates in one way after another") {
  TestFolder folder;
  const Pair pair = generators(folder, "llama", Stored::kF16);
  if (!pair.device) return;
  // Few candidates each: the logits are not the processor's to the last bit, and each edge between two tokens is one
  // that a draw can fall beside.
  const Sampling settings[] = {{.temperature = 1, .top_k = 3, .seed = 4},
                               {},
                               {.temperature = 0, .repetition_penalty = 1.5},
                               {.temperature = 0.5, .seed = 3},
                               {.temperature = 1.2, .top_k = 8, .min_p = 0.3, .seed = 5},
                               {},
                               {.temperature = 1, .top_k = 3, .seed = 4}};
  const std::int32_t lengths[] = {17, 5, 1, 5, 1, 17, 5};  // a pass of matrix products, a few tokens, one token
  for (std::size_t i = 0; i < std::size(settings); ++i) {
    CAPTURE(i);
    const auto request = drawn(some_tokens(lengths[i]), 6, settings[i]);
    check_same(say(*pair.device, request), say(*pair.processor, request), tolerance(Stored::kF16, true));
  }
}

TEST_CASE("device: draws go on behind what was read ahead of an end, and up to the end of the cache") {
  TestFolder folder;
  const Pair pair = generators(folder, "llama", Stored::kF16);
  if (!pair.device) return;
  const Sampling s = {.temperature = 1.5, .top_k = 4, .repetition_penalty = 1.2, .seed = 21};
  const Said whole = say(*pair.device, drawn({1, 2, 3}, 8, s));
  CHECK(whole.tokens == say(*pair.processor, drawn({1, 2, 3}, 8, s)).tokens);
  for (const std::size_t stop : {0, 4}) {
    CAPTURE(stop);
    const auto first = std::ranges::find(whole.tokens, whole.tokens[stop]) - whole.tokens.begin();
    const Said stopped = say(*pair.device, drawn({1, 2, 3}, 8, s, {whole.tokens[stop]}));
    CHECK(stopped.outcome.stop == StopReason::kStopToken);
    CHECK(stopped.tokens == std::vector(whole.tokens.begin(), whole.tokens.begin() + first));
    // The very token whose step is under way ends the next prompt, which is to be continued otherwise.
    std::vector<std::int32_t> text = {1, 2, 3};
    text.insert(text.end(), whole.tokens.begin(), whole.tokens.begin() + first + 1);
    for (const Sampling& next : {Sampling{.temperature = 2, .top_k = 4, .seed = 5}, Sampling{}}) {
      const auto request = drawn(text, 4, next);
      const Said found = say(*pair.device, request);
      CHECK(found.outcome.reused_tokens == static_cast<std::int64_t>(text.size()) - 1);
      CHECK(found.tokens == say(*pair.processor, request).tokens);
      say(*pair.device, drawn({1, 2, 3}, 8, s, {whole.tokens[stop]}));
    }
  }
  const Said full = say(*pair.device, drawn({5, 6}, 100, s)), wanted = say(*pair.processor, drawn({5, 6}, 100, s));
  CHECK(full.outcome.stop == StopReason::kContextFull);
  CHECK(full.tokens == wanted.tokens);
}

TEST_CASE("device: draws that were cancelled leave nothing wrong behind") {
  class Impatient final : public RunContext {
   public:
    void stage(const std::string&, double) override {}
    void report(const Progress&) override { ++told_; }
    bool cancelled() const override { return told_ >= 4; }

   private:
    int told_ = 0;
  };
  TestFolder folder;
  const Pair pair = generators(folder, "llama", Stored::kF16);
  if (!pair.device) return;
  const auto request = drawn({4, 5}, 10, {.temperature = 1.3, .repetition_penalty = 1.3, .seed = 2});
  const Said wanted = say(*pair.processor, request);
  Impatient impatient;
  std::vector<std::int32_t> told;
  const auto cancelled = pair.device->generate(
      request, [&](std::int32_t token, float) { told.push_back(token); }, impatient);
  REQUIRE_FALSE(cancelled.ok());
  CHECK(cancelled.error().code == ErrorCode::kCancelled);
  CHECK(told == std::vector(wanted.tokens.begin(), wanted.tokens.begin() + 5));
  CHECK(say(*pair.device, request).tokens == wanted.tokens);
}

TEST_CASE("device: a model that has diverged says so, and what was read ahead of it does no harm") {
  TestFolder folder, sound;
  if (!generators(sound, "llama", Stored::kBF16).device) return;
  write_checkpoint(folder.path(), "llama", Stored::kBF16, 3.4e38f);  // more than fp32 holds, once added up
  auto reader = make_device_reader(Model::open(folder.path()).value(), kContext);
  REQUIRE(reader.ok());
  const auto generator = Generator::make(std::move(reader).value());
  SilentContext run;
  for (int again = 0; again < 2; ++again) {
    for (const Sampling& sampling : {Sampling{}, kDraws, Sampling{.temperature = 1}}) {
      const auto outcome = generator->generate(
          drawn({1, 2}, 8, sampling), [](std::int32_t, float) {}, run);
      REQUIRE_FALSE(outcome.ok());
      CHECK(outcome.error().code == ErrorCode::kValueNotFinite);
    }
  }
}

TEST_CASE("device: a reader that finds no room says so, and reads when there is some") {
  const TestFolder folder;
  SilentContext context;
  for (const std::int32_t prompt : {20, 3}) {
    CAPTURE(prompt);
    const GenerationRequest request = greedy(some_tokens(prompt), 6);
    const auto pair = generators(folder, "llama", Stored::kLut4Sparse);
    if (!pair.device) return;
    {
      TestDevice device;
      std::vector<DeviceArray<std::uint8_t>> taken;
      for (std::int64_t bytes = device.stream().free_bytes(); bytes > 0; bytes /= 2) {
        taken.emplace_back().vector(device.stream(), bytes);
        device.stream().forget_lack_of_memory();
      }
      const auto outcome = pair.device->generate(
          request, [](std::int32_t, float) {}, context);
      if (outcome.ok()) return say_skipped("a device case", "a small model finds room in what is left of a page.");
      CHECK(outcome.error().code == ErrorCode::kOutOfMemory);
    }
    CHECK(say(*pair.device, request).tokens == say(*pair.processor, request).tokens);
  }
}

TEST_CASE("device: what has no room or no sense is refused") {
  TestFolder folder;
  const Pair pair = generators(folder, "opt", Stored::kF16);
  if (!pair.device) return;
  CHECK(pair.device->memory_bytes() > 0);
  const auto model = Model::open(folder.path()).value();
  CHECK(make_device_reader(model, 0).error().code == ErrorCode::kInvalidRequest);
  CHECK(make_device_reader(model, 33).error().code == ErrorCode::kInvalidRequest);  // more than it has positions
  CHECK(make_device_reader(model, 16, 1000).error().code == ErrorCode::kDeviceUnavailable);
  TestFolder rotary;
  write_checkpoint(rotary.path(), "llama", Stored::kF16);
  const auto huge = make_device_reader(Model::open(rotary.path()).value(), std::int64_t{1} << 40);
  REQUIRE_FALSE(huge.ok());
  CHECK(huge.error().code == ErrorCode::kOutOfMemory);
  CHECK(huge.error().message.find("free on") != std::string::npos);
}
