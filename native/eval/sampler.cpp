#include "eval/sampler.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace squeeze {

Random::Random(std::uint64_t seed) {
  for (std::uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15u;
    std::uint64_t z = seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    word = z ^ (z >> 31);
  }
}

std::uint64_t Random::next() {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9, shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Random::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

namespace {

struct Candidate {
  std::int32_t id;
  double share;  // logit, then probability up to a common factor
};

// Keskar et al., arXiv 1909.05858: what was seen becomes less likely whatever the sign of its logit.
double penalised(double logit, double penalty) { return logit > 0 ? logit / penalty : logit * penalty; }

bool likelier(const Candidate& a, const Candidate& b) { return a.share != b.share ? a.share > b.share : a.id < b.id; }

double mass_of(const std::vector<Candidate>& candidates) {
  return std::accumulate(candidates.begin(), candidates.end(), 0.0,
                         [](double sum, const Candidate& c) { return sum + c.share; });
}

// Keeps the shortest run of the likeliest that holds `top_p` of the mass, in order.
void keep_mass(std::vector<Candidate>& candidates, double top_p) {
  const double total = mass_of(candidates);
  // All that lies below this share holds less than 1 − top_p together, so it is never in the run: not worth sorting.
  const double least = (1 - top_p) * total / static_cast<double>(candidates.size());
  std::erase_if(candidates, [&](const Candidate& c) { return c.share < least; });
  std::ranges::sort(candidates, likelier);
  double mass = 0;
  std::size_t kept = 0;
  while (kept < candidates.size() && (kept == 0 || mass < top_p * total)) mass += candidates[kept++].share;
  candidates.resize(kept);
}

}  // namespace

std::int32_t sample_token(std::span<const float> logits, const Sampling& sampling, const std::vector<bool>& seen,
                          Random& random) {
  std::vector<Candidate> candidates(logits.size());
  for (std::size_t id = 0; id < logits.size(); ++id) {
    const double logit = logits[id];
    candidates[id] = {static_cast<std::int32_t>(id), seen[id] ? penalised(logit, sampling.repetition_penalty) : logit};
  }
  const auto best = std::ranges::min_element(candidates, likelier);
  if (sampling.temperature <= 0) return best->id;

  const double most = best->share;
  for (Candidate& c : candidates) c.share = std::exp((c.share - most) / sampling.temperature);
  if (const auto kept = static_cast<std::size_t>(sampling.top_k); kept > 0 && kept < candidates.size()) {
    std::ranges::nth_element(candidates, candidates.begin() + sampling.top_k, likelier);
    candidates.resize(kept);
    std::ranges::sort(candidates, likelier);
  }
  if (sampling.top_p < 1) keep_mass(candidates, sampling.top_p);
  // The likeliest has share 1.
  std::erase_if(candidates, [&](const Candidate& c) { return c.share < sampling.min_p; });

  const double total = mass_of(candidates);
  double left = random.uniform() * total;
  for (const Candidate& c : candidates) {
    left -= c.share;
    if (left < 0) return c.id;
  }
  return candidates.back().id;
}

}  // namespace squeeze
