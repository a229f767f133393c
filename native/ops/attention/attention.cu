// In the manner of FlashAttention (Dao, arXiv 2307.08691), in fp32: tiles of scores exist, never all of them.

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <type_traits>

#include "ops/attention/attention_cuda.hpp"
#include "ops/attention/tile_product_kernel.hpp"
#include "ops/pack_kernel.hpp"

namespace squeeze {

namespace {

constexpr float kLog2E = 1.44269504f, kLn2 = 0.693147181f;

// What every kernel is told. Columns: of a whole row of q (or out) and of k (or v).
struct Problem {
  int heads, group, dim, length, window;  // group: query heads to a key/value head
  int q_cols, kv_cols;
  float scale;  // 1 / √D
  bool fours;

  __device__ int tiles() const { return (length + kTile - 1) / kTile; }
  __device__ std::int64_t q_offset(std::int64_t sequence, int head) const {
    return sequence * length * q_cols + head * dim;
  }
  __device__ std::int64_t kv_offset(std::int64_t sequence, int kv) const {
    return sequence * length * kv_cols + kv * dim;
  }
  __device__ HeadRows q_rows(const float* q, std::int64_t sequence, int head) const {
    return {q + q_offset(sequence, head), q_cols, length, dim, fours};
  }
  __device__ HeadRows kv_rows(const float* k, std::int64_t sequence, int kv) const {
    return {k + kv_offset(sequence, kv), kv_cols, length, dim, fours};
  }
  __device__ bool sees(int query, int key) const {
    return key <= query && query < length && (window == 0 || query - key < window);
  }
  // Of the first tile of keys that any of the queries from `query` on sees.
  __device__ int first_key(int query) const { return window == 0 ? 0 : max(0, query - window + 1) / kTile * kTile; }
};

// Sequence after sequence, so that one's keys and values stay in the cache; in it the longest work first, so that no
// block is left over at the end.
struct Place {
  std::int64_t sequence;
  int head, tile;
  __device__ Place(int heads, int tiles) {
    const unsigned block = blockIdx.x;
    head = static_cast<int>(block % static_cast<unsigned>(heads));
    tile = static_cast<int>(block / static_cast<unsigned>(heads) % static_cast<unsigned>(tiles));
    sequence = block / static_cast<unsigned>(heads) / static_cast<unsigned>(tiles);
  }
};

template <int Lanes>
__device__ __forceinline__ float sum_over_lanes(float value) {
#pragma unroll
  for (int step = Lanes / 2; step > 0; step /= 2) value += __shfl_xor_sync(kWholeWarp, value, step);
  return value;
}
template <int Lanes>
__device__ __forceinline__ float max_over_lanes(float value) {
#pragma unroll
  for (int step = Lanes / 2; step > 0; step /= 2) value = fmaxf(value, __shfl_xor_sync(kWholeWarp, value, step));
  return value;
}

// A block: one tile of queries of one head. Softmax on the way, with the largest score until now as reference.
template <typename Tiles>
__global__ void __launch_bounds__(Tiles::kThreads, 384 / Tiles::kThreads)
    attention_kernel(Problem p, const float* q, const float* k, const float* v, float* out, float* log_sums) {
  Tiles tiles;
  const Place at(p.heads, p.tiles());
  const int first = (p.tiles() - 1 - at.tile) * kTile, end = min(first + kTile, p.length);
  const HeadRows q_rows = p.q_rows(q, at.sequence, at.head);
  const HeadRows k_rows = p.kv_rows(k, at.sequence, at.head / p.group);
  const HeadRows v_rows = p.kv_rows(v, at.sequence, at.head / p.group);
  const float to_log2 = p.scale * kLog2E;

  typename Tiles::Sums sums = {};
  float most[Tiles::kRowsEach], total[Tiles::kRowsEach];  // total: this thread's part
#pragma unroll
  for (int m = 0; m < Tiles::kRowsEach; ++m) most[m] = -INFINITY, total[m] = 0;

  const int first_key = p.first_key(first);
  const auto load_q_k = [&](int key) {
    return [&, key](int c, int ahead) {
      if (key < end) tiles.load_columns(c, ahead, q_rows, first, k_rows, key);
    };
  };
  tiles.start(load_q_k(first_key));
  for (int key = first_key; key < end; key += kTile) {
    typename Tiles::Scores s;
    tiles.dots(q_rows, first, k_rows, key, s, [&](int c, int ahead) { tiles.load_rows(c, ahead, v_rows, key); });
#pragma unroll
    for (int m = 0; m < Tiles::kRowsEach; ++m) {
      const int query = first + tiles.row() + m * Tiles::kRowStep;
      float largest = most[m];
#pragma unroll
      for (int n = 0; n < Tiles::kScoresEach; ++n) {
        const bool seen = p.sees(query, key + tiles.lane() + n * Tiles::kLanes);
        s[m][n] = seen ? s[m][n] * to_log2 : -INFINITY;
        largest = fmaxf(largest, s[m][n]);
      }
      largest = max_over_lanes<Tiles::kLanes>(largest);
      const float reference = largest == -INFINITY ? 0 : largest;  // nothing seen yet
      const float shrink = exp2f(most[m] - reference);
      most[m] = largest;
      float sum = 0;
#pragma unroll
      for (int n = 0; n < Tiles::kScoresEach; ++n) {
        s[m][n] = exp2f(s[m][n] - reference);
        sum += s[m][n];
      }
      total[m] = total[m] * shrink + sum;
#pragma unroll
      for (int n = 0; n < 4 * Tiles::kFoursEach; ++n) sums[m][n] *= shrink;
    }
    tiles.store_scores(s);
    tiles.add_rows(v_rows, key, sums, load_q_k(key + kTile));
  }

#pragma unroll
  for (int m = 0; m < Tiles::kRowsEach; ++m) {
    const int query = first + tiles.row() + m * Tiles::kRowStep;
    const float whole = sum_over_lanes<Tiles::kLanes>(total[m]);
    if (query >= end) continue;
    tiles.store_row(sums, m, 1.0f / whole,
                    out + p.q_offset(at.sequence, at.head) + static_cast<std::int64_t>(query) * p.q_cols, p.dim,
                    p.fours);
    if (log_sums != nullptr && tiles.lane() == 0)
      log_sums[(at.sequence * p.heads + at.head) * p.length + query] = (most[m] + log2f(whole)) * kLn2;
  }
}

// along[sequence · heads + head, query] = Σ d_out · out = Σ p dp. A warp takes one.
__global__ void output_products_kernel(Problem p, const float* out, const float* d_out, float* along,
                                       std::int64_t count) {
  const std::int64_t index = (static_cast<std::int64_t>(blockIdx.x) * kMapThreads + threadIdx.x) / 32;
  if (index >= count) return;
  const std::int64_t head = index / p.length % p.heads, query = index % p.length;
  const std::int64_t offset = p.q_offset(index / p.length / p.heads, static_cast<int>(head)) + query * p.q_cols;
  float sum = 0;
  for (int d = static_cast<int>(threadIdx.x % 32); d < p.dim; d += 32) sum += out[offset + d] * d_out[offset + d];
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) along[index] = sum;
}

struct BackwardInputs {
  const float *q, *k, *v, *d_out;
  const float *log_sums, *along;  // [sequences · heads, T]
};

// A block: one tile of queries of one head. dq = ds · k.
template <typename Tiles>
__global__ void __launch_bounds__(Tiles::kThreads, 384 / Tiles::kThreads)
    attention_backward_q_kernel(Problem p, BackwardInputs in, float* dq) {
  Tiles tiles;
  const Place at(p.heads, p.tiles());
  const int first = (p.tiles() - 1 - at.tile) * kTile, end = min(first + kTile, p.length);
  const HeadRows q_rows = p.q_rows(in.q, at.sequence, at.head);
  const HeadRows d_out_rows = p.q_rows(in.d_out, at.sequence, at.head);
  const HeadRows k_rows = p.kv_rows(in.k, at.sequence, at.head / p.group);
  const HeadRows v_rows = p.kv_rows(in.v, at.sequence, at.head / p.group);
  const float to_log2 = p.scale * kLog2E;

  typename Tiles::Sums sums = {};
  float log_sum[Tiles::kRowsEach], along[Tiles::kRowsEach];
#pragma unroll
  for (int m = 0; m < Tiles::kRowsEach; ++m) {
    const int query = min(first + tiles.row() + m * Tiles::kRowStep, p.length - 1);
    const std::int64_t index = (at.sequence * p.heads + at.head) * p.length + query;
    log_sum[m] = in.log_sums[index] * kLog2E;
    along[m] = in.along[index];
  }

  const int first_key = p.first_key(first);
  const auto load_q_k = [&](int key) {
    return [&, key](int c, int ahead) {
      if (key < end) tiles.load_columns(c, ahead, q_rows, first, k_rows, key);
    };
  };
  tiles.start(load_q_k(first_key));
  for (int key = first_key; key < end; key += kTile) {
    typename Tiles::Scores s;
    tiles.dots(q_rows, first, k_rows, key, s,
               [&](int c, int ahead) { tiles.load_columns(c, ahead, d_out_rows, first, v_rows, key); });
#pragma unroll
    for (int m = 0; m < Tiles::kRowsEach; ++m)
#pragma unroll
      for (int n = 0; n < Tiles::kScoresEach; ++n) {
        const bool seen = p.sees(first + tiles.row() + m * Tiles::kRowStep, key + tiles.lane() + n * Tiles::kLanes);
        s[m][n] = seen ? exp2f(s[m][n] * to_log2 - log_sum[m]) : 0;
      }
    tiles.store_scores(s);  // and not kept in registers meanwhile
    typename Tiles::Scores ds;
    tiles.dots(d_out_rows, first, v_rows, key, ds, [&](int c, int ahead) { tiles.load_rows(c, ahead, k_rows, key); });
    tiles.load_scores(s);
#pragma unroll
    for (int m = 0; m < Tiles::kRowsEach; ++m)
#pragma unroll
      for (int n = 0; n < Tiles::kScoresEach; ++n) ds[m][n] = s[m][n] * (ds[m][n] - along[m]) * p.scale;
    tiles.store_scores(ds);
    tiles.add_rows(k_rows, key, sums, load_q_k(key + kTile));
  }
#pragma unroll
  for (int m = 0; m < Tiles::kRowsEach; ++m) {
    const int query = first + tiles.row() + m * Tiles::kRowStep;
    if (query < end)
      tiles.store_row(sums, m, 1, dq + p.q_offset(at.sequence, at.head) + static_cast<std::int64_t>(query) * p.q_cols,
                      p.dim, p.fours);
  }
}

// A block: one tile of keys of one key/value head, and the query heads of its group one after the other. The tile of
// scores stands the other way round here: rows are keys. dv = pᵀ · d_out, dk = dsᵀ · q.
template <typename Tiles>
__global__ void __launch_bounds__(Tiles::kThreads, 512 / Tiles::kThreads)
    attention_backward_kv_kernel(Problem p, BackwardInputs in, float* dk, float* dv) {
  Tiles tiles;
  const int kv_heads = p.heads / p.group;
  const Place at(kv_heads, p.tiles());
  const int first = at.tile * kTile;
  const int end = p.window == 0 ? p.length : min(p.length, first + kTile - 1 + p.window);  // of the queries that see it
  const int last_head = (at.head + 1) * p.group;
  const HeadRows k_rows = p.kv_rows(in.k, at.sequence, at.head);
  const HeadRows v_rows = p.kv_rows(in.v, at.sequence, at.head);
  const float to_log2 = p.scale * kLog2E;

  typename Tiles::Sums k_sums = {}, v_sums = {};
  const auto load_k_q = [&](int head, int query) {
    return [&, head, query](int c, int ahead) {
      if (head < last_head) tiles.load_columns(c, ahead, k_rows, first, p.q_rows(in.q, at.sequence, head), query);
    };
  };
  int head = at.head * p.group, query = first;
  tiles.start(load_k_q(head, query));
  while (head < last_head) {
    const HeadRows q_rows = p.q_rows(in.q, at.sequence, head);
    const HeadRows d_out_rows = p.q_rows(in.d_out, at.sequence, head);
    const std::int64_t statistics = (at.sequence * p.heads + head) * p.length;
    typename Tiles::Scores s;
    tiles.dots(k_rows, first, q_rows, query, s,
               [&](int c, int ahead) { tiles.load_rows(c, ahead, d_out_rows, query); });
#pragma unroll
    for (int n = 0; n < Tiles::kScoresEach; ++n) {
      const int i = query + tiles.lane() + n * Tiles::kLanes;
      const float log_sum = in.log_sums[statistics + min(i, p.length - 1)] * kLog2E;
#pragma unroll
      for (int m = 0; m < Tiles::kRowsEach; ++m) {
        const bool seen = p.sees(i, first + tiles.row() + m * Tiles::kRowStep);
        s[m][n] = seen ? exp2f(s[m][n] * to_log2 - log_sum) : 0;
      }
    }
    tiles.store_scores(s);
    tiles.add_rows(d_out_rows, query, v_sums,
                   [&](int c, int ahead) { tiles.load_columns(c, ahead, v_rows, first, d_out_rows, query); });

    typename Tiles::Scores ds;
    tiles.dots(v_rows, first, d_out_rows, query, ds,
               [&](int c, int ahead) { tiles.load_rows(c, ahead, q_rows, query); });
    tiles.load_scores(s);
#pragma unroll
    for (int n = 0; n < Tiles::kScoresEach; ++n) {
      const float along = in.along[statistics + min(query + tiles.lane() + n * Tiles::kLanes, p.length - 1)];
#pragma unroll
      for (int m = 0; m < Tiles::kRowsEach; ++m) ds[m][n] = s[m][n] * (ds[m][n] - along) * p.scale;
    }
    tiles.store_scores(ds);
    const bool same_head = query + kTile < end;
    const int next_head = same_head ? head : head + 1, next_query = same_head ? query + kTile : first;
    tiles.add_rows(q_rows, query, k_sums, load_k_q(next_head, next_query));
    head = next_head;
    query = next_query;
  }
#pragma unroll
  for (int m = 0; m < Tiles::kRowsEach; ++m) {
    const int key = first + tiles.row() + m * Tiles::kRowStep;
    if (key >= p.length) continue;
    const std::int64_t offset = p.kv_offset(at.sequence, at.head) + static_cast<std::int64_t>(key) * p.kv_cols;
    tiles.store_row(k_sums, m, 1, dk + offset, p.dim, p.fours);
    tiles.store_row(v_sums, m, 1, dv + offset, p.dim, p.fours);
  }
}

Problem problem_of(const AttentionShape& shape, std::int64_t sequences, std::int64_t rows, bool aligned) {
  assert(rows / sequences * shape.heads * shape.head_dim <= std::numeric_limits<int>::max());
  return {.heads = static_cast<int>(shape.heads),
          .group = static_cast<int>(shape.heads / shape.kv_heads),
          .dim = static_cast<int>(shape.head_dim),
          .length = static_cast<int>(rows / sequences),
          .window = static_cast<int>(std::min(shape.window, rows / sequences)),
          .q_cols = static_cast<int>(shape.heads * shape.head_dim),
          .kv_cols = static_cast<int>(shape.kv_heads * shape.head_dim),
          .scale = 1.0f / std::sqrt(static_cast<float>(shape.head_dim)),
          .fours = aligned && shape.head_dim % 4 == 0};
}

// A launch with a block for each tile of each of `heads` in each sequence.
Launch launch_of(std::int64_t heads, std::int64_t sequences, int length, int threads,
                 const std::source_location& where = std::source_location::current()) {
  return {.grid = {static_cast<unsigned>(heads * sequences * ((length + kTile - 1) / kTile))},
          .block = {static_cast<unsigned>(threads)},
          .shared = kTileSharedBytes,
          .where = where};
}

// Calls with the TileProduct for a dimension. Eight lanes to a row: little is exchanged, and a thread's sums are 4 ×
// D/8; the widest heads take half the rows a thread, so that they fit into registers.
template <typename Call>
void with_tiles(std::int64_t dim, Call&& call) {
  assert(dim <= 256);
  if (dim <= 32) return call(std::type_identity<TileProduct<32, 4, 8>>());
  if (dim <= 64) return call(std::type_identity<TileProduct<64, 4, 8>>());
  if (dim <= 96) return call(std::type_identity<TileProduct<96, 4, 8>>());
  if (dim <= 128) return call(std::type_identity<TileProduct<128, 4, 8>>());
  call(std::type_identity<TileProduct<256, 2, 8>>());
}
// With twice the threads, for two sets of sums.
template <typename Call>
void with_wide_tiles(std::int64_t dim, Call&& call) {
  assert(dim <= 256);
  if (dim <= 64) return call(std::type_identity<TileProduct<64, 4, 16>>());
  if (dim <= 128) return call(std::type_identity<TileProduct<128, 4, 16>>());
  call(std::type_identity<TileProduct<256, 2, 16>>());
}

}  // namespace

void attention(Stream& stream, const AttentionShape& shape, std::int64_t sequences, DeviceView<const float> q,
               DeviceView<const float> k, DeviceView<const float> v, DeviceView<float> out,
               DeviceView<float> log_sums) {
  assert(q.rows == k.rows && q.rows == v.rows && q.rows == out.rows && sequences > 0 && q.rows % sequences == 0);
  const Problem p = problem_of(shape, sequences, q.rows, fit_fours(q.data, k.data, v.data, out.data));
  with_tiles(shape.head_dim, [&]<typename Tiles>(std::type_identity<Tiles>) {
    launch(stream, launch_of(shape.heads, sequences, p.length, Tiles::kThreads), attention_kernel<Tiles>, p, q.data,
           k.data, v.data, out.data, log_sums.data);
  });
}

void attention_backward(Stream& stream, const AttentionShape& shape, std::int64_t sequences, DeviceView<const float> q,
                        DeviceView<const float> k, DeviceView<const float> v, DeviceView<const float> out,
                        DeviceView<const float> log_sums, DeviceView<const float> d_out, DeviceView<float> dq,
                        DeviceView<float> dk, DeviceView<float> dv, DeviceAttentionSpace& space) {
  assert(q.rows == k.rows && q.rows == v.rows && q.rows == out.rows && sequences > 0 && q.rows % sequences == 0);
  assert(q.rows == d_out.rows && q.rows == dq.rows && q.rows == dk.rows && q.rows == dv.rows);
  const Problem p =
      problem_of(shape, sequences, q.rows, fit_fours(q.data, k.data, v.data, d_out.data, dq.data, dk.data, dv.data));
  const DeviceView<float> along = space.statistics.matrix(stream, shape.heads * sequences, p.length);
  launch(stream, {.grid = {blocks_for(along.size() * 32, kMapThreads)}, .block = {kMapThreads}}, output_products_kernel,
         p, out.data, d_out.data, along.data, along.size());
  const BackwardInputs in = {q.data, k.data, v.data, d_out.data, log_sums.data, along.data};
  with_wide_tiles(shape.head_dim, [&]<typename Tiles>(std::type_identity<Tiles>) {
    launch(stream, launch_of(shape.kv_heads, sequences, p.length, Tiles::kThreads), attention_backward_kv_kernel<Tiles>,
           p, in, dk.data, dv.data);
  });
  with_tiles(shape.head_dim, [&]<typename Tiles>(std::type_identity<Tiles>) {
    launch(stream, launch_of(shape.heads, sequences, p.length, Tiles::kThreads), attention_backward_q_kernel<Tiles>, p,
           in, dq.data);
  });
}

}  // namespace squeeze
