#pragma once
// Choosing the next token from its logits.

#include <cstdint>
#include <span>
#include <vector>

namespace squeeze {

// The order of the filters: repetition penalty, temperature, top-k, top-p, min-p, then one draw.
struct Sampling {
  double temperature = 0;  // 0: greedy, ties to the lowest id
  std::int64_t top_k = 0;  // 0: all
  double top_p = 1;
  double min_p = 0;
  double repetition_penalty = 1;
  std::uint64_t seed = 0;
};

// Whether the likeliest token is taken as the model has it: nothing is drawn, and nothing penalised.
inline bool takes_likeliest(const Sampling& sampling) {
  return sampling.temperature <= 0 && sampling.repetition_penalty == 1;
}

// xoshiro256** (Blackman and Vigna, 2018), its state filled by splitmix64: a seed gives the same numbers everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed);
  std::uint64_t next();
  double uniform();  // in [0, 1), 53 bits

 private:
  std::uint64_t state_[4];
};

// One choice from logits [V] without NaN and +Inf, with the filters in the order that Sampling says. `seen` [V] marks
// the tokens that the repetition penalty falls on. Penalised logits are rounded to fp32, as the others are;
// probabilities are float64; tokens of equal logits stand in the order of their ids. Takes one number of `random` where
// the temperature is not 0, else none.
std::int32_t sample_token(std::span<const float> logits, const Sampling& sampling, const std::vector<bool>& seen,
                          Random& random);

}  // namespace squeeze
