#include "methods/squeezellm/outliers.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>

#include "base/threads.hpp"
#include "ops/selection/selection.hpp"

namespace squeeze {

namespace {

std::int64_t share_of(std::int64_t total, double share) {
  return static_cast<std::int64_t>(std::llround(share * static_cast<double>(total)));
}

std::int64_t sensitive_count(const MatrixInput& input, double sparsity) {
  return input.sensitivity.data ? share_of(input.weights.size(), std::min(sparsity, kSensitiveShare)) : 0;
}

}  // namespace

Fence fence_of(std::span<const float> weights) {
  if (weights.empty()) return {};
  const auto last = static_cast<std::int64_t>(weights.size()) - 1;
  const double q1 = static_cast<double>(value_of_rank(weights, last / 4));
  const double q3 = static_cast<double>(value_of_rank(weights, last - last / 4));
  Fence fence{.base = std::max(-q1, q3), .width = q3 - q1};
  if (fence.width == 0) {
    double sum = 0, squares = 0;
    for (const float w : weights)
      sum += static_cast<double>(w), squares += static_cast<double>(w) * static_cast<double>(w);
    const double count = static_cast<double>(weights.size());
    fence.width = 1.349 * std::sqrt(std::max(0.0, squares / count - sum / count * (sum / count)));
  }
  return fence;
}

void mark_sensitive(const MatrixInput& input, double share, std::span<std::uint8_t> mask) {
  const std::int64_t count = sensitive_count(input, share);
  if (count == 0) {
    std::ranges::fill(mask, std::uint8_t{0});
    return;
  }
  mark_largest(input.sensitivity.flat(), count, mask);
}

Result<double> find_range(const ForEachMatrix& for_each, double sparsity, RunContext& context) {
  std::vector<std::int64_t> counts(kRangeBins);
  std::int64_t total = 0, sensitive = 0;
  std::vector<std::uint8_t> mask;
  SQUEEZE_TRY(for_each([&](const MatrixInput& input) -> Result<void> {
    const auto weights = input.weights.flat();
    mask.resize(weights.size());
    mark_sensitive(input, sparsity, mask);
    total += input.weights.size();
    sensitive += sensitive_count(input, sparsity);
    SQUEEZE_TRY(context.check_cancelled());
    const Fence fence = fence_of(weights);
    SQUEEZE_TRY(context.check_cancelled());
    parallel_for(input.weights.size(), 1 << 18, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const double range = fence.range_of(weights[i]);
        if (range >= 0 && !mask[i]) std::atomic_ref(counts[range_bin(range)]).fetch_add(1, std::memory_order_relaxed);
      }
    });
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

void mark_paper(const MatrixInput& input, double sparsity, double range, std::span<std::uint8_t> mask) {
  mark_sensitive(input, sparsity, mask);
  if (std::isinf(range)) return;
  const auto weights = input.weights.flat();
  const Fence fence = fence_of(weights);
  parallel_for(static_cast<std::int64_t>(weights.size()), 1 << 18, [&](std::int64_t first, std::int64_t last) {
    // Through the bins, as it was counted: an entry on the edge must not fall to the other side.
    for (std::int64_t i = first; i < last; ++i) {
      const double own = fence.range_of(weights[i]);
      if (own >= 0 && range_bin(own) >= range_bin(range)) mask[i] = 1;
    }
  });
}

void mark_paper_count(const MatrixInput& input, double sparsity, std::int64_t count, std::span<std::uint8_t> mask) {
  mark_sensitive(input, sparsity, mask);
  const auto weights = input.weights.flat();
  std::vector<float> scores(weights.size());
  for (std::size_t i = 0; i < weights.size(); ++i)
    scores[i] = mask[i] ? std::numeric_limits<float>::max() : std::abs(weights[i]);
  mark_largest(scores, count, mask);
}

}  // namespace squeeze
