#pragma once
// Weighted k-means of all rows of a matrix on a GPU: what SortedRow, Kmeans1d, round_codebook and nearest_indices do
// one row after the other, with the same bits. Every sum is made in the processor's order, and no product is fused into
// a sum; what is left to run side by side are rows, places of a search, and digits of a sort.

#include <cstdint>
#include <span>

#include "base/half.hpp"
#include "device/device.hpp"

namespace squeeze {

// Results for one number of clusters k = tables.cols, 1 to 256, on the device.
struct DeviceCodebooks {
  DeviceView<Half> tables;           // [N, k], ascending in each row, the last repeated where there are fewer
  DeviceView<std::uint8_t> indices;  // [N, K], the nearest entry
  double* objective = nullptr;       // [N], Σ F (w − entry)² over the weights that are not kept
};

class DeviceKmeans1d {
 public:
  // weights [N, K], finite; sensitivity [N, K], finite and ≥ 0, or null for equal weights; kept [N, K], 1 = has no say
  // in the clustering and does not count in the objective, or null for none. A row whose F is all zero is clustered
  // with equal weights, and so is one whose weights are all kept. With `exact` one dynamic program serves all codebooks
  // (up to seven). Each row by itself: the rows may come in any batches. Takes work_bytes() of the device's memory.
  void cluster(Stream& stream, DeviceView<const float> weights, const float* sensitivity, const std::uint8_t* kept,
               bool exact, std::span<const DeviceCodebooks> widths);

  std::int64_t size_bytes() const { return work_.size_bytes(); }
  // 1 GB at most, or what a single row needs where that is more.
  static std::int64_t work_bytes(const DeviceProperties& device, std::int64_t rows, std::int64_t cols,
                                 std::int64_t most_entries, bool exact);

 private:
  DeviceArray<std::uint64_t> work_;
};

}  // namespace squeeze
