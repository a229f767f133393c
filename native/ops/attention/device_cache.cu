#include <algorithm>

#include "device/kernel.hpp"
#include "ops/attention/device_cache.hpp"

namespace squeeze {

namespace {

constexpr int kWarps = 4;      // of a block; each takes one head of one token
constexpr int kMostDim = 256;  // of a head
constexpr int kPairs = kMostDim / 2 / 32;

__device__ __forceinline__ Half saturated(float value) {
  constexpr float most = 65504.0f;
  return from_float<Half>(value > most ? most : value < -most ? -most : value);  // NaN passes
}

struct Turning {
  const float *cosine, *sine;  // [positions, D / 2]; null: none
  const float *q_norm, *k_norm;
  float eps;
};

// Element i of a head and element i + D/2 are in the same lane, as the rotation pairs them.
__global__ void __launch_bounds__(32 * kWarps)
    store_kernel(DeviceCacheView cache, Turning turning, const std::int32_t* first_position, float* q, const float* k,
                 const float* v, int tokens, int heads) {
  let_next_begin();
  wait_for_previous();
  const int lane = static_cast<int>(threadIdx.x) % 32, all_heads = heads + 2 * cache.kv_heads;
  const std::int64_t unit = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (unit >= static_cast<std::int64_t>(tokens) * all_heads) return;  // whole warps
  const int token = static_cast<int>(unit / all_heads), place = static_cast<int>(unit % all_heads);
  const int dim = cache.head_dim, half = (dim + 1) / 2;
  const bool is_q = place < heads, is_v = place >= heads + cache.kv_heads;
  const int head = is_q ? place : (place - heads) % cache.kv_heads;
  const std::int64_t row = (static_cast<std::int64_t>(token) * (is_q ? heads : cache.kv_heads) + head) * dim;
  const float* from = (is_q ? q : is_v ? v : k) + row;
  const std::int64_t position = *first_position + token;

  float low[kPairs], high[kPairs], squares = 0;
#pragma unroll
  for (int p = 0; p < kPairs; ++p) {
    const int i = 32 * p + lane;
    low[p] = i < half ? from[i] : 0.0f;
    high[p] = i + half < dim ? from[i + half] : 0.0f;
    squares += low[p] * low[p] + high[p] * high[p];
  }
  const float* norm = is_q ? turning.q_norm : turning.k_norm;
  if (!is_v && norm != nullptr) {
    const float r = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(dim) + turning.eps);
#pragma unroll
    for (int p = 0; p < kPairs; ++p) {
      const int i = 32 * p + lane;
      if (i < half) low[p] *= r * norm[i];
      if (i + half < dim) high[p] *= r * norm[i + half];
    }
  }
  if (!is_v && turning.cosine != nullptr) {
#pragma unroll
    for (int p = 0; p < kPairs; ++p) {
      const int i = 32 * p + lane;
      if (i >= half) continue;
      const float c = turning.cosine[position * half + i], s = turning.sine[position * half + i];
      const float a = low[p], b = high[p];
      low[p] = a * c - b * s;
      high[p] = b * c + a * s;
    }
  }
  if (is_q) {
#pragma unroll
    for (int p = 0; p < kPairs; ++p) {
      const int i = 32 * p + lane;
      if (i < half) q[row + i] = low[p];
      if (i + half < dim) q[row + i + half] = high[p];
    }
    return;
  }
  Half* const to =
      (is_v ? cache.values : cache.keys) + (static_cast<std::int64_t>(head) * cache.context + position) * cache.width;
#pragma unroll
  for (int p = 0; p < kPairs; ++p) {
    const int i = 32 * p + lane;
    if (i < half) to[i] = saturated(low[p]);
    if (i + half < dim) to[i + half] = saturated(high[p]);
  }
  if (dim + lane < cache.width) to[dim + lane] = Half{0};
}

std::int64_t width_of(std::int64_t head_dim) { return (head_dim + 7) / 8 * 8; }

}  // namespace

std::int64_t DeviceLayerCache::bytes_for(std::int64_t kv_heads, std::int64_t context, std::int64_t head_dim) {
  return 2 * kv_heads * context * width_of(head_dim) * static_cast<std::int64_t>(sizeof(Half));
}

DeviceLayerCache::DeviceLayerCache(Stream& stream, std::int64_t kv_heads, std::int64_t context, std::int64_t head_dim) {
  const std::int64_t width = width_of(head_dim);
  if (head_dim > kMostDim)
    stream.fail({.code = ErrorCode::kArchitectureUnsupported,
                 .message = "Heads of " + std::to_string(head_dim) + " columns are wider than the " +
                            std::to_string(kMostDim) + " that the GPU's cache is made for."});
  Half* const memory = memory_.matrix(stream, 2 * kv_heads * context, width).data;
  view_ = {.keys = memory,
           .values = memory == nullptr ? nullptr : memory + kv_heads * context * width,
           .kv_heads = static_cast<int>(kv_heads),
           .context = static_cast<int>(context),
           .head_dim = static_cast<int>(head_dim),
           .width = static_cast<int>(width)};
}

void store(Stream& stream, const DeviceCacheView& cache, const DeviceHeadPreparation& preparation,
           const std::int32_t* first_position, DeviceView<float> q, DeviceView<const float> k,
           DeviceView<const float> v) {
  const Turning turning{.cosine = preparation.rope == nullptr ? nullptr : preparation.rope->cosine.data(),
                        .sine = preparation.rope == nullptr ? nullptr : preparation.rope->sine.data(),
                        .q_norm = preparation.q_norm,
                        .k_norm = preparation.k_norm,
                        .eps = preparation.eps};
  const std::int64_t heads = q.cols / cache.head_dim;
  launch(stream,
         {.grid = {blocks_for(q.rows * (heads + 2 * cache.kv_heads), kWarps)}, .block = {32 * kWarps}, .early = true},
         store_kernel, cache, turning, first_position, q.data, k.data, v.data, static_cast<int>(q.rows),
         static_cast<int>(heads));
}

}  // namespace squeeze
