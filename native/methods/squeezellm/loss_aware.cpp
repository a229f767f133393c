#include "methods/squeezellm/loss_aware.hpp"

#include <algorithm>

#include "base/threads.hpp"
#include "methods/squeezellm/outliers.hpp"
#include "ops/selection/selection.hpp"

namespace squeeze {

namespace {

constexpr int kMaxRounds = 12;
constexpr double kSettled = 1e-4;  // a round that gains less than this fraction is the last

// scores = F (w − ŵ)² of every weight, kept or not, in units of the largest F so that fp32 holds them.
void score(const MatrixInput& input, bool weighted, const Codebooks& codebooks, float unit, std::span<float> scores) {
  const std::int64_t cols = input.weights.cols;
  parallel_for(input.weights.rows, std::max<std::int64_t>(1, (1 << 16) / cols),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t r = first; r < last; ++r) {
                   const auto w = input.weights.row(r);
                   const std::uint8_t* indices = codebooks.indices.values.data() + r * cols;
                   codebooks.grid.for_each_piece(r, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
                     const auto table = codebooks.tables.view().row(block);
                     for (std::int64_t j = begin; j < end; ++j) {
                       const float error = w[j] - to_float(table[indices[j]]);
                       scores[r * cols + j] = (weighted ? input.sensitivity.row(r)[j] * unit : 1.0f) * error * error;
                     }
                   });
                 }
               });
}

// Alternates from `mask` on; the best clustering met, the first included.
Result<KeptWeights> alternate(const MatrixInput& input, std::int64_t count, const MethodOptions& options, float unit,
                              std::vector<std::uint8_t> mask, RunContext& context) {
  const CodebookGrid grid = grid_of(input, options);
  Codebooks codebooks(grid, options.bits);
  SQUEEZE_TRY(cluster_blocks(input, mask, options, {}, codebooks, context));
  KeptWeights best{mask, codebooks};
  bool best_has_count = std::ranges::count(mask, 1) == count;
  std::vector<float> scores(mask.size());
  std::vector<std::uint8_t> next(mask.size()), changed(static_cast<std::size_t>(grid.count()));
  for (int round = 0; round < kMaxRounds; ++round) {
    score(input, options.weighting == Weighting::kFisher, codebooks, unit, scores);
    mark_largest(scores, count, next);
    if (next == mask) break;
    std::ranges::fill(changed, std::uint8_t{0});
    for (std::int64_t r = 0; r < grid.rows; ++r)
      grid.for_each_piece(r, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
        const std::int64_t at = r * grid.cols;
        changed[block] |= !std::equal(next.begin() + at + begin, next.begin() + at + end, mask.begin() + at + begin);
      });
    mask.swap(next);
    SQUEEZE_TRY(cluster_blocks(input, mask, options, changed, codebooks, context));
    const double now = total_objective(codebooks), before = total_objective(best.codebooks);
    if (!best_has_count || now < before) best = {mask, codebooks};
    if (best_has_count && now >= before * (1 - kSettled)) break;
    best_has_count = true;
  }
  return best;
}

}  // namespace

Result<KeptWeights> choose_by_loss(const MatrixInput& input, std::int64_t count, const MethodOptions& options,
                                   RunContext& context) {
  float unit = 1;
  if (options.weighting == Weighting::kFisher) {
    const float largest = std::ranges::max(input.sensitivity.flat());
    if (largest > 0) unit = 1 / std::max(largest, 1e-37f);
  }
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(input.weights.size()));
  SQUEEZE_ASSIGN(KeptWeights from_nothing, alternate(input, count, options, unit, mask, context));
  mark_paper_count(input, options.sparsity, count, mask);
  SQUEEZE_ASSIGN(KeptWeights from_paper, alternate(input, count, options, unit, mask, context));
  return total_objective(from_paper.codebooks) <= total_objective(from_nothing.codebooks) ? std::move(from_paper)
                                                                                          : std::move(from_nothing);
}

}  // namespace squeeze
