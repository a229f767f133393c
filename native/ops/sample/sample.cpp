#include "ops/sample/sample.hpp"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <numeric>

#include "ops/argmax/argmax.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"

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

using Candidates = std::vector<Candidate>;

bool likelier(const Candidate& a, const Candidate& b) { return a.share != b.share ? a.share > b.share : a.id < b.id; }

double mass_of(const Candidates& candidates) {
  return std::accumulate(candidates.begin(), candidates.end(), 0.0,
                         [](double sum, const Candidate& c) { return sum + c.share; });
}

// Keskar et al., arXiv 1909.05858: what was seen becomes less likely whatever the sign of its logit. Rounded, so that a
// GPU, which ranks by 32 bits, sees the same order and the same equals.
float penalised(float logit, double penalty) {
  if (std::isinf(logit)) return logit;
  const double changed = logit > 0 ? logit / penalty : logit * penalty;
  return static_cast<float>(std::clamp<double>(changed, -FLT_MAX, FLT_MAX));
}

// Kept from token to token, so that none allocates.
struct ChoiceScratch {
  Candidates candidates;
  std::vector<float> scaled;
};

// One choice. Exponentials in float64 of a whole vocabulary cost as much as a layer of a small model, so each filter
// first sets aside what it would drop anyway, judged by the logits or by exponentials in fp32.
class Choice {
 public:
  Choice(std::span<const float> logits, const Sampling& sampling, const std::vector<bool>& seen, ChoiceScratch& scratch)
      : logits_(logits),
        s_(sampling),
        seen_(seen),
        candidates_(scratch.candidates),
        scaled_(scratch.scaled),
        likeliest_(find_likeliest()),
        most_(logit(likeliest_)) {}

  std::int32_t likeliest() const { return likeliest_; }

  // Fills the candidates with what the filters leave, each with its share of the likeliest's probability.
  void filter() {
    candidates_.clear();
    if (s_.top_k > 0 && s_.top_k < count()) {
      take_most_likely();
      for (Candidate& c : candidates_) c.share = share(c.share);
      std::ranges::sort(candidates_, likelier);
      if (s_.top_p < 1) keep_mass(s_.top_p * mass_of(candidates_));
    } else if (s_.top_p < 1) {
      take_mass();
    } else {
      take_from(s_.min_p);
    }
    std::erase_if(candidates_, [&](const Candidate& c) { return c.share < s_.min_p; });
  }

 private:
  std::int32_t count() const { return static_cast<std::int32_t>(logits_.size()); }
  double logit(std::int32_t id) const {
    return seen_[id] ? penalised(logits_[id], s_.repetition_penalty) : logits_[id];
  }

  // The first of the largest logits, after the penalty.
  std::int32_t find_likeliest() const {
    if (s_.repetition_penalty == 1) return static_cast<std::int32_t>(argmax(logits_));
    std::int32_t best = 0;
    for (std::int32_t id = 1; id < count(); ++id)
      if (logit(id) > logit(best)) best = id;
    return best;
  }

  double share(double logit) const { return std::exp((logit - most_) / s_.temperature); }

  // The top-k, with logits for shares and in no order: a heap whose front is the least likely of them.
  void take_most_likely() {
    for (std::int32_t id = 0; id < count(); ++id) {
      const Candidate next{id, logit(id)};
      const bool full = static_cast<std::int64_t>(candidates_.size()) == s_.top_k;
      if (full && !likelier(next, candidates_.front())) continue;
      if (full) {
        std::ranges::pop_heap(candidates_, likelier);
        candidates_.pop_back();
      }
      candidates_.push_back(next);
      std::ranges::push_heap(candidates_, likelier);
    }
  }

  // All with at least this share, in the order of their ids.
  void take_from(double least) {
    // A little less, since this side of the comparison is rounded otherwise; what it lets in is judged again.
    const double floor = most_ + s_.temperature * (std::log(least) - 1e-6);
    for (std::int32_t id = 0; id < count(); ++id)
      if (const double value = logit(id); value >= floor) candidates_.push_back({id, share(value)});
  }

  // The shortest run of the likeliest that holds `mass`, in order.
  void keep_mass(double mass) {
    // A heap gives the likeliest one by one: most often few of many are kept.
    const auto less = [](const Candidate& a, const Candidate& b) { return likelier(b, a); };
    auto rest = candidates_.end();
    std::ranges::make_heap(candidates_, less);
    double sum = 0;
    while (rest != candidates_.begin() && (rest == candidates_.end() || sum < mass)) {
      std::pop_heap(candidates_.begin(), rest--, less);
      sum += rest->share;
    }
    candidates_.erase(candidates_.begin(), rest);
    std::ranges::reverse(candidates_);
  }

  // The shortest run of the likeliest that holds top_p of everything, in order.
  void take_mass() {
    scaled_.resize(logits_.size());
    for (std::int32_t id = 0; id < count(); ++id)
      scaled_[id] = static_cast<float>((logit(id) - most_) / s_.temperature);
    const double about = std::exp(log_sum_exp(scaled_));
    // What lies below this holds less than 1 − top_p together, so it is never in the run.
    take_from((1 - s_.top_p) * about * (1 - kSlack) / count());
    keep_mass(s_.top_p * about * (1 + kSlack));
    const double before_last = mass_of(candidates_) - candidates_.back().share;
    if (before_last < s_.top_p * about * (1 - kSlack) || candidates_.size() == 1) return;
    // A mass a little smaller would end the run earlier: only the exact one can tell.
    candidates_.clear();
    take_from(0);
    keep_mass(s_.top_p * mass_of(candidates_));
  }

  // How far the total of fp32 exponentials may be off: 2e-7 each, 87 · 2^-23 for their arguments, the rest for sums.
  static constexpr double kSlack = 1e-4;

  std::span<const float> logits_;
  const Sampling& s_;
  const std::vector<bool>& seen_;
  Candidates& candidates_;
  std::vector<float>& scaled_;
  std::int32_t likeliest_;
  double most_;
};

}  // namespace

std::int32_t sample_token(std::span<const float> logits, const Sampling& sampling, const std::vector<bool>& seen,
                          Random& random) {
  thread_local ChoiceScratch scratch;
  Choice choice(logits, sampling, seen, scratch);
  if (sampling.temperature <= 0) return choice.likeliest();
  choice.filter();
  const Candidates& candidates = scratch.candidates;
  double left = random.uniform() * mass_of(candidates);
  for (const Candidate& c : candidates) {
    left -= c.share;
    if (left < 0) return c.id;
  }
  return candidates.back().id;
}

}  // namespace squeeze
