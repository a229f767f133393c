#include "eval/generator.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"

using namespace squeeze;

namespace {

struct Said {
  std::vector<std::int32_t> tokens;
  std::vector<float> logprobs;
  GenerationOutcome outcome;
};

Said say(Generator& generator, GenerationRequest request) {
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

std::unique_ptr<Generator> tiny_generator(const TestFolder& folder, std::int64_t context,
                                          const char* family = "llama") {
  write_tiny_checkpoint(folder.path(), family);
  auto generator =
      Generator::make(Model::open(folder.path()).value(), {.context = context, .prompt = Precision::kFloat32});
  REQUIRE(generator.ok());
  return std::move(generator).value();
}

}  // namespace

TEST_CASE("greedy tokens of the golden models (tier D)") {
  for_each_golden([](const GoldenModel& golden) {
    CAPTURE(golden.name);
    std::ifstream file(golden.golden.string() + ".json");
    const auto wanted = nlohmann::json::parse(file).at("greedy").get<std::vector<std::int32_t>>();
    auto generator = Generator::make(Model::open(golden.model).value(), {.context = 64});
    REQUIRE(generator.ok());
    GenerationRequest request;
    request.prompt.assign(wanted.begin(), wanted.begin() + 16);
    request.max_tokens = static_cast<std::int64_t>(wanted.size()) - 16;
    const std::vector<std::int32_t> rest(wanted.begin() + 16, wanted.end());
    const Said fresh = say(*generator.value(), request);
    print_figure("figure greedy %-22s %s\n", golden.name.c_str(), fresh.tokens == rest ? "identical" : "DIFFERENT");
    CHECK(fresh.tokens == rest);
    CHECK(fresh.outcome.reused_tokens == 0);
    const Said again = say(*generator.value(), request);
    CHECK(again.tokens == rest);
    CHECK(again.outcome.reused_tokens == 15);
  });
}

TEST_CASE("a cache pays only for what is new, and says the same") {
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    TestFolder folder;
    const auto generator = tiny_generator(folder, 32, family.c_str());
    const Said first = say(*generator, {.prompt = {1, 2, 3, 4, 5}, .max_tokens = 6, .stop_tokens = {}, .sampling = {}});
    std::vector<std::int32_t> longer = {1, 2, 3, 4, 5};
    longer.insert(longer.end(), first.tokens.begin(), first.tokens.end());
    longer.push_back(7);
    const GenerationRequest next{.prompt = longer, .max_tokens = 5, .stop_tokens = {}, .sampling = {}};
    const Said with_cache = say(*generator, next);
    CHECK(with_cache.outcome.reused_tokens == 10);  // the last token chosen was never computed
    const Said unlike = say(*generator, {.prompt = {9, 9}, .max_tokens = 1, .stop_tokens = {}, .sampling = {}});
    CHECK(unlike.outcome.reused_tokens == 0);
    const Said without_cache = say(*generator, next);
    CHECK(without_cache.outcome.reused_tokens == 0);
    CHECK(with_cache.tokens == without_cache.tokens);
    for (std::size_t i = 0; i < with_cache.logprobs.size(); ++i)
      CHECK(with_cache.logprobs[i] == doctest::Approx(without_cache.logprobs[i]).epsilon(1e-4));
  }
}

TEST_CASE("a long prompt says the same however it came into the cache") {
  // Lengths on both sides of a pass of matrix products, of a short rest behind one, and of what goes directly.
  const std::vector<std::int32_t> lengths = {1, 12, 13, 31, 32, 33, 60, 511, 512, 513, 540, 560, 600};
  for (const std::string family : {"llama", "mistral", "qwen2", "qwen3"}) {
    CAPTURE(family);
    TestFolder folder, same;
    const auto fresh = tiny_generator(folder, 620, family.c_str());
    const auto growing = tiny_generator(same, 620, family.c_str());
    std::int64_t previous = 0;
    for (const std::int32_t length : lengths) {
      CAPTURE(length);
      GenerationRequest request{.prompt = {}, .max_tokens = 1, .stop_tokens = {}, .sampling = {}};
      for (std::int32_t i = 0; i < length; ++i) request.prompt.push_back(i * i % 23);
      const Said with_cache = say(*growing, request);
      // Another first token empties the cache.
      say(*fresh, {.prompt = {22}, .max_tokens = 1, .stop_tokens = {}, .sampling = {}});
      const Said without = say(*fresh, request);
      CHECK(without.outcome.reused_tokens == 0);
      CHECK(with_cache.outcome.reused_tokens == previous);
      CHECK(with_cache.tokens == without.tokens);
      CHECK(with_cache.logprobs[0] == doctest::Approx(without.logprobs[0]).epsilon(2e-3));
      previous = length;
    }
  }
}

TEST_CASE("a prompt that was cancelled leaves nothing wrong behind") {
  // A pass asks once at its beginning and once a layer, of which there are two: this is within the second pass.
  class Impatient final : public RunContext {
   public:
    void stage(const std::string&, double) override {}
    void report(const Progress&) override {}
    bool cancelled() const override { return ++asked_ > 5; }

   private:
    mutable int asked_ = 0;
  };
  TestFolder folder, same;
  const auto generator = tiny_generator(folder, 1200), other = tiny_generator(same, 1200);
  GenerationRequest request{.prompt = {}, .max_tokens = 5, .stop_tokens = {}, .sampling = {}};
  for (std::int32_t i = 0; i < 1100; ++i) request.prompt.push_back(i * i % 23);
  Impatient context;
  int told = 0;
  const auto cancelled = generator->generate(
      request, [&](std::int32_t, float) { ++told; }, context);
  REQUIRE_FALSE(cancelled.ok());
  CHECK(cancelled.error().code == ErrorCode::kCancelled);
  CHECK(told == 0);
  const Said resumed = say(*generator, request), fresh = say(*other, request);
  CHECK(resumed.outcome.reused_tokens == 512);
  CHECK(resumed.tokens == fresh.tokens);
  CHECK(resumed.logprobs == fresh.logprobs);
}

TEST_CASE("generation ends for a reason") {
  TestFolder folder;
  const auto generator = tiny_generator(folder, 8);
  // Two layers' keys (a block of 32) and values (8) of one head of 6 columns as fp16, and all weights as fp32.
  const std::int64_t weights = 2 * (12 * 12 * 2 + 6 * 12 * 2 + 3 * 12 * 20) + 2 * 23 * 12;
  CHECK(generator->memory_bytes() == 2 * (32 + 8) * 6 * 2 + 4 * weights);
  const Said full = say(*generator, {.prompt = {1, 2, 3, 4, 5}, .max_tokens = 100, .stop_tokens = {}, .sampling = {}});
  CHECK(full.outcome.stop == StopReason::kContextFull);
  CHECK(full.tokens.size() == 4);  // three in the cache, and the one that would have been next
  const Said length = say(*generator, {.prompt = {1, 2, 3, 4, 5}, .max_tokens = 2, .stop_tokens = {}, .sampling = {}});
  CHECK(length.outcome.stop == StopReason::kLength);
  CHECK(length.outcome.generated_tokens == 2);
  const Said stopped =
      say(*generator, {.prompt = {1, 2, 3, 4, 5}, .max_tokens = 4, .stop_tokens = {full.tokens[0]}, .sampling = {}});
  CHECK(stopped.outcome.stop == StopReason::kStopToken);
  CHECK(stopped.tokens.empty());
}

TEST_CASE("what cannot be generated is refused") {
  TestFolder folder;
  const auto generator = tiny_generator(folder, 8);
  SilentContext context;
  const auto code_of = [&](const GenerationRequest& request) {
    const auto result = generator->generate(
        request, [](std::int32_t, float) {}, context);
    REQUIRE_FALSE(result.ok());
    return result.error().code;
  };
  GenerationRequest request{.prompt = {1}, .max_tokens = 1, .stop_tokens = {}, .sampling = {}};
  request.prompt = {};
  CHECK(code_of(request) == ErrorCode::kInvalidRequest);
  request.prompt = {1, 23};
  CHECK(code_of(request) == ErrorCode::kInvalidRequest);
  request.prompt.assign(9, 1);
  CHECK(code_of(request) == ErrorCode::kInvalidRequest);
  request.prompt = {1};
  request.sampling.top_p = NAN;
  CHECK(code_of(request) == ErrorCode::kInvalidRequest);
  CHECK_FALSE(Generator::make(Model::open(folder.path()).value(), {.context = 0}).ok());
  TestFolder learned;
  write_tiny_checkpoint(learned.path(), "opt");
  CHECK_FALSE(Generator::make(Model::open(learned.path()).value(), {.context = 33}).ok());
}

TEST_CASE("a seed gives the same text, another seed another one") {
  TestFolder folder;
  const auto generator = tiny_generator(folder, 32);
  GenerationRequest request{
      .prompt = {1, 2}, .max_tokens = 25, .stop_tokens = {}, .sampling = {.temperature = 1.5, .seed = 11}};
  const Said one = say(*generator, request), two = say(*generator, request);
  request.sampling.seed = 12;
  const Said three = say(*generator, request);
  CHECK(one.tokens == two.tokens);
  CHECK(one.tokens != three.tokens);
  // Log-probabilities are those before the temperature: all of them, over the vocabulary, would add up to 1.
  for (const float logprob : one.logprobs) CHECK(logprob <= 0);
}
