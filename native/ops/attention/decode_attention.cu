#include <algorithm>

#include "device/kernel.hpp"
#include "ops/attention/decode_attention_cuda.hpp"

namespace squeeze {

namespace {

constexpr int kThreads = 128, kWarps = kThreads / 32;
constexpr int kMostTokens = 16, kMostSplits = 128;
constexpr int kLeastPositions = 64;  // of a block: with fewer, adding up costs more than it saves
constexpr int kBlocksPerProcessor = 4;
constexpr int kStatistics = 2;  // before a row's sums: its largest score and its total

struct DecodeShape {
  int tokens, group, window, splits;
  float scale;  // of scores, for powers of two
};

__device__ __forceinline__ void eight_floats(const uint4& halves, float (&out)[8]) {
  const unsigned words[4] = {halves.x, halves.y, halves.z, halves.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    out[2 * i] = as_float(Half{static_cast<std::uint16_t>(words[i] & 0xffffu)});
    out[2 * i + 1] = as_float(Half{static_cast<std::uint16_t>(words[i] >> 16)});
  }
}

// By what sums made with the largest score `before` are to be multiplied once it is `now`; both may be −∞.
__device__ __forceinline__ float kept(float before, float now) {
  return exp2f(before - (now == -INFINITY ? 0.0f : now));
}

// Scores, softmax and sums of one lane: its eight columns of every row.
template <int kRows>
struct Sums {
  float most[kRows], total[kRows], sum[kRows][8];

  __device__ void clear() {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      most[r] = -INFINITY;
      total[r] = 0;
#pragma unroll
      for (int i = 0; i < 8; ++i) sum[r][i] = 0;
    }
  }

  // Takes in what another lane has for the same columns.
  __device__ void join_lane(int step) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const float other = __shfl_xor_sync(kWholeWarp, most[r], step), now = other > most[r] ? other : most[r];
      const float own = kept(most[r], now), others = kept(other, now);
      most[r] = now;
      total[r] = own * total[r] + others * __shfl_xor_sync(kWholeWarp, total[r], step);
#pragma unroll
      for (int i = 0; i < 8; ++i) sum[r][i] = own * sum[r][i] + others * __shfl_xor_sync(kWholeWarp, sum[r][i], step);
    }
  }
};

// A block: `kRows` of a key/value head's T · G queries, over one split of the positions. `kLanes` lanes share a
// position, eight columns each; so many positions are read side by side, each group with a softmax of its own.
template <int kRows, int kLanes>
__global__ void __launch_bounds__(kThreads)
    decode_attention_kernel(const float* q, DeviceCacheView cache, const std::int32_t* first_position,
                            DecodeShape shape, float* partial, std::int32_t* arrived, float* out) {
  constexpr int kWidth = 8 * kLanes, kRow = kStatistics + kWidth, kGroups = kThreads / kLanes;
  constexpr int kAtOnce = kRows == 8 ? 2 : 4;  // positions that a lane has under way
  __shared__ float found[kWarps][kRows][kRow];
  __shared__ float weights[kRows][kMostSplits];
  __shared__ int is_last;

  let_next_begin();
  wait_for_previous();
  const int split = static_cast<int>(blockIdx.x), kv_head = static_cast<int>(blockIdx.y);
  const int first = *first_position, known = first + shape.tokens;
  const int oldest = shape.window > 0 ? max(0, first - shape.window + 1) : 0;
  const int each = max(kLeastPositions, (known - oldest + shape.splits - 1) / shape.splits);
  const int active = (known - oldest + each - 1) / each;
  if (split >= active) return;
  const int begin = oldest + split * each, end = min(known, begin + each);

  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
  const int column = thread % kLanes * 8, group_of_lanes = thread / kLanes;
  const int first_row = static_cast<int>(blockIdx.z) * kRows, rows = shape.tokens * shape.group - first_row;
  const int heads = shape.group * cache.kv_heads, dim = cache.head_dim;
  const auto head_row = [&](int r) {  // where query row r lies in q and out
    const int row = first_row + r;
    return (static_cast<std::int64_t>(row / shape.group) * heads + kv_head * shape.group + row % shape.group) * dim;
  };

  float query[kRows][8];
  int from[kRows], to[kRows];  // positions that a row sees
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    const int position = first + (first_row + r) / shape.group;
    from[r] = shape.window > 0 ? position - shape.window + 1 : 0;
    to[r] = r < rows ? position + 1 : 0;
#pragma unroll
    for (int i = 0; i < 8; ++i)
      query[r][i] = r < rows && column + i < dim ? q[head_row(r) + column + i] * shape.scale : 0.0f;
  }

  Sums<kRows> sums;
  sums.clear();
  const std::int64_t head_at = static_cast<std::int64_t>(kv_head) * cache.context * cache.width + column;
  const bool has_columns = column < cache.width;
  const uint4 zeros = make_uint4(0, 0, 0, 0);
  for (int base = begin; base < end; base += kAtOnce * kGroups) {
    uint4 keys[kAtOnce], values[kAtOnce];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      const int position = base + u * kGroups + group_of_lanes;
      const bool there = has_columns && position < end;
      const std::int64_t at = head_at + static_cast<std::int64_t>(position) * cache.width;
      keys[u] = there ? *reinterpret_cast<const uint4*>(cache.keys + at) : zeros;
      values[u] = there ? *reinterpret_cast<const uint4*>(cache.values + at) : zeros;
    }
    float scores[kRows][kAtOnce];
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      float key[8];
      eight_floats(keys[u], key);
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        float score = 0;
#pragma unroll
        for (int i = 0; i < 8; ++i) score += query[r][i] * key[i];
        scores[r][u] = score;
      }
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      float now = sums.most[r];
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
#pragma unroll
        for (int step = kLanes / 2; step > 0; step /= 2)
          scores[r][u] += __shfl_xor_sync(kWholeWarp, scores[r][u], step);
        const int position = base + u * kGroups + group_of_lanes;
        if (position >= end || position < from[r] || position >= to[r]) scores[r][u] = -INFINITY;
        now = scores[r][u] > now ? scores[r][u] : now;
      }
      const float before = kept(sums.most[r], now);
      sums.most[r] = now;
      sums.total[r] *= before;
#pragma unroll
      for (int i = 0; i < 8; ++i) sums.sum[r][i] *= before;
#pragma unroll
      for (int u = 0; u < kAtOnce; ++u) {
        scores[r][u] = kept(scores[r][u], now);
        sums.total[r] += scores[r][u];
      }
    }
#pragma unroll
    for (int u = 0; u < kAtOnce; ++u) {
      float value[8];
      eight_floats(values[u], value);
#pragma unroll
      for (int r = 0; r < kRows; ++r)
#pragma unroll
        for (int i = 0; i < 8; ++i) sums.sum[r][i] += scores[r][u] * value[i];
    }
  }

  // The groups of a warp, then the warps, then the blocks.
#pragma unroll
  for (int step = kLanes; step < 32; step *= 2) sums.join_lane(step);
  if (lane < kLanes) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      if (lane == 0) {
        found[warp][r][0] = sums.most[r];
        found[warp][r][1] = sums.total[r];
      }
#pragma unroll
      for (int i = 0; i < 8; ++i) found[warp][r][kStatistics + column + i] = sums.sum[r][i];
    }
  }
  __syncthreads();
  const std::int64_t unit = static_cast<std::int64_t>(kv_head) * gridDim.z + blockIdx.z;
  float* const own = partial + (unit * shape.splits + split) * kRows * kRow;
  for (int i = thread; i < kRows * kWidth; i += kThreads) {
    const int r = i / kWidth, c = i % kWidth;
    if (r >= rows || c >= dim) continue;
    float most = -INFINITY, total = 0, sum = 0;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) most = found[w][r][0] > most ? found[w][r][0] : most;
#pragma unroll
    for (int w = 0; w < kWarps; ++w) {
      const float factor = kept(found[w][r][0], most);
      total += factor * found[w][r][1];
      sum += factor * found[w][r][kStatistics + c];
    }
    if (active == 1) {
      out[head_row(r) + c] = sum / total;
      continue;
    }
    own[r * kRow + kStatistics + c] = sum;
    if (c == 0) {
      own[r * kRow] = most;
      own[r * kRow + 1] = total;
    }
  }
  if (active == 1) return;

  __threadfence();
  __syncthreads();
  if (thread == 0) is_last = atomicAdd(arrived + unit, 1) == active - 1 ? 1 : 0;
  __syncthreads();
  if (is_last == 0) return;
  __threadfence();
  const float* const all = partial + unit * shape.splits * kRows * kRow;
  for (int r = warp; r < min(kRows, rows); r += kWarps) {
    float most = -INFINITY, total = 0;
    for (int s = lane; s < active; s += 32) {
      const float other = __ldcg(all + (s * kRows + r) * kRow);
      most = other > most ? other : most;
    }
    most = warp_max(most);
    for (int s = lane; s < active; s += 32) {
      const float factor = kept(__ldcg(all + (s * kRows + r) * kRow), most);
      weights[r][s] = factor;
      total += factor * __ldcg(all + (s * kRows + r) * kRow + 1);
    }
    total = warp_sum(total);
    for (int s = lane; s < active; s += 32) weights[r][s] /= total;
  }
  __syncthreads();
  for (int i = thread; i < kRows * kWidth; i += kThreads) {
    const int r = i / kWidth, c = i % kWidth;
    if (r >= rows || c >= dim) continue;
    float sum = 0;
#pragma unroll 8
    for (int s = 0; s < active; ++s) sum += weights[r][s] * __ldcg(all + (s * kRows + r) * kRow + kStatistics + c);
    out[head_row(r) + c] = sum;
  }
  if (thread == 0) arrived[unit] = 0;
}

// Rows that a block takes of so many.
int rows_of_block(std::int64_t rows) { return rows == 1 ? 1 : rows == 2 ? 2 : rows <= 4 ? 4 : 8; }

// Lanes that share a position: a power of two.
int lanes_of(std::int64_t width) { return width <= 32 ? 4 : width <= 64 ? 8 : width <= 128 ? 16 : 32; }

std::int64_t cache_width(std::int64_t head_dim) { return (head_dim + 7) / 8 * 8; }

using DecodeKernel = void (*)(const float*, DeviceCacheView, const std::int32_t*, DecodeShape, float*, std::int32_t*,
                              float*);

template <int kRows>
DecodeKernel kernel_with_rows(int lanes) {
  switch (lanes) {
    case 4:
      return decode_attention_kernel<kRows, 4>;
    case 8:
      return decode_attention_kernel<kRows, 8>;
    case 16:
      return decode_attention_kernel<kRows, 16>;
    default:
      return decode_attention_kernel<kRows, 32>;
  }
}

DecodeKernel kernel_for(int rows, int lanes) {
  switch (rows) {
    case 1:
      return kernel_with_rows<1>(lanes);
    case 2:
      return kernel_with_rows<2>(lanes);
    case 4:
      return kernel_with_rows<4>(lanes);
    default:
      return kernel_with_rows<8>(lanes);
  }
}

}  // namespace

DeviceDecodeAttention::DeviceDecodeAttention(Stream& stream, const AttentionShape& shape, std::int64_t context)
    : shape_(shape) {
  const std::int64_t full = (context + kLeastPositions - 1) / kLeastPositions;
  const std::int64_t wanted = blocks_for(kBlocksPerProcessor * stream.device().multiprocessors, shape.kv_heads);
  splits_ = static_cast<int>(std::clamp<std::int64_t>(std::min(full, wanted), 1, kMostSplits));
  // Rows are filled up to a whole block's.
  const std::int64_t rows = (kMostTokens * (shape.heads / shape.kv_heads) + 7) / 8 * 8;
  const std::int64_t width = 8 * lanes_of(cache_width(shape.head_dim));
  partial_.matrix(stream, shape.kv_heads * rows * splits_, kStatistics + width);
  const auto counters = arrived_.vector(stream, shape.kv_heads * rows);
  stream.fill(counters.data, 0, counters.size() * static_cast<std::int64_t>(sizeof(std::int32_t)));
}

void DeviceDecodeAttention::run(Stream& stream, const DeviceCacheView& cache, const std::int32_t* first_position,
                                DeviceView<const float> q, DeviceView<float> out) {
  const std::int64_t group = shape_.heads / shape_.kv_heads, rows = q.rows * group;
  constexpr float log2_e = 1.4426950408889634f;
  const DecodeShape shape{.tokens = static_cast<int>(q.rows),
                          .group = static_cast<int>(group),
                          .window = static_cast<int>(shape_.window),
                          .splits = splits_,
                          .scale = log2_e / sqrtf(static_cast<float>(shape_.head_dim))};
  const int block_rows = rows_of_block(rows);
  launch(
      stream,
      {.grid = {static_cast<unsigned>(splits_), static_cast<unsigned>(shape_.kv_heads), blocks_for(rows, block_rows)},
       .block = {kThreads},
       .early = true},
      kernel_for(block_rows, lanes_of(cache.width)), q.data, cache, first_position, shape, partial_.data(),
      arrived_.data(), out.data);
}

}  // namespace squeeze
