#pragma once
// The dynamic program of exact_layer.inc by one block, search by search the same: what is left of a level, once its
// neighbours are known, runs side by side.

#include "ops/kmeans1d/block_work.cuh"

namespace squeeze::kmeans1d_device {

constexpr int kBlock = 8;  // prefixes between two found by halving; also by how much a search may overshoot

// See LayerInput. split_before: null stands for zeros.
struct Layer {
  const double* weight;
  const double* moment;
  const double* gain_before;
  const int* split_before;
  int count, clusters;

  __device__ int least_split(int j) const { return split_before != nullptr ? split_before[j] : 0; }
  __device__ int blocks() const { return (count - clusters + kBlock - 1) / kBlock; }
  __device__ int prefix_of(int block) const { return block >= blocks() ? count : clusters + block * kBlock; }
};

// Larger gains win, and of equal ones the smaller place.
struct Best {
  double gain;
  int place;
  __device__ void meet(double other_gain, int other_place) {
    if (other_gain > gain || (other_gain == gain && other_place < place)) {
      gain = other_gain;
      place = other_place;
    }
  }
};

// Best split of prefix j among places first, first + step, ... below `end`; those from j on do not count.
__device__ __forceinline__ Best search(const Layer& in, int j, int low, int first, int step, int end) {
  const double weight_j = in.weight[j], moment_j = in.moment[j];
  Best best{-infinity(), low};
  for (int i = first; i < end; i += step) {
    const double weight = __dsub_rn(weight_j, in.weight[i]), moment = __dsub_rn(moment_j, in.moment[i]);
    const double gain = __dadd_rn(in.gain_before[i], squared_over(moment, weight));
    if (weight > 0 && gain > best.gain) {
      best.gain = gain;
      best.place = i;
    }
  }
  return best;
}

// kGroup threads search for one prefix. All threads of the warp call it; `mine` is false for a group without work.
template <int kGroup>
__device__ __forceinline__ void search_by_group(const Layer& in, bool mine, int j, int low, int high, double* gain,
                                                int* split) {
  const int member = thread_index() % kGroup;
  Best best{-infinity(), low};
  if (mine) best = search(in, j, low, low + member, kGroup, low + (high - low + kBlock) / kBlock * kBlock);
  __syncwarp();
#pragma unroll
  for (int step = kGroup / 2; step > 0; step /= 2) {
    const double other_gain = __shfl_xor_sync(kWholeWarp, best.gain, step);
    const int other_place = __shfl_xor_sync(kWholeWarp, best.place, step);
    best.meet(other_gain, other_place);
  }
  if (mine && member == 0) {
    gain[j] = best.gain;
    split[j] = best.place;
  }
}

// The blocks half-way between those that are `step` apart.
template <int kGroup>
__device__ void halve(const Layer& in, int step, double* gain, int* split) {
  constexpr int kGroups = kThreads / kGroup;
  const int blocks = in.blocks();
  const int wanted = (blocks - step / 2 + step - 1) / step;
  for (int begin = 0; begin < wanted; begin += kGroups) {
    const int which = begin + thread_index() / kGroup;
    const bool mine = which < wanted;
    const int block = step / 2 + (mine ? which : 0) * step;
    const int j = in.prefix_of(block);
    int low = 0, high = 0;
    if (mine) {
      low = max(split[in.prefix_of(block - step / 2)], in.least_split(j));
      high = max(low, split[in.prefix_of(block + step / 2)]);
    }
    search_by_group<kGroup>(in, mine, j, low, high, gain, split);
  }
  __syncthreads();
}

// The prefixes within each block: one a thread.
__device__ inline void fill_blocks(const Layer& in, double* gain, int* split) {
  const int member = thread_index() % kBlock;
  for (int block = thread_index() / kBlock; block < in.blocks(); block += kThreads / kBlock) {
    const int before = in.prefix_of(block), j = before + 1 + member;
    if (member == kBlock - 1 || j >= in.count) continue;  // there already
    const int low = max(split[before], in.least_split(before + 1));
    const int high = max(low, split[in.prefix_of(block + 1)]);
    const Best best = search(in, j, low, low, 1, high + 1);
    gain[j] = best.gain;
    split[j] = best.place;
  }
  __syncthreads();
}

// gain and split of all prefixes from in.clusters on, or of the whole row alone when `last`.
__device__ inline void solve_layer(const Layer& in, bool last, double* gain, int* split) {
  const int count = in.count, first = in.clusters;
  const bool only_whole = last || first == count;
  if (thread_index() < 32) {
    search_by_group<32>(in, true, count, max(first - 1, in.least_split(count)), count - 1, gain, split);
  } else if (thread_index() == 32 && !only_whole) {
    gain[first] = __dadd_rn(in.gain_before[first - 1], squared_over(__dsub_rn(in.moment[first], in.moment[first - 1]),
                                                                    __dsub_rn(in.weight[first], in.weight[first - 1])));
    split[first] = first - 1;
  }
  __syncthreads();
  if (only_whole) return;
  const int blocks = in.blocks();
  int step = 1;
  while (step < blocks) step *= 2;
  for (; step > 1; step /= 2) {
    if (blocks / step <= kWarps)
      halve<32>(in, step, gain, split);
    else
      halve<8>(in, step, gain, split);
  }
  fill_blocks(in, gain, split);
}

// Splits of all layers up to `layers` ≤ count: layer q ≥ 2 at splits + (q − 2) · stride. gains: room for two layers.
__device__ inline void solve_layers(const double* weight, const double* moment, int count, int layers, double* gain,
                                    double* next, int* splits, int stride) {
  for (int j = thread_index(); j <= count; j += kThreads) gain[j] = j == 0 ? 0.0 : squared_over(moment[j], weight[j]);
  if (thread_index() == 0) next[0] = 0;
  __syncthreads();
  for (int q = 2; q <= layers; ++q) {
    int* const split = splits + static_cast<std::int64_t>(q - 2) * stride;
    const Layer in{weight, moment, gain, q == 2 ? nullptr : split - stride, count, q};
    solve_layer(in, q == layers, next, split);
    double* const swapped = gain;
    gain = next;
    next = swapped;
  }
}

// borders[0..clusters] of the best runs, by one thread.
__device__ inline void walk_back(const int* splits, int stride, int count, int clusters, int* borders) {
  int end = count;
  for (int c = clusters; c > 0; --c) {
    borders[c] = end;
    end = c == 1 ? 0 : splits[static_cast<std::int64_t>(c - 2) * stride + end];
  }
  borders[0] = 0;
}

}  // namespace squeeze::kmeans1d_device
