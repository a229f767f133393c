#include "ops/sample/sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

#include "device/test_device.hpp"
#include "ops/sample/sample_cuda.hpp"

using namespace squeeze;

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

namespace {

struct Share {
  std::int32_t id;
  double share;
};

// The filters as they are defined, over everything in float64.
std::int32_t sample_plainly(std::span<const float> logits, const Sampling& s, const std::vector<bool>& seen,
                            Random& random) {
  std::vector<Share> shares;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    double logit = logits[id];
    if (seen[id]) logit = static_cast<float>(logit > 0 ? logit / s.repetition_penalty : logit * s.repetition_penalty);
    shares.push_back({static_cast<std::int32_t>(id), logit});
  }
  const auto likelier = [](const Share& a, const Share& b) {
    return a.share != b.share ? a.share > b.share : a.id < b.id;
  };
  const Share best = *std::ranges::min_element(shares, likelier);
  if (s.temperature == 0) return best.id;
  for (Share& c : shares) c.share = std::exp((c.share - best.share) / s.temperature);
  const auto total = [&] {
    double sum = 0;
    for (const Share& c : shares) sum += c.share;
    return sum;
  };
  if (s.top_k > 0 && s.top_k < static_cast<std::int64_t>(shares.size())) {
    std::ranges::sort(shares, likelier);
    shares.resize(static_cast<std::size_t>(s.top_k));
  }
  if (s.top_p < 1) {
    const double wanted = s.top_p * total();
    std::ranges::sort(shares, likelier);
    std::size_t kept = 0;
    for (double mass = 0; kept < shares.size() && (kept == 0 || mass < wanted);) mass += shares[kept++].share;
    shares.resize(kept);
  }
  std::erase_if(shares, [&](const Share& c) { return c.share < s.min_p; });
  double left = random.uniform() * total();
  for (const Share& c : shares)
    if ((left -= c.share) < 0) return c.id;
  return shares.back().id;
}

}  // namespace

TEST_CASE("the sampler's short cuts choose what the filters choose as they are defined") {
  std::mt19937 numbers(3);
  std::normal_distribution<float> normal;
  const Sampling settings[] = {
      {.temperature = 0, .repetition_penalty = 1.3},
      {.temperature = 0.8},
      {.temperature = 1, .top_k = 40},
      {.temperature = 1, .top_k = 1},
      {.temperature = 0.7, .top_k = 5000},
      {.temperature = 1, .top_p = 0.9},
      {.temperature = 1.5, .top_p = 0.999999},
      {.temperature = 0.05, .top_p = 0.5},
      {.temperature = 1, .top_p = 0},
      {.temperature = 1.2, .min_p = 0.05},
      {.temperature = 1, .min_p = 1},
      {.temperature = 0.9, .top_k = 50, .top_p = 0.95, .min_p = 0.02, .repetition_penalty = 1.1},
      {.temperature = 0.9, .top_p = 0.95, .min_p = 0.02, .repetition_penalty = 0.7},
  };
  for (int model = 0; model < 20; ++model) {
    // Sharp and flat, some with many equal logits, some with impossible tokens.
    std::vector<float> logits(3000);
    for (float& logit : logits) logit = static_cast<float>(1 + model % 4) * normal(numbers);
    if (model % 5 == 1)
      for (float& logit : logits) logit = std::round(logit);
    if (model % 5 == 2) std::fill(logits.begin() + 100, logits.begin() + 900, -INFINITY);
    std::vector<bool> seen(logits.size());
    for (std::size_t i = 0; i < seen.size(); i += 7) seen[i] = true;
    for (const Sampling& s : settings) {
      CAPTURE(model);
      CAPTURE(s.temperature);
      CAPTURE(s.top_k);
      CAPTURE(s.top_p);
      CAPTURE(s.min_p);
      Random one(static_cast<std::uint64_t>(model)), two(static_cast<std::uint64_t>(model));
      for (int draw = 0; draw < 20; ++draw)
        REQUIRE(sample_token(logits, s, seen, one) == sample_plainly(logits, s, seen, two));
    }
  }
}

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

struct Choice {
  std::int32_t token;
  float logprob;
};

// A sampler of a vocabulary, with places for the numbers of one test.
class SamplerThere {
 public:
  SamplerThere(TestDevice& device, std::int64_t vocabulary, std::int64_t places = 64)
      : device_(device),
        sampler_(device.stream(), vocabulary, places),
        logits_(device.empty<float>(1, vocabulary)),
        place_(device.empty<std::int32_t>(1, 1)),
        token_(device.empty<std::int32_t>(1, 1)),
        logprob_(device.empty<float>(1, 1)) {}

  void begin(const Sampling& s, const std::vector<std::int32_t>& seen, std::int64_t first,
             const std::vector<double>& uniforms) {
    sampler_.begin(device_.stream(), s, seen, first, uniforms);
  }
  void look_at(const std::vector<float>& logits) { device_.stream().upload(logits_, logits.data()); }
  Choice choose(std::int32_t place) {
    // The number's place is a sum of two, as behind a prompt that is read at once.
    const std::int32_t at = place / 2;
    device_.stream().copy(place_.data, &at, sizeof at);
    sampler_.choose(device_.stream(), logits_, place_.data, place - at, token_.data, logprob_.data);
    return {device_.back(token_).values[0], device_.back(logprob_).values[0]};
  }
  std::int64_t size_bytes() const { return sampler_.size_bytes(); }

 private:
  TestDevice& device_;
  DeviceSampler sampler_;
  DeviceView<float> logits_;
  DeviceView<std::int32_t> place_, token_;
  DeviceView<float> logprob_;
};

std::vector<double> numbers_of(std::uint64_t seed, std::size_t count) {
  Random random(seed);
  std::vector<double> numbers(count);
  for (double& number : numbers) number = random.uniform();
  return numbers;
}

enum class Shape { kNormal, kFlat, kSharp, kRounded, kImpossible, kEqual, kNegative, kCount };

std::vector<float> logits_of(std::int64_t vocabulary, Shape shape, std::uint32_t seed) {
  std::mt19937 numbers(seed);
  std::normal_distribution<float> normal;
  const float scale = shape == Shape::kFlat ? 0.05f : shape == Shape::kSharp ? 12.0f : 3.0f;
  std::vector<float> logits(static_cast<std::size_t>(vocabulary));
  for (float& logit : logits) logit = scale * normal(numbers);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (shape == Shape::kRounded) logits[i] = std::round(logits[i]);  // both zeros among them
    if (shape == Shape::kImpossible && i % 3 != 1) logits[i] = -kInf;
    if (shape == Shape::kEqual) logits[i] = 1.5f;
    if (shape == Shape::kNegative) logits[i] -= 1000;
  }
  if (shape == Shape::kImpossible) logits[logits.size() / 2] = 1;
  return logits;
}

const Sampling kSettings[] = {
    {.temperature = 0, .repetition_penalty = 1.3},
    {.temperature = 0, .repetition_penalty = 0.5},
    {.temperature = 0.8},
    {.temperature = 1e-6},
    {.temperature = 1e6},
    {.temperature = 1, .top_k = 40},
    {.temperature = 1, .top_k = 1},
    {.temperature = 1.3, .top_k = 2},
    {.temperature = 0.7, .top_k = 1000000},
    {.temperature = 1, .top_p = 0.9},
    {.temperature = 1.5, .top_p = 0.999999},
    {.temperature = 1, .top_p = 1 - 1e-12},
    {.temperature = 0.05, .top_p = 0.5},
    {.temperature = 1, .top_p = 1e-9},
    {.temperature = 1, .top_p = 0},
    {.temperature = 1e6, .top_k = 300, .top_p = 0.7},
    {.temperature = 1.2, .min_p = 0.05},
    {.temperature = 1, .min_p = 1},
    {.temperature = 1, .top_k = 20, .min_p = 0.3},
    {.temperature = 1, .top_p = 0.99, .min_p = 0.001},
    {.temperature = 0.9, .repetition_penalty = 1.1},
    {.temperature = 0.9, .top_k = 50, .top_p = 0.95, .min_p = 0.02, .repetition_penalty = 1.1},
    {.temperature = 0.9, .top_p = 0.95, .min_p = 0.02, .repetition_penalty = 0.7},
};

double log_sum(const std::vector<float>& logits) {
  const double most = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - most);
  return most + std::log(sum);
}

// `draws` choices in a row, each of which the penalty falls on from then on, there and here.
void check_draws(SamplerThere& there, const std::vector<float>& logits, const Sampling& s, int draws,
                 std::uint64_t seed) {
  const auto vocabulary = logits.size();
  std::vector<bool> seen(vocabulary);
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < vocabulary; i += 7) {
    seen[i] = true;
    ids.push_back(static_cast<std::int32_t>(i));
  }
  const double total = log_sum(logits);
  there.begin(s, ids, 5, numbers_of(seed, static_cast<std::size_t>(draws)));
  Random random(seed);
  for (int draw = 0; draw < draws; ++draw) {
    CAPTURE(draw);
    const std::int32_t wanted = sample_token(logits, s, seen, random);
    const Choice found = there.choose(5 + draw);
    REQUIRE(found.token == wanted);
    CHECK(std::abs(found.logprob - (logits[wanted] - total)) < 1e-5 + 1e-6 * std::abs(total));
    seen[wanted] = true;
  }
}

}  // namespace

// Some seconds: each choice takes a few milliseconds where it is emulated, and there are many kinds of it.
TEST_CASE("device: a GPU chooses what the processor chooses (tier A)") {
  TestDevice device;
  if (!device) return;
  constexpr std::size_t shapes = static_cast<std::size_t>(Shape::kCount);
  for (const std::int64_t vocabulary : {1, 2, 31, 257, 1024, 3001}) {
    CAPTURE(vocabulary);
    SamplerThere there(device, vocabulary);
    for (std::size_t shape = 0; shape < shapes; ++shape) {
      CAPTURE(shape);
      const auto logits = logits_of(vocabulary, static_cast<Shape>(shape), static_cast<std::uint32_t>(vocabulary));
      there.look_at(logits);
      for (std::size_t i = 0; i < std::size(kSettings); ++i) {
        // All of it at one size; at the others each setting with two shapes.
        if (vocabulary != 257 && (shape + i) % shapes >= 2) continue;
        CAPTURE(i);
        check_draws(there, logits, kSettings[i], vocabulary == 257 ? 2 : 1, i + 100 * shape);
      }
    }
  }
}

TEST_CASE("device: a GPU chooses from a large vocabulary what the processor chooses (tier A)") {
  TestDevice device;
  if (!device) return;
  constexpr std::int64_t vocabulary = 50021;  // a prime
  SamplerThere there(device, vocabulary);
  for (const Shape shape : {Shape::kNormal, Shape::kRounded}) {
    CAPTURE(static_cast<int>(shape));
    const auto logits = logits_of(vocabulary, shape, 3);
    there.look_at(logits);
    for (const std::size_t i : {2, 5, 9, 16, 21}) {
      CAPTURE(i);
      check_draws(there, logits, kSettings[i], 1, i);
    }
  }
}

TEST_CASE("device: many draws of a GPU are those of the processor (tier A)") {
  TestDevice device;
  if (!device) return;
  for (const Shape shape : {Shape::kNormal, Shape::kRounded}) {
    SamplerThere there(device, 1500);
    const auto logits = logits_of(1500, shape, 9);
    there.look_at(logits);
    check_draws(there, logits, {.temperature = 1}, 50, 1);
    check_draws(there, logits, {.temperature = 1.5, .top_k = 30, .top_p = 0.9, .min_p = 0.01}, 50, 2);
    check_draws(there, logits, {.temperature = 1, .top_p = 0.95, .repetition_penalty = 1.2}, 50, 3);
  }
}

TEST_CASE("device: the edges between two tokens lie where they should") {
  TestDevice device;
  if (!device) return;
  // Four equal tokens have a quarter each: exact in any arithmetic.
  SamplerThere there(device, 4);
  there.look_at({2, 2, 2, 2});
  const std::vector<double> numbers = {0, 0.25 - 0x1p-53, 0.25, 0.5 - 0x1p-53, 0.5, 0.75, 1 - 0x1p-53};
  const auto tokens = [&](const Sampling& s) {
    there.begin(s, {}, 0, numbers);
    std::vector<std::int32_t> all;
    for (std::size_t i = 0; i < numbers.size(); ++i) all.push_back(there.choose(static_cast<std::int32_t>(i)).token);
    return all;
  };
  CHECK(tokens({.temperature = 1}) == std::vector<std::int32_t>{0, 0, 1, 1, 2, 3, 3});
  CHECK(tokens({.temperature = 1, .top_k = 2}) == std::vector<std::int32_t>{0, 0, 0, 0, 1, 1, 1});
  CHECK(tokens({.temperature = 1, .top_p = 0.5}) == std::vector<std::int32_t>{0, 0, 0, 0, 1, 1, 1});
  CHECK(tokens({.temperature = 1, .top_p = 0.25}) == std::vector<std::int32_t>(7, 0));
  CHECK(tokens({.temperature = 1, .top_p = 1 - 1e-9}) == std::vector<std::int32_t>{0, 0, 1, 1, 2, 3, 3});
}

TEST_CASE("device: a choice from logits that are not finite says so") {
  TestDevice device;
  if (!device) return;
  const std::vector<float> broken[] = {
      std::vector<float>(1100, -kInf),
      std::vector<float>(1100, NAN),
      std::vector<float>(1100, kInf),
      [] {
        std::vector<float> one(1100, 1.0f);
        one[1090] = NAN;
        return one;
      }(),
      [] {
        std::vector<float> one(1100, -kInf);
        one[3] = kInf;
        return one;
      }(),
      [] {
        std::vector<float> one(1100, -kInf);
        one[1030] = NAN;
        return one;
      }(),
  };
  SamplerThere there(device, 1100);
  for (const auto& logits : broken) {
    there.look_at(logits);
    for (const Sampling& s : kSettings) {
      there.begin(s, {0, 1, 1099}, 0, {0.7});
      const Choice choice = there.choose(0);
      CHECK(choice.token == 0);
      CHECK_FALSE(std::isfinite(choice.logprob));
    }
  }
  // And nothing of it stays.
  const auto logits = logits_of(1100, Shape::kNormal, 1);
  there.look_at(logits);
  check_draws(there, logits, {.temperature = 1, .top_k = 50, .top_p = 0.9}, 3, 4);
}

TEST_CASE("device: penalties beyond what fp32 holds leave finite logits finite") {
  TestDevice device;
  if (!device) return;
  SamplerThere there(device, 5);
  const std::vector<float> logits = {3e38f, -3e38f, 0, -kInf, 1};
  there.look_at(logits);
  const std::vector<bool> seen = {true, true, false, true, false};
  for (const double penalty : {1e-30, 1e30}) {
    for (const double temperature : {0.0, 1.0, 1e38}) {
      CAPTURE(penalty);
      CAPTURE(temperature);
      const Sampling s{.temperature = temperature, .repetition_penalty = penalty};
      there.begin(s, {0, 1, 3}, 0, numbers_of(1, 4));
      Random random(1);
      std::vector<bool> seen_now = seen;
      for (std::int32_t draw = 0; draw < 4; ++draw) {
        const std::int32_t wanted = sample_token(logits, s, seen_now, random);
        const Choice found = there.choose(draw);
        CHECK(found.token == wanted);
        CHECK(std::isfinite(found.logprob));
        seen_now[wanted] = true;
      }
    }
  }
}

TEST_CASE("device: a recorded choice follows what is said to the sampler later") {
  TestDevice device;
  if (!device) return;
  constexpr std::int64_t vocabulary = 700;
  const auto logits = logits_of(vocabulary, Shape::kNormal, 6);
  const auto there = device.of(logits);
  const auto place = device.of(std::vector<std::int32_t>{0});
  const auto token = device.empty<std::int32_t>(1, 1);
  const auto logprob = device.empty<float>(1, 1);
  DeviceSampler sampler(device.stream(), vocabulary, 8);
  CHECK(sampler.size_bytes() > 16 * vocabulary);
  device.stream().begin_recording();
  sampler.choose(device.stream(), there, place.data, 0, token.data, logprob.data);
  const Graph graph = device.stream().end_recording();
  for (const Sampling& s : kSettings) {
    CAPTURE(s.temperature);
    const std::vector<bool> none(vocabulary);
    sampler.begin(device.stream(), s, {}, 0, numbers_of(8, 1));
    graph.launch(device.stream());
    Random random(8);
    CHECK(device.back(token).values[0] == sample_token(logits, s, none, random));
  }
}
