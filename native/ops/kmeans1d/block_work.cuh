#pragma once
// What the parts of clustering a row on a GPU share: the block that does it, and sums in a fixed order.

#include "device/kernel.hpp"

namespace squeeze::kmeans1d_device {

constexpr int kThreads = 256;  // of the block that takes a row
constexpr int kWarps = kThreads / 32;
constexpr int kPadding = 8;  // as SortedRow::kPadding

__device__ __forceinline__ int thread_index() { return static_cast<int>(threadIdx.x); }
__device__ __forceinline__ double infinity() { return __longlong_as_double(0x7ff0000000000000ll); }
__device__ __forceinline__ double squared_over(double moment, double weight) {
  return __ddiv_rn(__dmul_rn(moment, moment), weight);
}

// Sum of the values of the threads before this one; `total` is that of all. room: kWarps values of shared memory.
__device__ __forceinline__ unsigned sum_before(unsigned value, unsigned* room, unsigned& total) {
  const int lane = thread_index() % 32, warp = thread_index() / 32;
  unsigned sum = value;
#pragma unroll
  for (int step = 1; step < 32; step *= 2) {
    const unsigned other = __shfl_up_sync(kWholeWarp, sum, step);
    if (lane >= step) sum += other;
  }
  __syncthreads();
  if (lane == 31) room[warp] = sum;
  __syncthreads();
  unsigned before = 0;
  total = 0;
#pragma unroll
  for (int w = 0; w < kWarps; ++w) {
    if (w == warp) before = total;
    total += room[w];
  }
  return before + sum - value;
}

// Running sums of up to three series at once, each by one thread from the first term to the last: rounding depends on
// the order. The other threads make the terms and take the sums, a tile at a time.
struct RunningSums {
  static constexpr int kMost = 3;
  double terms[kMost][kThreads + 1];  // one apart, so that the summing threads use different banks
  double totals[kMost];
};

// make(i, s): term i of series s. take(i, sums): sums[s] = the sum of series s up to term i, included. Totals, in all
// threads, are in room.totals at the end.
template <int kSeries, typename Make, typename Take>
__device__ void sum_in_order(RunningSums& room, int count, const Make& make, const Take& take) {
  static_assert(kSeries <= RunningSums::kMost);
  const int thread = thread_index();
  double sum = 0;
  for (int base = 0; base < count; base += kThreads) {
    const int i = base + thread;
    const int size = min(kThreads, count - base);
    if (i < count) {
#pragma unroll
      for (int s = 0; s < kSeries; ++s) room.terms[s][thread] = make(i, s);
    }
    __syncthreads();
    if (thread < kSeries) {
      double* terms = room.terms[thread];
#pragma unroll 8
      for (int e = 0; e < size; ++e) {
        sum = __dadd_rn(sum, terms[e]);
        terms[e] = sum;
      }
    }
    __syncthreads();
    if (i < count) {
      double sums[kSeries];
#pragma unroll
      for (int s = 0; s < kSeries; ++s) sums[s] = room.terms[s][thread];
      take(i, sums);
    }
    // A thread next writes the terms that it alone has just read.
  }
  if (thread < kSeries) room.totals[thread] = sum;
  __syncthreads();
}

}  // namespace squeeze::kmeans1d_device
