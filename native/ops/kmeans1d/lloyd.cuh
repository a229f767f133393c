#pragma once
// Kmeans1d::solve_lloyd by one block, step by step the same.

#include "ops/kmeans1d/exact_layer.cuh"

namespace squeeze::kmeans1d_device {

constexpr int kMostBins = 1024;
constexpr int kBinRoom = kMostBins + 1 + 1 + kPadding + 6;  // rounding can make one more; a multiple of 8
constexpr int kMaxLloydSteps = 1000;

// A row that is sorted.
struct Sorted {
  const double* values;
  const double* weight;
  const double* moment;
  double mean;
  int count;

  __device__ double centroid(int begin, int end) const {
    return __dadd_rn(mean, __ddiv_rn(__dsub_rn(moment[end], moment[begin]), __dsub_rn(weight[end], weight[begin])));
  }
};

// Room for the row in bins: four arrays of kBinRoom, and the last value of each bin.
struct Bins {
  double* weight;
  double* moment;
  double* gain;
  double* next;
  int* end;
};

// Sums the row into bins of neighbouring values; returns how many there are.
__device__ inline int fill_bins(const Sorted& row, int clusters, const Bins& bins, unsigned* room) {
  const int wanted = min(max(12 * clusters, 96), kMostBins);
  const double share = __ddiv_rn(static_cast<double>(wanted), 3.0);
  const double per_count = __ddiv_rn(share, static_cast<double>(row.count));
  const double per_value = __ddiv_rn(share, __dsub_rn(row.values[row.count - 1], row.values[0]));
  const double per_weight = __ddiv_rn(share, row.weight[row.count]);
  const auto bin_of = [&](int i) {
    if (i == 0) return 0.0;
    return floor(__dadd_rn(__dadd_rn(__dmul_rn(static_cast<double>(i), per_count),
                                     __dmul_rn(__dsub_rn(row.values[i], row.values[0]), per_value)),
                           __dmul_rn(row.weight[i], per_weight)));
  };
  unsigned filled = 0;
  for (int base = 1; base <= row.count; base += kThreads) {
    const int i = base + thread_index();
    const bool ends = i == row.count || (i < row.count && bin_of(i) != bin_of(i - 1));
    unsigned here;
    const unsigned place = filled + sum_before(ends ? 1u : 0u, room, here) + 1;
    filled += here;
    if (!ends) continue;
    bins.weight[place] = row.weight[i];
    bins.moment[place] = row.moment[i];
    bins.end[place] = i;
  }
  if (thread_index() == 0) {
    bins.weight[0] = bins.moment[0] = 0;
    bins.end[0] = 0;
  }
  if (thread_index() < kPadding) {
    bins.weight[filled + 1 + static_cast<unsigned>(thread_index())] = infinity();
    bins.moment[filled + 1 + static_cast<unsigned>(thread_index())] = 0;
  }
  __syncthreads();
  return static_cast<int>(filled);
}

// How many of the ascending values are at most `middle`.
__device__ __forceinline__ int count_up_to(const double* values, int count, double middle) {
  int low = 0, high = count;
  while (low < high) {
    const int at = (low + high) / 2;
    if (values[at] <= middle)
      low = at + 1;
    else
      high = at;
  }
  return low;
}

// centroids and borders: shared memory for 256 and 257; `found`: for 256. splits: [min(k, kBinRoom) − 1][kBinRoom].
// Returns the number of clusters. Fewer distinct values than k are handled by the caller.
__device__ inline int solve_lloyd(const Sorted& row, int clusters, const Bins& bins, int* splits, double* centroids,
                                  int* borders, int* found, unsigned* room) {
  const int thread = thread_index();
  const int binned = fill_bins(row, clusters, bins, room);
  const int begun = min(clusters, binned);
  solve_layers(bins.weight, bins.moment, binned, begun, bins.gain, bins.next, splits, kBinRoom);
  if (thread == 0) {
    walk_back(splits, kBinRoom, binned, begun, borders);
    for (int c = 1; c <= begun; ++c) borders[c] = bins.end[borders[c]];
  }
  __syncthreads();
  for (int step = 0; step < kMaxLloydSteps; ++step) {
    if (thread < begun) centroids[thread] = row.centroid(borders[thread], borders[thread + 1]);
    __syncthreads();
    if (thread > 0 && thread < begun)
      found[thread] =
          count_up_to(row.values, row.count, __dmul_rn(0.5, __dadd_rn(centroids[thread - 1], centroids[thread])));
    __syncthreads();
    // A border that would leave a cluster empty stays beside its neighbour, as where the processor's walk ends.
    int moved = 0;
    if (thread == 0) {
      for (int c = 1; c < begun; ++c) {
        const int least = borders[c - 1] + 1, most = row.count - (begun - c);
        const int from = max(borders[c], least);
        const int border = from >= found[c] ? max(found[c], least) : max(from, min(found[c], most));
        moved |= border != borders[c];
        borders[c] = border;
      }
    }
    if (!__syncthreads_or(moved)) break;
  }
  return begun;
}

}  // namespace squeeze::kmeans1d_device
