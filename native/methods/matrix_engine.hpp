#pragma once
// What is done to a matrix as a whole, wherever it is done: its rows are clustered, and the weights are chosen that are
// kept exactly. Results are the same bits everywhere. Used by one thread at a time.

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "methods/method.hpp"
#include "ops/selection/fence.hpp"

namespace squeeze {

// Room for the codebooks of one width b, for a matrix [N, K] whose rows, or blocks, have one each.
struct RowCodebooks {
  MatrixView<Half> tables;           // [blocks, 2^b]
  MatrixView<std::uint8_t> indices;  // [N, K]
  std::span<double> objective;       // [blocks], Σ F (w − ŵ)² over the weights not kept
};

// One matrix and a mark on each weight that is to be kept exactly; first there are none. Rules mark by what they find
// out here (methods/squeezellm/outliers.hpp, loss_aware.hpp). Blocks are those of the options' share and group.
class WeightChoice {
 public:
  explicit WeightChoice(MatrixInput input) : input_(std::move(input)) {}
  virtual ~WeightChoice() = default;
  // Its views live as long as the choice.
  const MatrixInput& input() const { return input_; }

  // The weights that `ranks` others are below or equal to, 0 ≤ rank < N·K, as if sorted ascending.
  virtual Result<std::array<float, 2>> weights_of_ranks(std::array<std::int64_t, 2> ranks) = 0;
  virtual Result<WeightSums> sums() = 0;
  // 0 where there are no sensitivities.
  virtual Result<float> largest_sensitivity() = 0;
  // Adds to counts [kRangeBins] the weights beyond the quartiles that are not marked, by their range.
  virtual Result<void> count_ranges(const Fence& fence, std::span<std::int64_t> counts) = 0;

  // Marks those with the largest F and no others, exactly `count`, of equal ones the first; of 0, nothing is looked at.
  virtual Result<void> mark_sensitive(std::int64_t count) = 0;
  // Besides, those whose range falls to `bin` or beyond.
  virtual Result<void> mark_from_bin(const Fence& fence, std::size_t bin) = 0;
  // Exactly `count` instead of those marked: first these, then the largest |w|.
  virtual Result<void> mark_largest(std::int64_t count) = 0;
  // marks [N·K]: 1 and 0.
  virtual Result<void> read_marks(std::span<std::uint8_t> marks) = 0;

  // Codebooks around the weights that are not marked, in several widths at once. Fails when cancelled.
  virtual Result<void> cluster(const MethodOptions& options, std::span<const RowCodebooks> widths,
                               RunContext& context) = 0;

  // For rules that go to and fro between marks and codebooks, which stay where they are made. Objectives are those of
  // all blocks together.
  //
  // Codebooks of options.bits around the weights that are not marked. Fails when cancelled.
  virtual Result<double> begin_rounds(const MethodOptions& options, RunContext& context) = 0;
  // Exactly `count` instead of those marked: the largest F (w − c)² for the centroid c of the weight's codebook, of
  // equal ones the first; reckoned in fp32 as F · unit · (w − c)². False: they are those that were.
  virtual Result<bool> mark_costliest(std::int64_t count, float unit) = 0;
  // Makes the codebooks anew of blocks whose marks mark_costliest has changed. Fails when cancelled.
  virtual Result<double> follow_marks(RunContext& context) = 0;
  // Sets the marks and codebooks of now aside, in the place of those before; and reads what was set aside.
  virtual Result<void> set_aside() = 0;
  virtual Result<void> read_set_aside(std::span<std::uint8_t> marks, const RowCodebooks& codebooks) = 0;

 private:
  MatrixInput input_;
};

// Where that is done, when it is not on this processor.
class MatrixEngine {
 public:
  virtual ~MatrixEngine() = default;
  // Fills the rows for which rows_wanted is set (all when it is empty), with the bits that the processor gives. kept
  // [N·K]: 1 = has no say in the clustering. Of the options, solver and weighting count; sensitivity is there where the
  // weighting needs it. All codebooks come from one look at the matrix. Fails when cancelled.
  virtual Result<void> cluster(const MatrixInput& input, std::span<const std::uint8_t> kept,
                               const MethodOptions& options, std::span<const std::uint8_t> rows_wanted,
                               std::span<const RowCodebooks> widths, RunContext& context) = 0;
  // One choice at a time, and none outlives the engine. kOutOfMemory where the matrix finds no room.
  virtual Result<std::unique_ptr<WeightChoice>> choose(const MatrixInput& input) = 0;
};

}  // namespace squeeze
