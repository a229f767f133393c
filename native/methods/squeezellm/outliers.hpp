#pragma once
// Which weights are kept exactly: the published rule (SqueezeLLM, arXiv 2306.07629, §4.2).
//   1. Sensitive values: per matrix the largest 0.05% of the weights by F, or all of the wanted share when it is
//   smaller.
//   2. Outliers: then every |w| ≥ T, with T the larger fence of the quartile rule, T = max(r·IQR − Q1, Q3 + r·IQR), and
//      one r for the whole model such that both together make up the wanted share.
// Without sensitivities the whole share goes to the second part. Q1 and Q3 are the order statistics at ⌊(n−1)/4⌋ and
// ⌊3(n−1)/4⌋ of all the matrix's weights. Where IQR is 0 (half of the weights are equal), 1.349 standard deviations
// stand in for it, as for a normal distribution.

#include <cstdint>

#include "base/progress.hpp"
#include "methods/method.hpp"
#include "methods/squeezellm/weight_choice.hpp"

namespace squeeze {

inline constexpr double kSensitiveShare = 0.0005;

Result<Fence> fence_of(WeightChoice& choice);

// Marks the sensitive values alone. None where there is no sensitivity.
Result<void> mark_sensitive(WeightChoice& choice, double share);

// The one r, found over all matrices. Ranges are counted in steps of 2^-12 of themselves, which is how exactly the
// wanted share is met (besides equal weights).
Result<double> find_range(const ForEachMatrix& for_each, double sparsity, RunContext& context);

// Marks both parts for one matrix, at the model's r.
Result<void> mark_paper(WeightChoice& choice, double sparsity, double range);

// The same rule held to exactly `count` entries of one matrix: the sensitive values, then the largest |w|.
Result<void> mark_paper_count(WeightChoice& choice, double sparsity, std::int64_t count);

}  // namespace squeeze
