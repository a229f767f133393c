#include "ops/sample/sample.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

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
