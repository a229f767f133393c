#include <algorithm>
#include <bit>
#include <cassert>

#include "ops/kmeans1d/block_work.cuh"
#include "ops/selection/scores.cuh"

namespace squeeze {

namespace selection_device {

namespace {

using kmeans1d_device::kThreads;
using kmeans1d_device::sum_before;
using kmeans1d_device::thread_index;

constexpr int kBlocksEach = 8;  // for each multiprocessor
constexpr unsigned kDigits = 1 << 11;
constexpr unsigned kChunk = 1 << 13;  // weights whose ties are counted together

struct Digit {
  int shift, bits;
};
constexpr std::array<Digit, 3> kPasses = {{{21, 11}, {10, 11}, {0, 10}}};

__device__ __forceinline__ unsigned first_of_thread() { return blockIdx.x * kThreads + threadIdx.x; }
__device__ __forceinline__ unsigned threads_of_all() { return gridDim.x * kThreads; }

// counts[t] += the keys that begin with prefixes[t], by the digit that comes next.
template <WeightOrder kBy>
__global__ void __launch_bounds__(kThreads) count_digits_kernel(Scored in, Digit digit, unsigned first_prefix,
                                                                unsigned second_prefix, unsigned long long* counts) {
  __shared__ unsigned bins[2][kDigits];
  for (unsigned d = threadIdx.x; d < kDigits; d += kThreads) bins[0][d] = bins[1][d] = 0;
  __syncthreads();
  const bool two = first_prefix != second_prefix;
  const unsigned mask = (1u << digit.bits) - 1;
  for (unsigned i = first_of_thread(); i < in.count; i += threads_of_all()) {
    const std::uint64_t key = key_of_score<kBy>(in, i);
    const auto prefix = static_cast<unsigned>(key >> (digit.shift + digit.bits));  // of all 32 bits in the first pass
    const unsigned next = static_cast<unsigned>(key >> digit.shift) & mask;
    if (prefix == first_prefix) atomicAdd(&bins[0][next], 1u);
    if (two && prefix == second_prefix) atomicAdd(&bins[1][next], 1u);
  }
  __syncthreads();
  for (unsigned d = threadIdx.x; d < kDigits; d += kThreads) {
    if (bins[0][d] != 0) atomicAdd(&counts[d], static_cast<unsigned long long>(bins[0][d]));
    if (bins[1][d] != 0) atomicAdd(&counts[kDigits + d], static_cast<unsigned long long>(bins[1][d]));
  }
}

// Marks what is above `least`, or not below it; ties[c]: how many of chunk c are equal to it.
template <WeightOrder kBy>
__global__ void __launch_bounds__(kThreads)
    mark_above_kernel(Scored in, unsigned least, bool equal_too, std::uint8_t* marks, unsigned* ties) {
  __shared__ unsigned room[32];
  const unsigned chunks = (in.count + kChunk - 1) / kChunk;
  for (unsigned chunk = blockIdx.x; chunk < chunks; chunk += gridDim.x) {
    const unsigned first = chunk * kChunk, end = min(in.count, first + kChunk);
    unsigned equal = 0;
    for (unsigned i = first + threadIdx.x; i < end; i += kThreads) {
      const unsigned key = key_of_score<kBy>(in, i);
      marks[i] = key > least || (equal_too && key == least);
      equal += key == least;
    }
    equal = block_sum(equal, room);
    if (threadIdx.x == 0) ties[chunk] = equal;
  }
}

// Marks the first quotas[c] weights of chunk c that are equal to `least`.
template <WeightOrder kBy>
__global__ void __launch_bounds__(kThreads)
    mark_ties_kernel(Scored in, unsigned least, const unsigned* quotas, std::uint8_t* marks) {
  __shared__ unsigned room[32];
  const unsigned chunks = (in.count + kChunk - 1) / kChunk;
  for (unsigned chunk = blockIdx.x; chunk < chunks; chunk += gridDim.x) {
    const unsigned end = min(in.count, (chunk + 1) * kChunk), quota = quotas[chunk];
    unsigned seen = 0;
    for (unsigned base = chunk * kChunk; base < end && seen < quota; base += kThreads) {
      const unsigned i = base + threadIdx.x;
      const bool tied = i < end && key_of_score<kBy>(in, i) == least;
      unsigned here;
      const unsigned before = seen + sum_before(tied ? 1u : 0u, room, here);
      if (tied && before < quota) marks[i] = 1;
      seen += here;
    }
  }
}

// As Fence::range_of and range_bin; no bin for what is not beyond.
__device__ __forceinline__ int bin_of(float weight, const Fence& fence) {
  if (!(fence.width > 0)) return -1;
  const double range = __ddiv_rn(__dsub_rn(static_cast<double>(fabsf(weight)), fence.base), fence.width);
  return range >= 0 ? static_cast<int>(__float_as_uint(static_cast<float>(range)) >> kRangeShift) : -1;
}

__global__ void __launch_bounds__(kThreads)
    count_ranges_kernel(const float* weights, const std::uint8_t* marked, unsigned count, Fence fence,
                        unsigned long long* counts) {
  for (unsigned i = first_of_thread(); i < count; i += threads_of_all()) {
    const int bin = bin_of(weights[i], fence);
    if (bin >= 0 && marked[i] == 0) atomicAdd(&counts[bin], 1ull);
  }
}

__global__ void __launch_bounds__(kThreads)
    mark_from_bin_kernel(const float* weights, unsigned count, Fence fence, int least, std::uint8_t* marks) {
  for (unsigned i = first_of_thread(); i < count; i += threads_of_all())
    if (bin_of(weights[i], fence) >= least) marks[i] = 1;
}

// One block; sums [2] go on from what they are.
__global__ void __launch_bounds__(kThreads) sums_kernel(const float* weights, unsigned count, double* sums) {
  __shared__ double terms[2][kThreads + 1];
  const int thread = thread_index();
  double sum = thread < 2 ? sums[thread] : 0;
  for (unsigned base = 0; base < count; base += kThreads) {
    const unsigned size = min(static_cast<unsigned>(kThreads), count - base);
    if (threadIdx.x < size) {
      const double weight = static_cast<double>(weights[base + threadIdx.x]);
      terms[0][thread] = weight;
      terms[1][thread] = __dmul_rn(weight, weight);
    }
    __syncthreads();
    if (thread < 2)
      for (unsigned e = 0; e < size; ++e) sum = __dadd_rn(sum, terms[thread][e]);
    __syncthreads();
  }
  if (thread < 2) sums[thread] = sum;
}

// A block a row. Threads may write the same 1.
__global__ void __launch_bounds__(kThreads)
    compare_kernel(const std::uint8_t* marks, const std::uint8_t* others, std::int64_t rows, unsigned cols,
                   std::int64_t block_rows, unsigned block_cols, std::uint8_t* changed) {
  const std::int64_t across = (cols + block_cols - 1) / block_cols;
  for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x)
    for (unsigned col = threadIdx.x; col < cols; col += kThreads)
      if (marks[row * cols + col] != others[row * cols + col])
        changed[row / block_rows * across + col / block_cols] = 1;
}

unsigned blocks_of(const Stream& stream, std::int64_t work) {
  return static_cast<unsigned>(
      std::clamp<std::int64_t>(work, 1, std::int64_t{kBlocksEach} * std::max(1, stream.device().multiprocessors)));
}
Launch for_weights(const Stream& stream, const WeightPiece& piece) {
  return {.grid = {blocks_of(stream, blocks_for(piece.size(), kThreads))}, .block = {kThreads}};
}
std::int64_t chunks_of(const WeightPiece& piece) { return (piece.size() + kChunk - 1) / kChunk; }
Launch for_chunks(const Stream& stream, const WeightPiece& piece) {
  return {.grid = {blocks_of(stream, chunks_of(piece))}, .block = {kThreads}};
}

// Calls body with the order as a constant.
template <typename Body>
void with_order(WeightOrder by, const Body& body) {
  switch (by) {
    case WeightOrder::kValue:
      return body(std::integral_constant<WeightOrder, WeightOrder::kValue>());
    case WeightOrder::kSensitivity:
      return body(std::integral_constant<WeightOrder, WeightOrder::kSensitivity>());
    case WeightOrder::kSize:
      return body(std::integral_constant<WeightOrder, WeightOrder::kSize>());
    case WeightOrder::kLoss:
      return body(std::integral_constant<WeightOrder, WeightOrder::kLoss>());
  }
}

}  // namespace

}  // namespace selection_device

using namespace selection_device;

Result<DeviceSelection::Selected> DeviceSelection::select(Stream& stream, const ForEachPiece& each,
                                                          const WeightScores& scores,
                                                          std::array<std::int64_t, 2> ranks) {
  Selected found;
  std::vector<unsigned long long> counted(2 * kDigits);
  for (const Digit digit : kPasses) {
    const DeviceView<unsigned long long> counts = counts_.matrix(stream, 2, kDigits);
    stream.fill(counts.data, 0, counts.size() * static_cast<std::int64_t>(sizeof(unsigned long long)));
    each([&](const WeightPiece& piece) {
      with_order(scores.by, [&](auto by) {
        launch(stream, for_weights(stream, piece), count_digits_kernel<by()>, scored(piece, scores), digit,
               found.keys[0], found.keys[1], counts.data);
      });
    });
    stream.download(counted.data(), counts);
    SQUEEZE_TRY(stream.finish());
    const bool same = found.keys[0] == found.keys[1];
    for (std::size_t t = 0; t < 2; ++t) {
      const unsigned long long* own = counted.data() + (same ? 0 : t) * kDigits;
      std::uint32_t next = 0;
      while (next + 1 < kDigits && ranks[t] >= static_cast<std::int64_t>(own[next]))
        ranks[t] -= static_cast<std::int64_t>(own[next++]);
      found.keys[t] = found.keys[t] << digit.bits | next;
      if (t == 0) found.equal = static_cast<std::int64_t>(own[next]);
    }
  }
  found.equal_before = ranks[0];
  return found;
}

Result<std::array<float, 2>> DeviceSelection::values_of_ranks(Stream& stream, const ForEachPiece& each,
                                                              const WeightScores& scores,
                                                              std::array<std::int64_t, 2> ranks) {
  SQUEEZE_ASSIGN(const Selected found, select(stream, each, scores, ranks));
  std::array<float, 2> values;
  for (std::size_t t = 0; t < 2; ++t) {
    const std::uint32_t key = found.keys[t];
    values[t] = std::bit_cast<float>((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
  }
  return values;
}

Result<void> DeviceSelection::mark_largest(Stream& stream, const ForEachPiece& each, const WeightScores& scores,
                                           std::int64_t total, std::int64_t count, std::uint8_t* marks) {
  assert(scores.marked != marks || marks == nullptr);
  if (count <= 0 || count >= total) {
    stream.fill(marks, count > 0 ? 1 : 0, total);
    return {};
  }
  SQUEEZE_ASSIGN(const Selected least, select(stream, each, scores, {total - count, total - count}));
  const std::int64_t ties_wanted = least.equal - least.equal_before;
  const bool all_ties = ties_wanted == least.equal;
  std::vector<std::vector<unsigned>> ties;
  each([&](const WeightPiece& piece) {
    const DeviceView<unsigned> of_piece = ties_.vector(stream, chunks_of(piece));
    with_order(scores.by, [&](auto by) {
      launch(stream, for_chunks(stream, piece), mark_above_kernel<by()>, scored(piece, scores), least.keys[0], all_ties,
             marks + piece.first(), of_piece.data);
    });
    if (all_ties) return;
    ties.emplace_back(static_cast<std::size_t>(chunks_of(piece)));
    stream.download(ties.back().data(), of_piece);
  });
  if (all_ties) return {};
  SQUEEZE_TRY(stream.finish());
  return mark_first_ties(stream, each, scores, least.keys[0], std::move(ties), ties_wanted, marks);
}

Result<void> DeviceSelection::mark_first_ties(Stream& stream, const ForEachPiece& each, const WeightScores& scores,
                                              std::uint32_t least, std::vector<std::vector<unsigned>> ties,
                                              std::int64_t count, std::uint8_t* marks) {
  std::size_t next = 0;
  each([&](const WeightPiece& piece) {
    std::vector<unsigned>& quotas = ties[next++];
    if (count == 0) return;
    for (unsigned& quota : quotas) {
      quota = static_cast<unsigned>(std::min<std::int64_t>(quota, count));
      count -= quota;
    }
    const DeviceView<unsigned> there = ties_.assign(stream, quotas);
    with_order(scores.by, [&](auto by) {
      launch(stream, for_chunks(stream, piece), mark_ties_kernel<by()>, scored(piece, scores), least, there.data,
             marks + piece.first());
    });
  });
  return stream.finish();  // the quotas are copied
}

Result<void> DeviceSelection::count_ranges(Stream& stream, const ForEachPiece& each, const Fence& fence,
                                           const std::uint8_t* marked, std::span<std::int64_t> counts) {
  assert(counts.size() == kRangeBins);
  const DeviceView<unsigned long long> there = counts_.vector(stream, kRangeBins);
  stream.fill(there.data, 0, there.size() * static_cast<std::int64_t>(sizeof(unsigned long long)));
  each([&](const WeightPiece& piece) {
    launch(stream, for_weights(stream, piece), count_ranges_kernel, piece.weights, marked + piece.first(),
           static_cast<unsigned>(piece.size()), fence, there.data);
  });
  std::vector<unsigned long long> counted(kRangeBins);
  stream.download(counted.data(), there);
  SQUEEZE_TRY(stream.finish());
  for (std::size_t bin = 0; bin < kRangeBins; ++bin) counts[bin] += static_cast<std::int64_t>(counted[bin]);
  return {};
}

void DeviceSelection::mark_from_bin(Stream& stream, const ForEachPiece& each, const Fence& fence, std::size_t bin,
                                    std::uint8_t* marks) {
  each([&](const WeightPiece& piece) {
    launch(stream, for_weights(stream, piece), mark_from_bin_kernel, piece.weights, static_cast<unsigned>(piece.size()),
           fence, static_cast<int>(bin), marks + piece.first());
  });
}

Result<WeightSums> DeviceSelection::sums(Stream& stream, const ForEachPiece& each) {
  const DeviceView<double> there = sums_.vector(stream, 2);
  stream.fill(there.data, 0, 2 * sizeof(double));
  each([&](const WeightPiece& piece) {
    launch(stream, {.block = {kThreads}}, sums_kernel, piece.weights, static_cast<unsigned>(piece.size()), there.data);
  });
  double sums[2];
  stream.download(sums, there);
  SQUEEZE_TRY(stream.finish());
  return WeightSums{sums[0], sums[1]};
}

void DeviceSelection::compare_blocks(Stream& stream, const std::uint8_t* marks, const std::uint8_t* others,
                                     std::int64_t rows, std::int64_t cols, std::int64_t block_rows,
                                     std::int64_t block_cols, DeviceView<std::uint8_t> changed) {
  stream.fill(changed.data, 0, changed.size());
  launch(stream, {.grid = {blocks_of(stream, rows)}, .block = {kThreads}}, compare_kernel, marks, others, rows,
         static_cast<unsigned>(cols), block_rows, static_cast<unsigned>(block_cols), changed.data);
}

}  // namespace squeeze
