#pragma once
// Which weights are kept exactly, chosen by what they cost: the entries with the largest F_j (w_j − c)² for the
// centroid c they would get, alternated with clustering the others again until the choice settles. Each half step
// lowers the objective, so it ends in a local optimum; of two beginnings (nothing kept, and the published rule at the
// same count) the better one is returned, which therefore is never worse than the published rule. Deviation from the
// paper: all of it.

#include <cstdint>
#include <vector>

#include "base/progress.hpp"
#include "methods/method.hpp"
#include "methods/squeezellm/codebooks.hpp"
#include "methods/squeezellm/weight_choice.hpp"

namespace squeeze {

struct KeptWeights {
  std::vector<std::uint8_t> mask;  // [N·K]
  Codebooks codebooks;             // clustered without them
};

// Exactly `count` weights of the matrix. 0 < count < N·K. Marks that there are do not matter.
Result<KeptWeights> choose_by_loss(WeightChoice& choice, std::int64_t count, const MethodOptions& options,
                                   RunContext& context);

}  // namespace squeeze
