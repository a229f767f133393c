#include <algorithm>

#include "device/kernel.hpp"
#include "ops/attention/decode_attention_cuda.hpp"

namespace squeeze {

namespace {

// A block takes this many queries of one head, a warp 16 of them.
constexpr int kQueries = 64, kThreads = 32 * kQueries / 16;
constexpr int kPad = 8;  // halves behind a row in shared memory, so that eight rows lie in different banks

// Keys that lie in shared memory at a time.
constexpr int keys_at_once(int dim) { return dim > 128 ? 32 : 64; }

struct CachedShape {
  int first, tokens, heads, group, window;
  float scale;  // of scores, for powers of two
};

__device__ __forceinline__ unsigned two_halves(float low, float high) {
  return static_cast<unsigned>(from_float<Half>(low).bits) | static_cast<unsigned>(from_float<Half>(high).bits) << 16;
}

// By what sums made with the largest score `before` are to be multiplied once it is `now`; both may be −∞.
__device__ __forceinline__ float kept(float before, float now) {
  return exp2f(before - (now == -INFINITY ? 0.0f : now));
}

// Rows [first, first + kRows) of one head's keys or values; zeros beyond `known` and beyond the width.
template <int kDim, int kRows>
__device__ __forceinline__ void load_rows(const Half* rows, int first, int known, int width, Half* to) {
  constexpr int kPieces = kDim / 8;  // of 16 bytes
  for (int i = static_cast<int>(threadIdx.x); i < kRows * kPieces; i += kThreads) {
    const int row = i / kPieces, column = i % kPieces * 8;
    uint4 piece = make_uint4(0, 0, 0, 0);
    if (first + row < known && column < width)
      piece = *reinterpret_cast<const uint4*>(rows + static_cast<std::int64_t>(first + row) * width + column);
    *reinterpret_cast<uint4*>(to + row * (kDim + kPad) + column) = piece;
  }
}

// The tiles' layout in registers is that of mma_m16n8k16: lane 4g + t holds columns 2t and 2t + 1 of rows g and g + 8.
template <int kDim, typename T>
__global__ void __launch_bounds__(kThreads)
    attention_cached_kernel(const float* q, DeviceCacheView cache, CachedShape shape, T* out) {
  constexpr int kKeys = keys_at_once(kDim), kRow = kDim + kPad;
  Half* const queries = dynamic_shared<Half>();
  Half* const keys = queries + kQueries * kRow;
  Half* const values = keys + kKeys * kRow;

  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32, lane = thread % 32;
  const int head = static_cast<int>(blockIdx.y), kv_head = head / shape.group, dim = cache.head_dim;
  // The last queries see most, so they begin.
  const int first_query = static_cast<int>(gridDim.x - 1 - blockIdx.x) * kQueries;
  const std::int64_t q_width = static_cast<std::int64_t>(shape.heads) * dim;
  const int known = shape.first + min(shape.tokens, first_query + kQueries);

  for (int i = thread; i < kQueries * kDim; i += kThreads) {
    const int row = i / kDim, column = i % kDim, token = first_query + row;
    float value = 0;
    if (token < shape.tokens && column < dim)
      value = q[token * q_width + static_cast<std::int64_t>(head) * dim + column] * shape.scale;
    constexpr float most = 65504.0f;
    queries[row * kRow + column] = from_float<Half>(value > most ? most : value < -most ? -most : value);
  }

  float sums[kDim / 8][4] = {};
  float most[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};
  int position[2];
#pragma unroll
  for (int h = 0; h < 2; ++h) position[h] = shape.first + first_query + 16 * warp + lane / 4 + 8 * h;
  const Half* const query_row = queries + (16 * warp + lane / 8 % 2 * 8 + lane % 8) * kRow + lane / 16 * 8;
  const Half* const key_row = keys + (lane / 16 * 8 + lane % 8) * kRow + lane / 8 % 2 * 8;
  const Half* const value_row = values + (lane / 8 % 2 * 8 + lane % 8) * kRow + lane / 16 * 8;
  const std::int64_t head_at = static_cast<std::int64_t>(kv_head) * cache.context * cache.width;

  const int oldest = shape.window > 0 ? max(0, shape.first + first_query - shape.window + 1) : 0;
  for (int base = oldest / kKeys * kKeys; base < known; base += kKeys) {
    __syncthreads();
    load_rows<kDim, kKeys>(cache.keys + head_at, base, known, cache.width, keys);
    load_rows<kDim, kKeys>(cache.values + head_at, base, known, cache.width, values);
    __syncthreads();

    float scores[kKeys / 8][4] = {};
#pragma unroll
    for (int d = 0; d < kDim; d += 16) {
      unsigned a[4];
      load_matrix_x4(a, query_row + d);
#pragma unroll
      for (int j = 0; j < kKeys / 8; j += 2) {
        unsigned b[4];
        load_matrix_x4(b, key_row + 8 * j * kRow + d);
        const unsigned left[2] = {b[0], b[1]}, right[2] = {b[2], b[3]};
        mma_m16n8k16<Half>(scores[j], a, left);
        mma_m16n8k16<Half>(scores[j + 1], a, right);
      }
    }

#pragma unroll
    for (int h = 0; h < 2; ++h) {
      float now = most[h];
#pragma unroll
      for (int j = 0; j < kKeys / 8; ++j)
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          float& score = scores[j][2 * h + c];
          const int key = base + 8 * j + lane % 4 * 2 + c;
          if (key > position[h] || (shape.window > 0 && key <= position[h] - shape.window)) score = -INFINITY;
          now = score > now ? score : now;
        }
#pragma unroll
      for (int step = 1; step < 4; step *= 2) {
        const float other = __shfl_xor_sync(kWholeWarp, now, step);
        now = other > now ? other : now;
      }
      const float before = kept(most[h], now);
      most[h] = now;
      total[h] *= before;
#pragma unroll
      for (int n = 0; n < kDim / 8; ++n) {
        sums[n][2 * h] *= before;
        sums[n][2 * h + 1] *= before;
      }
#pragma unroll
      for (int j = 0; j < kKeys / 8; ++j)
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          float& score = scores[j][2 * h + c];
          score = kept(score, now);
          total[h] += score;
        }
    }

#pragma unroll
    for (int j = 0; j < kKeys / 8; j += 2) {
      const unsigned a[4] = {two_halves(scores[j][0], scores[j][1]), two_halves(scores[j][2], scores[j][3]),
                             two_halves(scores[j + 1][0], scores[j + 1][1]),
                             two_halves(scores[j + 1][2], scores[j + 1][3])};
#pragma unroll
      for (int n = 0; n < kDim / 8; n += 2) {
        unsigned b[4];
        load_matrix_x4_transposed(b, value_row + 8 * j * kRow + 8 * n);
        const unsigned left[2] = {b[0], b[1]}, right[2] = {b[2], b[3]};
        mma_m16n8k16<Half>(sums[n], a, left);
        mma_m16n8k16<Half>(sums[n + 1], a, right);
      }
    }
  }

#pragma unroll
  for (int h = 0; h < 2; ++h) {
    total[h] += __shfl_xor_sync(kWholeWarp, total[h], 1);
    total[h] += __shfl_xor_sync(kWholeWarp, total[h], 2);
    const int token = position[h] - shape.first;
    if (token >= shape.tokens) continue;
    T* const to = out + token * q_width + static_cast<std::int64_t>(head) * dim;
#pragma unroll
    for (int n = 0; n < kDim / 8; ++n)
#pragma unroll
      for (int c = 0; c < 2; ++c)
        if (const int column = 8 * n + lane % 4 * 2 + c; column < dim)
          to[column] = from_float<T>(sums[n][2 * h + c] / total[h]);
  }
}

template <int kDim, typename T>
void run(Stream& stream, const CachedShape& shape, const float* q, const DeviceCacheView& cache, T* out) {
  constexpr std::int64_t rows = kQueries + 2 * keys_at_once(kDim);
  launch(stream,
         {.grid = {blocks_for(shape.tokens, kQueries), static_cast<unsigned>(shape.heads)},
          .block = {kThreads},
          .shared = rows * (kDim + kPad) * static_cast<std::int64_t>(sizeof(Half))},
         attention_cached_kernel<kDim, T>, q, cache, shape, out);
}

}  // namespace

template <typename T>
void attention_cached(Stream& stream, const AttentionShape& shape, std::int64_t first_position,
                      DeviceView<const float> q, const DeviceCacheView& cache, DeviceView<T> out) {
  constexpr float log2_e = 1.4426950408889634f;
  const CachedShape here{.first = static_cast<int>(first_position),
                         .tokens = static_cast<int>(q.rows),
                         .heads = static_cast<int>(shape.heads),
                         .group = static_cast<int>(shape.heads / shape.kv_heads),
                         .window = static_cast<int>(shape.window),
                         .scale = log2_e / sqrtf(static_cast<float>(shape.head_dim))};
  if (cache.width <= 32) return run<32>(stream, here, q.data, cache, out.data);
  if (cache.width <= 64) return run<64>(stream, here, q.data, cache, out.data);
  if (cache.width <= 96) return run<96>(stream, here, q.data, cache, out.data);
  if (cache.width <= 128) return run<128>(stream, here, q.data, cache, out.data);
  run<256>(stream, here, q.data, cache, out.data);
}
template void attention_cached(Stream&, const AttentionShape&, std::int64_t, DeviceView<const float>,
                               const DeviceCacheView&, DeviceView<float>);
template void attention_cached(Stream&, const AttentionShape&, std::int64_t, DeviceView<const float>,
                               const DeviceCacheView&, DeviceView<Half>);
template void attention_cached(Stream&, const AttentionShape&, std::int64_t, DeviceView<const float>,
                               const DeviceCacheView&, DeviceView<BFloat16>);

}  // namespace squeeze
