#include "methods/squeezellm/loss_aware.hpp"

#include <algorithm>

#include "methods/squeezellm/outliers.hpp"

namespace squeeze {

namespace {

constexpr int kMaxRounds = 12;
constexpr double kSettled = 1e-4;  // a round that gains less than this fraction is the last

// Alternates from the marks on, and sets the best clustering met aside, the first included; gives its objective.
// `full`: `count` weights are marked already.
Result<double> alternate(WeightChoice& choice, std::int64_t count, const MethodOptions& options, float unit, bool full,
                         RunContext& context) {
  SQUEEZE_ASSIGN(double best, choice.begin_rounds(options, context));
  SQUEEZE_TRY(choice.set_aside());
  bool best_has_count = full;
  for (int round = 0; round < kMaxRounds; ++round) {
    SQUEEZE_TRY(context.check_cancelled());
    SQUEEZE_ASSIGN(const bool moved, choice.mark_costliest(count, unit));
    if (!moved) break;
    SQUEEZE_ASSIGN(const double now, choice.follow_marks(context));
    const double before = best;
    if (!best_has_count || now < before) {
      SQUEEZE_TRY(choice.set_aside());
      best = now;
    }
    if (best_has_count && now >= before * (1 - kSettled)) break;
    best_has_count = true;
  }
  return best;
}

}  // namespace

Result<KeptWeights> choose_by_loss(WeightChoice& choice, std::int64_t count, const MethodOptions& options,
                                   RunContext& context) {
  const MatrixInput& input = choice.input();
  float unit = 1;  // 1 / the largest F, so that fp32 holds the scores
  if (options.weighting == Weighting::kFisher) {
    SQUEEZE_ASSIGN(const float largest, choice.largest_sensitivity());
    if (largest > 0) unit = 1 / std::max(largest, 1e-37f);
  }
  KeptWeights kept{std::vector<std::uint8_t>(static_cast<std::size_t>(input.weights.size())),
                   Codebooks(grid_of(input, options), options.bits)};
  SQUEEZE_TRY(choice.mark_sensitive(0));
  SQUEEZE_ASSIGN(const double from_nothing, alternate(choice, count, options, unit, false, context));
  SQUEEZE_TRY(choice.read_set_aside(kept.mask, kept.codebooks.views()));
  SQUEEZE_TRY(mark_paper_count(choice, options.sparsity, count));
  SQUEEZE_ASSIGN(const double from_paper, alternate(choice, count, options, unit, true, context));
  if (from_paper <= from_nothing) SQUEEZE_TRY(choice.read_set_aside(kept.mask, kept.codebooks.views()));
  return kept;
}

}  // namespace squeeze
