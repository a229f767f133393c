#pragma once
// How far one model's distribution lies from another's at each token of an answer: both read the same prompt and
// answer, and at each token of the answer KL(reference ‖ model) = Σ_v p log(p/q) in nats, p of the reference, q of the
// model, each given the prompt and the answer up to there. As evaluate() does it over windows, but token by token and
// with the caches of models that have just generated. Sums in float64; exactly 0 for a model against itself.

#include <cstdint>
#include <span>
#include <vector>

#include "eval/generator.hpp"

namespace squeeze {

// One entry for each token of the answer.
struct TokenDivergence {
  std::vector<double> kl;                          // nats
  std::vector<double> logprob, reference_logprob;  // natural log of what either gives the token
  std::vector<bool> same_top;                      // both find the same token likeliest; ties go to the lowest id
};

// `model` and `reference` may be one object. kInvalidRequest where the vocabularies differ or a text is too long for a
// cache, kValueNotFinite where a model has diverged. The products are in the precision of the models' prompts.
Result<TokenDivergence> token_divergence(Generator& model, Generator& reference, std::span<const std::int32_t> prompt,
                                         std::span<const std::int32_t> answer, RunContext& run);

}  // namespace squeeze
