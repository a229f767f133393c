#include "eval/generator.hpp"

#include <doctest/doctest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "eval/sampler.hpp"

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
  auto generator = Generator::make(Model::open(folder.path()).value(), context);
  REQUIRE(generator.ok());
  return std::move(generator).value();
}

}  // namespace

TEST_CASE("greedy tokens of the golden models (tier D)") {
  for_each_golden([](const GoldenModel& golden) {
    CAPTURE(golden.name);
    std::ifstream file(golden.golden.string() + ".json");
    const auto wanted = nlohmann::json::parse(file).at("greedy").get<std::vector<std::int32_t>>();
    auto generator = Generator::make(Model::open(golden.model).value(), 64);
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

TEST_CASE("generation ends for a reason") {
  TestFolder folder;
  const auto generator = tiny_generator(folder, 8);
  CHECK(generator->memory_bytes() > 2 * 2 * 8 * 6 * 4);
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
  CHECK_FALSE(Generator::make(Model::open(folder.path()).value(), 0).ok());
  TestFolder learned;
  write_tiny_checkpoint(learned.path(), "opt");
  CHECK_FALSE(Generator::make(Model::open(learned.path()).value(), 33).ok());
}

TEST_CASE("the random numbers are those of xoshiro256** seeded by splitmix64") {
  // From the algorithms' definition, computed apart with unbounded integers.
  Random random(0);
  CHECK(random.next() == 11091344671253066420u);
  CHECK(random.next() == 13793997310169335082u);
  Random other(1);
  CHECK(other.uniform() >= 0);
  CHECK(other.next() != random.next());
}

TEST_CASE("the filters of the sampler") {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.25f), std::log(0.15f), std::log(0.1f)};
  const std::vector<bool> none(4);
  const auto shares = [&](const Sampling& sampling, const std::vector<bool>& seen) {
    Random random(7);
    std::map<int, double> share;
    for (int i = 0; i < 20000; ++i) share[sample_token(logits, sampling, seen, random)] += 1.0 / 20000;
    return share;
  };
  SUBCASE("temperature 1 draws the probabilities themselves") {
    auto share = shares({.temperature = 1}, none);
    CHECK(share[0] == doctest::Approx(0.5).epsilon(0.03));
    CHECK(share[3] == doctest::Approx(0.1).epsilon(0.1));
  }
  SUBCASE("temperature squares them at 0.5") {
    auto share = shares({.temperature = 0.5}, none);
    CHECK(share[0] == doctest::Approx(0.25 / 0.345).epsilon(0.03));
  }
  SUBCASE("top-k") {
    auto share = shares({.temperature = 1, .top_k = 2}, none);
    CHECK(share.size() == 2);
    CHECK(share[1] == doctest::Approx(1.0 / 3).epsilon(0.05));
  }
  SUBCASE("top-p keeps the token that reaches the mass") {
    CHECK(shares({.temperature = 1, .top_p = 0.7}, none).size() == 2);
    CHECK(shares({.temperature = 1, .top_p = 0.8}, none).size() == 3);
    CHECK(shares({.temperature = 1, .top_p = 0}, none).size() == 1);
  }
  SUBCASE("min-p is a share of the likeliest") {
    CHECK(shares({.temperature = 1, .min_p = 0.25}, none).size() == 3);
    CHECK(shares({.temperature = 1, .min_p = 1}, none).size() == 1);
  }
  SUBCASE("repetition penalty, also of greedy choices") {
    Random random(1);
    CHECK(sample_token(logits, {}, none, random) == 0);
    CHECK(sample_token(logits, {.repetition_penalty = 3}, {true, false, false, false}, random) == 1);
    const std::vector<float> positive = {4, 3};
    CHECK(sample_token(positive, {.repetition_penalty = 2}, {true, false}, random) == 1);
  }
  SUBCASE("ties go to the lowest id") {
    Random random(1);
    CHECK(sample_token(std::vector<float>{1, 2, 2}, {}, std::vector<bool>(3), random) == 1);
  }
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
