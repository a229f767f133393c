#pragma once
// Choosing the next token from its logits.

#include <cstdint>
#include <span>
#include <vector>

#include "eval/generator.hpp"

namespace squeeze {

// xoshiro256** (Blackman and Vigna, 2018), its state filled by splitmix64: a seed gives the same numbers everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t next();
  double uniform();  // in [0, 1), 53 bits

 private:
  std::uint64_t state_[4];
};

// One choice, with the filters in the order that Sampling says. `seen` marks the tokens that the repetition penalty
// falls on. Probabilities are float64; tokens of equal probability stand in the order of their ids.
std::int32_t sample_token(std::span<const float> logits, const Sampling& sampling, const std::vector<bool>& seen,
                          Random& random);

}  // namespace squeeze
