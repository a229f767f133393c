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
#include <vector>

#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "methods/method.hpp"
#include "ops/selection/fence.hpp"

namespace squeeze {

inline constexpr double kSensitiveShare = 0.0005;

Fence fence_of(std::span<const float> weights);

// mask [N·K] = 1 at the sensitive values. All 0 when there is no sensitivity.
void mark_sensitive(const MatrixInput& input, double share, std::span<std::uint8_t> mask);

// The one r, found over all matrices. Ranges are counted in steps of 2^-12 of themselves, which is how exactly the
// wanted share is met (besides equal weights).
Result<double> find_range(const ForEachMatrix& for_each, double sparsity, RunContext& context);

// Both parts for one matrix, at the model's r.
void mark_paper(const MatrixInput& input, double sparsity, double range, std::span<std::uint8_t> mask);

// The same rule held to exactly `count` entries of one matrix: the sensitive values, then the largest |w|.
void mark_paper_count(const MatrixInput& input, double sparsity, std::int64_t count, std::span<std::uint8_t> mask);

}  // namespace squeeze
