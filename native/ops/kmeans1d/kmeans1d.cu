#include <algorithm>
#include <cassert>

#include "ops/kmeans1d/kmeans1d_cuda.hpp"
#include "ops/kmeans1d/lloyd.cuh"
#include "ops/kmeans1d/sort_row.cuh"

namespace squeeze {

namespace kmeans1d_device {

namespace {

constexpr int kMostEntries = 256;
constexpr int kMostWidths = 7;  // at once
// Values of a row whose dynamic program runs in shared memory; three blocks fit beside each other on an H100.
constexpr int kSharedValues = 2000;
constexpr std::int64_t kMostWorkBytes = std::int64_t{1} << 30;  // reached at 8 bits

struct Width {
  Half* tables;
  std::uint8_t* indices;
  double* objective;
  int entries;
};

struct Job {
  const float* weights;
  const float* sensitivity;
  const std::uint8_t* kept;
  std::int64_t rows;
  int cols;
  Width widths[kMostWidths] = {};
  int width_count, most_entries = 0;
  std::uint64_t* work = nullptr;  // a slot for each block
  std::int64_t slot_words = 0;
  int shared_values = 0;  // room of each of the four arrays in shared memory
};

constexpr int kWordArrays = 8;  // of a slot: pairs twice, values, mass, weight, moment, gain twice

__host__ __device__ constexpr std::int64_t words_of_array(std::int64_t cols) {
  return (cols + 1 + kPadding + 31) / 32 * 32;
}

std::int64_t words_of_slot(std::int64_t cols, std::int64_t most_entries, bool exact) {
  const std::int64_t stride = exact ? words_of_array(cols) : kBinRoom;
  const std::int64_t layers = std::max<std::int64_t>(0, std::min(most_entries, cols) - 1);
  return kWordArrays * words_of_array(cols) + (layers * stride + kBinRoom + 63) / 64 * 32;
}

// Blocks for all processors at once, each row after row in its own slot.
std::int64_t blocks_of(const DeviceProperties& device, std::int64_t rows, std::int64_t slot_words) {
  const std::int64_t slot_bytes = slot_words * static_cast<std::int64_t>(sizeof(std::uint64_t));
  return std::clamp<std::int64_t>(kMostWorkBytes / slot_bytes, 1,
                                  std::clamp<std::int64_t>(rows, 1, 3 * std::max(1, device.multiprocessors)));
}

// Memory of the block that no kernel's launch sizes.
struct Shared {
  RunningSums sums;
  double centroids[kMostEntries];
  int borders[kMostEntries + 1];
  int found[kMostEntries];
  float entries[kMostEntries];
  float thresholds[kMostEntries];
  unsigned room[32];
};

// As the processor's round_codebook.
__device__ Half rounded(double centroid) {
  const double held = centroid < -65504.0 ? -65504.0 : 65504.0 < centroid ? 65504.0 : centroid;
  return from_float<Half>(static_cast<float>(held) + 0.0f);
}

// The largest float not above `middle`.
__device__ float float_up_to(double middle) {
  const float nearest = static_cast<float>(middle);
  if (static_cast<double>(nearest) <= middle) return nearest;
  const int bits = __float_as_int(nearest);
  return __int_as_float(nearest > 0 ? bits - 1 : bits + 1);  // 0 is never above: halves of fp16 sums are floats there
}

// The table of a row, from shared.centroids; then its indices and objective.
__device__ void store_row(const RowIn& row, std::int64_t r, const Width& width, int clusters, Shared& shared) {
  const int thread = thread_index();
  if (thread < width.entries) {
    const Half entry = rounded(shared.centroids[min(thread, clusters - 1)]);
    width.tables[r * width.entries + thread] = entry;
    shared.entries[thread] = as_float(entry);
  }
  __syncthreads();
  if (thread + 1 < width.entries)
    shared.thresholds[thread] = float_up_to(__dmul_rn(
        0.5, __dadd_rn(static_cast<double>(shared.entries[thread]), static_cast<double>(shared.entries[thread + 1]))));
  __syncthreads();
  std::uint8_t* const indices = width.indices + r * row.count;
  sum_in_order<1>(
      shared.sums, row.count,
      [&](int j, int) {
        const float value = row.weights[j];
        int above = 0;
        for (int t = 0; t + 1 < width.entries; ++t) above += value > shared.thresholds[t];
        indices[j] = static_cast<std::uint8_t>(above);
        if (row.is_kept(j)) return 0.0;
        const double error = __dsub_rn(static_cast<double>(value), static_cast<double>(shared.entries[above]));
        return __dmul_rn(__dmul_rn(static_cast<double>(row.f(j)), error), error);
      },
      [](int, const double*) {});
  if (thread == 0) width.objective[r] = shared.sums.totals[0];
  __syncthreads();
}

// The arrays of one block.
struct Slot {
  std::uint64_t* pairs[2];
  double *values, *mass, *weight, *moment, *gain, *next;
  int* splits;
  int* bin_ends;
};

__device__ Slot slot_of(const Job& job) {
  std::uint64_t* at = job.work + blockIdx.x * job.slot_words;
  const std::int64_t words = words_of_array(job.cols);
  const auto array = [&](int which) { return at + which * words; };
  const auto reals = [&](int which) { return reinterpret_cast<double*>(array(which)); };
  int* const bin_ends = reinterpret_cast<int*>(array(kWordArrays));
  return {{array(0), array(1)}, reals(2), reals(3), reals(4), reals(5), reals(6), reals(7),
          bin_ends + kBinRoom,  bin_ends};
}

template <bool kExact>
__global__ void __launch_bounds__(kThreads, 3) cluster_kernel(Job job) {
  __shared__ Shared shared;
  double* const pool = dynamic_shared<double>();
  const int thread = thread_index();
  Slot slot = slot_of(job);
  for (std::int64_t r = blockIdx.x; r < job.rows; r += gridDim.x) {
    const std::int64_t offset = r * job.cols;
    const RowIn row{job.weights + offset, job.sensitivity != nullptr ? job.sensitivity + offset : nullptr,
                    job.kept != nullptr ? job.kept + offset : nullptr, job.cols};
    unsigned used;
    const int with_say = make_pairs(row, slot.pairs[0], shared.room, used);
    const std::uint64_t* sorted =
        sort_pairs(slot.pairs[0], slot.pairs[1], job.cols, used, reinterpret_cast<unsigned*>(pool), shared.room);
    const int distinct = merge_equal(sorted, with_say, slot.values, slot.mass, shared.room);

    const bool in_pool = kExact && distinct + 1 + kPadding <= job.shared_values;
    double* const weight = in_pool ? pool : slot.weight;
    double* const moment = in_pool ? pool + job.shared_values : slot.moment;
    double* const gain = in_pool ? pool + 2 * job.shared_values : slot.gain;
    double* const next = in_pool ? pool + 3 * job.shared_values : slot.next;
    const double mean = accumulate(slot.values, slot.mass, distinct, weight, moment, shared.sums);
    const Sorted ready{slot.values, weight, moment, mean, distinct};
    const int stride = distinct + 1 + kPadding;
    if constexpr (kExact)
      solve_layers(weight, moment, distinct, min(job.most_entries, distinct), gain, next, slot.splits, stride);

    for (int w = 0; w < job.width_count; ++w) {
      const Width& width = job.widths[w];
      int clusters = min(width.entries, distinct);
      if constexpr (kExact) {
        if (thread == 0) walk_back(slot.splits, stride, distinct, clusters, shared.borders);
        __syncthreads();
        if (thread < clusters)
          shared.centroids[thread] = ready.centroid(shared.borders[thread], shared.borders[thread + 1]);
      } else if (clusters == distinct) {
        if (thread < clusters) shared.centroids[thread] = slot.values[thread];
      } else {
        const Bins bins{pool, pool + kBinRoom, pool + 2 * kBinRoom, pool + 3 * kBinRoom, slot.bin_ends};
        clusters = solve_lloyd(ready, clusters, bins, slot.splits, shared.centroids, shared.borders, shared.found,
                               shared.room);
      }
      __syncthreads();
      store_row(row, r, width, clusters, shared);
    }
  }
}

}  // namespace

}  // namespace kmeans1d_device

void DeviceKmeans1d::cluster(Stream& stream, DeviceView<const float> weights, const float* sensitivity,
                             const std::uint8_t* kept, bool exact, std::span<const DeviceCodebooks> widths) {
  using namespace kmeans1d_device;
  if (weights.size() == 0 || widths.empty()) return;
  if (widths.size() > kMostWidths) {
    cluster(stream, weights, sensitivity, kept, exact, widths.subspan(kMostWidths));
    widths = widths.first(kMostWidths);
  }
  Job job{.weights = weights.data,
          .sensitivity = sensitivity,
          .kept = kept,
          .rows = weights.rows,
          .cols = static_cast<int>(weights.cols),
          .width_count = static_cast<int>(widths.size())};
  for (std::size_t w = 0; w < widths.size(); ++w) {
    const DeviceCodebooks& width = widths[w];
    const int entries = static_cast<int>(width.tables.cols);
    assert(entries >= 1 && entries <= kMostEntries);
    job.widths[w] = {width.tables.data, width.indices.data, width.objective, entries};
    job.most_entries = std::max(job.most_entries, entries);
  }
  job.slot_words = words_of_slot(weights.cols, job.most_entries, exact);
  // Either no more than any kernel may have, or enough that launch() asks for it.
  job.shared_values = weights.cols + 1 + kPadding <= kBinRoom ? kBinRoom : kSharedValues;
  static_assert(4 * kBinRoom * sizeof(double) + sizeof(Shared) <= 48 * 1024);
  static_assert(4 * kSharedValues * sizeof(double) > 48 * 1024);
  const std::int64_t blocks = blocks_of(stream.device(), weights.rows, job.slot_words);
  job.work = work_.matrix(stream, blocks, job.slot_words).data;
  launch(stream,
         {.grid = {static_cast<unsigned>(blocks)},
          .block = {kThreads},
          .shared = 4 * job.shared_values * static_cast<std::int64_t>(sizeof(double))},
         exact ? cluster_kernel<true> : cluster_kernel<false>, job);
}

std::int64_t DeviceKmeans1d::work_bytes(const DeviceProperties& device, std::int64_t rows, std::int64_t cols,
                                        std::int64_t most_entries, bool exact) {
  using namespace kmeans1d_device;
  const std::int64_t slot_words = words_of_slot(cols, most_entries, exact);
  return blocks_of(device, rows, slot_words) * slot_words * static_cast<std::int64_t>(sizeof(std::uint64_t));
}

}  // namespace squeeze
