#pragma once
// Clustering of a matrix's blocks on a GPU, batch after batch.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/progress.hpp"
#include "device/device.hpp"
#include "methods/matrix_engine.hpp"
#include "ops/block_rows/block_rows_cuda.hpp"

namespace squeeze {

// An array in the host's memory or in the device's: one of the two, or neither where there is none.
template <typename T>
struct Place {
  T* host = nullptr;
  T* there = nullptr;
  bool given() const { return host != nullptr || there != nullptr; }
};

// Where the codebooks of one width are to go; shapes as RowCodebooks'.
struct BlockWidth {
  std::int64_t entries = 0;
  Place<Half> tables;
  Place<std::uint8_t> indices;
  Place<double> objective;

  static BlockWidth on_host(const RowCodebooks& codebooks) {
    return {.entries = codebooks.tables.cols,
            .tables = {.host = codebooks.tables.data},
            .indices = {.host = codebooks.indices.data},
            .objective = {.host = codebooks.objective.data()}};
  }
};

// A matrix [N, K] cut into blocks, each clustered as DeviceKmeans1d clusters a row.
struct BlockWork {
  BlockCut cut;
  bool exact = true;
  Place<const float> weights = {}, sensitivity = {};  // no sensitivity: equal weights
  Place<const std::uint8_t> kept = {};                // 1 = has no say
  std::vector<BlockWidth> widths = {};
};

// One of the two batches under way.
class BlockLane {
 public:
  explicit BlockLane(Stream stream);
  BlockLane(BlockLane&&) noexcept;
  ~BlockLane();

  // Hands the blocks in. The batch before must have been collected.
  Result<void> begin(const BlockWork& work, std::span<const std::int64_t> blocks);
  // Waits for the blocks handed in, if there are any, and puts in place what is to go to the host.
  Result<void> collect(const BlockWork& work);
  // Waits without results.
  void abandon();

  const DeviceProperties& device() const;
  std::int64_t size_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class BlockLanes {
 public:
  static Result<BlockLanes> make(int device, std::int64_t batch_weights);
  // Of the device's memory, about: that such work takes, and that is held from work before.
  std::int64_t bytes_for(const BlockWork& work) const;
  std::int64_t size_bytes() const;
  // The blocks of these numbers; other results stay as they are. What is on the device must have been made. Waits for
  // the results. Fails when cancelled.
  Result<void> run(const BlockWork& work, std::span<const std::int64_t> blocks, RunContext& context);

 private:
  std::int64_t blocks_at_once(const BlockWork& work) const;
  Result<void> run_batches(const BlockWork& work, std::span<const std::int64_t> blocks, RunContext& context);

  std::vector<BlockLane> lanes_;
  std::int64_t batch_weights_ = 1;
};

}  // namespace squeeze
