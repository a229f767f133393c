#pragma once
// Order statistics and the largest entries of a whole matrix on a GPU, as selection.hpp has them, with the same bits:
// radix selection by histograms of the numbers' ordered bits, 11 at a time, counted in whole numbers. What is compared
// is made anew from the weights in every pass, so that no scores need room. A matrix comes in pieces, all at once or
// one after the other through the same memory.

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/half.hpp"
#include "device/device.hpp"
#include "ops/selection/fence.hpp"

namespace squeeze {

// Whole rows of a matrix [N, K] on the device; fewer than 2^31 weights.
struct WeightPiece {
  const float* weights = nullptr;      // [rows, cols], finite; null where nothing asks for them
  const float* sensitivity = nullptr;  // the same
  std::int64_t first_row = 0, rows = 0, cols = 0;

  std::int64_t first() const { return first_row * cols; }
  std::int64_t size() const { return rows * cols; }
};

// Calls use(piece) for every piece of a matrix, in order. A piece's memory may hold the next one when `use` has
// returned, in the order of the stream.
using ForEachPiece = std::function<void(const std::function<void(const WeightPiece&)>& use)>;

enum class WeightOrder {
  kValue,
  kSensitivity,
  kSize,  // |w|, behind what is marked
  kLoss,  // F (w − c)² for the centroid c of the weight's codebook
};

// What weights are compared by. Pointers are to the device, over the whole matrix.
struct WeightScores {
  WeightOrder by = WeightOrder::kValue;
  const std::uint8_t* marked = nullptr;  // kSize: [N·K], these come first
  // kLoss: codebooks of `entries` of blocks of block_rows × block_cols, numbered row after row, and in units of 1/unit.
  const Half* tables = nullptr;
  const std::uint8_t* indices = nullptr;  // [N·K]
  std::int64_t entries = 0, block_rows = 1, block_cols = 1;
  bool weighted = false;  // else F = 1
  float unit = 1;
};

// Keeps its memory (8 MB, and four bytes for every 8192 weights) for the next matrix.
class DeviceSelection {
 public:
  // The scores that ranks[i] others are below or equal to, 0 ≤ rank < the number of weights, as if sorted ascending;
  // −0 counts as 0. kValue and kSensitivity: they are the weights' and the sensitivities' own. Waits for the stream.
  Result<std::array<float, 2>> values_of_ranks(Stream& stream, const ForEachPiece& each, const WeightScores& scores,
                                               std::array<std::int64_t, 2> ranks);
  // marks [total] = 1 at exactly `count` weights (at most all), the largest, and of equal ones the first; else 0. Not
  // the memory of scores.marked. May wait for the stream.
  Result<void> mark_largest(Stream& stream, const ForEachPiece& each, const WeightScores& scores, std::int64_t total,
                            std::int64_t count, std::uint8_t* marks);
  // Adds to counts [kRangeBins] the weights that are beyond the quartiles and not marked. Waits for the stream.
  Result<void> count_ranges(Stream& stream, const ForEachPiece& each, const Fence& fence, const std::uint8_t* marked,
                            std::span<std::int64_t> counts);
  // marks = 1 where a weight's range falls to `bin` or beyond; the others stay.
  void mark_from_bin(Stream& stream, const ForEachPiece& each, const Fence& fence, std::size_t bin,
                     std::uint8_t* marks);
  // By one thread for each sum: rounding depends on the order, so this takes long. Waits for the stream.
  Result<WeightSums> sums(Stream& stream, const ForEachPiece& each);
  // changed [blocks] = 1 where two marks [rows, cols] differ somewhere in a block, else 0.
  void compare_blocks(Stream& stream, const std::uint8_t* marks, const std::uint8_t* others, std::int64_t rows,
                      std::int64_t cols, std::int64_t block_rows, std::int64_t block_cols,
                      DeviceView<std::uint8_t> changed);

 private:
  // Two keys at once; for the first also how many scores are equal to it and, in sorted order, before it.
  struct Selected {
    std::array<std::uint32_t, 2> keys = {};
    std::int64_t equal = 0, equal_before = 0;
  };
  Result<Selected> select(Stream& stream, const ForEachPiece& each, const WeightScores& scores,
                          std::array<std::int64_t, 2> ranks);
  // ties[p][c]: weights of chunk c of piece p whose key is `least`; the first `count` of them all are marked.
  Result<void> mark_first_ties(Stream& stream, const ForEachPiece& each, const WeightScores& scores,
                               std::uint32_t least, std::vector<std::vector<unsigned>> ties, std::int64_t count,
                               std::uint8_t* marks);

  DeviceArray<unsigned long long> counts_;
  DeviceArray<unsigned> ties_;
  DeviceArray<double> sums_;
};

}  // namespace squeeze
