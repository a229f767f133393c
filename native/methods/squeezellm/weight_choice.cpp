#include "methods/squeezellm/weight_choice.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/threads.hpp"
#include "methods/squeezellm/codebooks.hpp"
#include "ops/selection/selection.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kChunk = 1 << 18;

// scores = F (w − ŵ)² of every weight, kept or not.
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

class HostChoice final : public WeightChoice {
 public:
  explicit HostChoice(const MatrixInput& from)
      : WeightChoice(from), marks_(static_cast<std::size_t>(from.weights.size())) {}

  Result<std::array<float, 2>> weights_of_ranks(std::array<std::int64_t, 2> ranks) override {
    return std::array{value_of_rank(weights(), ranks[0]), value_of_rank(weights(), ranks[1])};
  }

  Result<WeightSums> sums() override {
    WeightSums sums;
    for (const float w : weights()) {
      sums.values += static_cast<double>(w);
      sums.squares += static_cast<double>(w) * static_cast<double>(w);
    }
    return sums;
  }

  Result<float> largest_sensitivity() override {
    const auto sensitivity = input().sensitivity.flat();
    return sensitivity.data() == nullptr || sensitivity.empty() ? 0.0f : std::ranges::max(sensitivity);
  }

  Result<void> count_ranges(const Fence& fence, std::span<std::int64_t> counts) override {
    parallel_for(input().weights.size(), kChunk, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const double range = fence.range_of(weights()[i]);
        if (range >= 0 && !marks_[i]) std::atomic_ref(counts[range_bin(range)]).fetch_add(1, std::memory_order_relaxed);
      }
    });
    return {};
  }

  Result<void> mark_sensitive(std::int64_t count) override {
    if (count == 0)
      std::ranges::fill(marks_, std::uint8_t{0});
    else
      squeeze::mark_largest(input().sensitivity.flat(), count, marks_);
    return {};
  }

  Result<void> mark_from_bin(const Fence& fence, std::size_t bin) override {
    parallel_for(input().weights.size(), kChunk, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const double range = fence.range_of(weights()[i]);
        if (range >= 0 && range_bin(range) >= bin) marks_[i] = 1;
      }
    });
    return {};
  }

  Result<void> mark_largest(std::int64_t count) override {
    scores_.resize(marks_.size());
    for (std::size_t i = 0; i < scores_.size(); ++i)
      scores_[i] = marks_[i] ? std::numeric_limits<float>::max() : std::abs(weights()[i]);
    squeeze::mark_largest(scores_, count, marks_);
    return {};
  }

  Result<void> read_marks(std::span<std::uint8_t> marks) override {
    std::ranges::copy(marks_, marks.begin());
    return {};
  }

  Result<void> cluster(const MethodOptions& options, std::span<const RowCodebooks> widths,
                       RunContext& context) override {
    return cluster_blocks(input(), marks_, options, {}, widths, context);
  }

  Result<double> begin_rounds(const MethodOptions& options, RunContext& context) override {
    options_ = options;
    now_.emplace(grid_of(input(), options), options.bits);
    SQUEEZE_TRY(cluster_blocks(input(), marks_, options, {}, *now_, context));
    return total_objective(*now_);
  }

  Result<bool> mark_costliest(std::int64_t count, float unit) override {
    assert(now_);
    const CodebookGrid& grid = now_->grid;
    scores_.resize(marks_.size());
    next_.resize(marks_.size());
    score(input(), options_.weighting == Weighting::kFisher, *now_, unit, scores_);
    squeeze::mark_largest(scores_, count, next_);
    changed_.assign(static_cast<std::size_t>(grid.count()), 0);
    for (std::int64_t r = 0; r < grid.rows; ++r)
      grid.for_each_piece(r, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
        const std::int64_t at = r * grid.cols;
        changed_[block] |=
            !std::equal(next_.begin() + at + begin, next_.begin() + at + end, marks_.begin() + at + begin);
      });
    marks_.swap(next_);
    return std::ranges::find(changed_, 1) != changed_.end();
  }

  Result<double> follow_marks(RunContext& context) override {
    SQUEEZE_TRY(cluster_blocks(input(), marks_, options_, changed_, *now_, context));
    return total_objective(*now_);
  }

  Result<void> set_aside() override {
    aside_marks_ = marks_;
    aside_ = now_;
    return {};
  }

  Result<void> read_set_aside(std::span<std::uint8_t> marks, const RowCodebooks& to) override {
    std::ranges::copy(aside_marks_, marks.begin());
    std::ranges::copy(aside_->tables.values, to.tables.data);
    std::ranges::copy(aside_->indices.values, to.indices.data);
    std::ranges::copy(aside_->objective, to.objective.begin());
    return {};
  }

 private:
  std::span<const float> weights() const { return input().weights.flat(); }

  std::vector<std::uint8_t> marks_, next_, aside_marks_;
  std::vector<float> scores_;
  std::vector<std::uint8_t> changed_;  // one a block
  MethodOptions options_;
  std::optional<Codebooks> now_, aside_;
};

}  // namespace

Result<std::unique_ptr<WeightChoice>> choose_from(const MatrixInput& input) {
  if (input.engine) return input.engine->choose(input);
  return std::unique_ptr<WeightChoice>(std::make_unique<HostChoice>(input));
}

}  // namespace squeeze
