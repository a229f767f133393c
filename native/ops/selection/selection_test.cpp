#include "ops/selection/selection.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "device/test_device.hpp"
#include "ops/selection/selection_cuda.hpp"

using namespace squeeze;

TEST_CASE("selection: ranks and largest entries as by sorting, ties to the first") {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (const bool tied : {false, true}) {
    std::vector<float> values(700'000);
    for (float& value : values) value = tied ? std::round(2 * normal(random)) : normal(random);
    auto sorted = values;
    std::ranges::sort(sorted);
    for (const std::int64_t rank : {0, 1, 174'999, 350'000, 699'999})
      CHECK(value_of_rank(values, rank) == sorted[rank]);
    for (const std::int64_t count : {0, 1, 3, 315'000, 699'999, 700'000}) {
      std::vector<std::uint8_t> mask(values.size(), 7);
      mark_largest(values, count, mask);
      CHECK(std::accumulate(mask.begin(), mask.end(), std::int64_t{0}) == count);
      if (count == 0 || count == 700'000) continue;
      const float least = sorted[sorted.size() - count];
      bool tie_left_out = false, sound = true;
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (values[i] > least) sound &= mask[i] == 1;
        if (values[i] < least) sound &= mask[i] == 0;
        if (values[i] == least && !mask[i]) tie_left_out = true;
        if (values[i] == least && mask[i]) sound &= !tie_left_out;
      }
      CHECK(sound);
    }
  }
}

namespace {

// A matrix with codebooks of blocks of 2 x 5, and every way of comparing its weights, in pieces of some rows.
struct Compared {
  static constexpr std::int64_t kRows = 37, kCols = 251, kEntries = 4, kBlockRows = 2, kBlockCols = 5;
  static constexpr std::int64_t kBlocks =
      (kRows + kBlockRows - 1) / kBlockRows * ((kCols + kBlockCols - 1) / kBlockCols);
  static constexpr float kUnit = 0.3f;

  Matrix<float> weights{kRows, kCols}, sensitivity{kRows, kCols};
  std::vector<std::uint8_t> marked, indices;
  Matrix<Half> tables{kBlocks, kEntries};

  Compared() : marked(kRows * kCols), indices(kRows * kCols) {
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (float& w : weights.values) w = std::round(4 * normal(random));  // −0 among them
    for (float& f : sensitivity.values) f = std::exp(normal(random));
    for (std::uint8_t& m : marked) m = random() % 50 == 0;
    for (std::uint8_t& i : indices) i = random() % kEntries;
    for (Half& entry : tables.values) entry = to_half(normal(random));
  }

  std::vector<float> scores(WeightOrder by) const {
    if (by == WeightOrder::kValue) return weights.values;
    if (by == WeightOrder::kSensitivity) return sensitivity.values;
    std::vector<float> out(marked.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::int64_t row = static_cast<std::int64_t>(i) / kCols, col = static_cast<std::int64_t>(i) % kCols;
      const std::int64_t block = row / kBlockRows * ((kCols + kBlockCols - 1) / kBlockCols) + col / kBlockCols;
      const float w = weights.values[i], error = w - to_float(tables.view().row(block)[indices[i]]);
      out[i] = by == WeightOrder::kLoss ? sensitivity.values[i] * kUnit * error * error
               : marked[i]              ? std::numeric_limits<float>::max()
                                        : std::abs(w);
    }
    return out;
  }
};

}  // namespace

// Tier A.
TEST_CASE("device: ranks and largest entries are the processor's, by every order and in pieces of any size") {
  TestDevice device;
  if (!device) return;
  const Compared data;
  const auto weights = device.of(data.weights), sensitivity = device.of(data.sensitivity);
  const auto marked = device.of(data.marked), indices = device.of(data.indices);
  const auto tables = device.of(data.tables);
  const std::int64_t total = weights.size();
  const auto marks = device.empty<std::uint8_t>(1, total);
  DeviceSelection selection;
  for (const std::int64_t rows_each : {std::int64_t{1} << 20, std::int64_t{36}, std::int64_t{10}}) {
    const ForEachPiece each = [&](const std::function<void(const WeightPiece&)>& use) {
      for (std::int64_t first = 0; first < weights.rows; first += rows_each) {
        const std::int64_t rows = std::min(rows_each, weights.rows - first);
        use({weights.rows_from(first, rows).data, sensitivity.rows_from(first, rows).data, first, rows, weights.cols});
      }
    };
    for (const auto by : {WeightOrder::kValue, WeightOrder::kSensitivity, WeightOrder::kSize, WeightOrder::kLoss}) {
      CAPTURE(static_cast<int>(by));
      const WeightScores scores{.by = by,
                                .marked = marked.data,
                                .tables = tables.data,
                                .indices = indices.data,
                                .entries = Compared::kEntries,
                                .block_rows = Compared::kBlockRows,
                                .block_cols = Compared::kBlockCols,
                                .weighted = true,
                                .unit = Compared::kUnit};
      const std::vector<float> same = data.scores(by);
      for (const std::int64_t rank : {std::int64_t{0}, total / 4, total - 1}) {
        const auto found = selection.values_of_ranks(device.stream(), each, scores, {rank, total - 1 - rank});
        REQUIRE(found.ok());
        CHECK(found.value()[0] == value_of_rank(same, rank));
        CHECK(found.value()[1] == value_of_rank(same, total - 1 - rank));
      }
      for (const std::int64_t count : {std::int64_t{0}, std::int64_t{1}, total / 200, total / 2, total}) {
        REQUIRE(selection.mark_largest(device.stream(), each, scores, total, count, marks.data).ok());
        std::vector<std::uint8_t> wanted(static_cast<std::size_t>(total));
        mark_largest(same, count, wanted);
        CHECK(device.back(marks).values == wanted);
      }
    }
  }
}
