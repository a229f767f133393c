#include "methods/squeezellm/outliers.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace squeeze {

namespace {

std::int64_t share_of(std::int64_t total, double share) {
  return static_cast<std::int64_t>(std::llround(share * static_cast<double>(total)));
}

std::int64_t sensitive_count(const MatrixInput& input, double sparsity) {
  return input.sensitivity.data ? share_of(input.weights.size(), std::min(sparsity, kSensitiveShare)) : 0;
}

}  // namespace

Result<Fence> fence_of(WeightChoice& choice) {
  const std::int64_t size = choice.input().weights.size();
  if (size == 0) return Fence{};
  SQUEEZE_ASSIGN(const auto quartiles, choice.weights_of_ranks({(size - 1) / 4, size - 1 - (size - 1) / 4}));
  const auto q1 = static_cast<double>(quartiles[0]), q3 = static_cast<double>(quartiles[1]);
  Fence fence{.base = std::max(-q1, q3), .width = q3 - q1};
  if (fence.width == 0) {
    SQUEEZE_ASSIGN(const WeightSums sums, choice.sums());
    const double count = static_cast<double>(size), mean = sums.values / count;
    fence.width = 1.349 * std::sqrt(std::max(0.0, sums.squares / count - mean * mean));
  }
  return fence;
}

Result<void> mark_sensitive(WeightChoice& choice, double share) {
  return choice.mark_sensitive(sensitive_count(choice.input(), share));
}

Result<double> find_range(const ForEachMatrix& for_each, double sparsity, RunContext& context) {
  std::vector<std::int64_t> counts(kRangeBins);
  std::int64_t total = 0, sensitive = 0;
  SQUEEZE_TRY(for_each([&](const MatrixInput& input) -> Result<void> {
    SQUEEZE_ASSIGN(const std::unique_ptr<WeightChoice> choice, choose_from(input));
    SQUEEZE_TRY(mark_sensitive(*choice, sparsity));
    total += input.weights.size();
    sensitive += sensitive_count(input, sparsity);
    SQUEEZE_TRY(context.check_cancelled());
    SQUEEZE_ASSIGN(const Fence fence, fence_of(*choice));
    SQUEEZE_TRY(context.check_cancelled());
    SQUEEZE_TRY(choice->count_ranges(fence, counts));
    return context.check_cancelled();
  }));
  const std::int64_t wanted = share_of(total, sparsity) - sensitive;
  if (wanted <= 0) return std::numeric_limits<double>::infinity();

  // beyond(bin) = weights at or past the bin's lower edge: falls with the bin, so bisect, then take the nearer side.
  for (std::size_t bin = kRangeBins - 1; bin-- > 0;) counts[bin] += counts[bin + 1];
  const auto after = std::ranges::partition_point(counts, [&](std::int64_t beyond) { return beyond >= wanted; });
  auto best = static_cast<std::size_t>(after - counts.begin());
  if (best > 0 && counts[best - 1] - wanted <= wanted - counts[std::min(best, kRangeBins - 1)]) --best;
  return best < kRangeBins ? bin_range(best) : std::numeric_limits<double>::infinity();
}

Result<void> mark_paper(WeightChoice& choice, double sparsity, double range) {
  SQUEEZE_TRY(mark_sensitive(choice, sparsity));
  if (std::isinf(range)) return {};
  SQUEEZE_ASSIGN(const Fence fence, fence_of(choice));
  // By the bin, as it was counted: an entry on the edge must not fall to the other side.
  return choice.mark_from_bin(fence, range_bin(range));
}

Result<void> mark_paper_count(WeightChoice& choice, double sparsity, std::int64_t count) {
  SQUEEZE_TRY(mark_sensitive(choice, sparsity));
  return choice.mark_largest(count);
}

}  // namespace squeeze
