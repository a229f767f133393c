#include "ops/attention/attention.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "ops/attention/query_block.hpp"
#include "ops/exp/exp.hpp"
#include "ops/half/half_rows.hpp"
#include "ops/matmul/matmul.hpp"
#include "ops/scratch.hpp"

namespace squeeze {

namespace {

// Queries [first, last) and the keys [key_first, key_last) that any of them sees. Positions count within Tk.
struct Block {
  std::int64_t first, last, key_first, key_last;
};

Block block_at(const AttentionShape& shape, std::int64_t first, std::int64_t last) {
  const std::int64_t key_first = shape.window > 0 ? std::max<std::int64_t>(0, first - shape.window + 1) : 0;
  return {first, last, key_first, last};
}

// The columns of one head in the rows [first, last) of a sequence that starts at row `origin`.
template <typename T>
StridedView<T> head_of(MatrixView<T> m, std::int64_t head_dim, std::int64_t head, std::int64_t origin,
                       std::int64_t first, std::int64_t last) {
  return {m.data + (origin + first) * m.cols + head * head_dim, last - first, head_dim, m.cols};
}

}  // namespace

// Turns a block of scores into probabilities, in place; keys that a query does not see get 0. `shift` is the position
// of the first query minus that of the first key, and each row has `keys` columns.
SQUEEZE_HOT static void causal_softmax(float* scores, std::int64_t rows, std::int64_t keys, std::int64_t shift,
                                       std::int64_t window, float scale) {
  for (std::int64_t r = 0; r < rows; ++r, scores += keys) {
    const std::int64_t end = shift + r + 1;
    const std::int64_t begin = window > 0 && end > window ? end - window : 0;
    for (std::int64_t j = 0; j < begin; ++j) scores[j] = 0;
    for (std::int64_t j = end; j < keys; ++j) scores[j] = 0;
    float most = scores[begin];
#pragma omp simd reduction(max : most)
    for (std::int64_t j = begin; j < end; ++j) most = most < scores[j] ? scores[j] : most;
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t j = begin; j < end; ++j) {
      scores[j] = exp_approx((scores[j] - most) * scale);
      sum += scores[j];
    }
    const float inverse = 1.0f / sum;
    for (std::int64_t j = begin; j < end; ++j) scores[j] *= inverse;
  }
}

// ds = p (dp − Σ p dp) scale, in the place of dp. Where p is 0 because of the mask, so is ds.
SQUEEZE_HOT static void softmax_backward(const float* p, float* dp, std::int64_t rows, std::int64_t keys, float scale) {
  for (std::int64_t r = 0; r < rows; ++r, p += keys, dp += keys) {
    float along = 0;
#pragma omp simd reduction(+ : along)
    for (std::int64_t j = 0; j < keys; ++j) along += p[j] * dp[j];
    for (std::int64_t j = 0; j < keys; ++j) dp[j] = p[j] * (dp[j] - along) * scale;
  }
}

namespace {

// Working memory of one thread. It stays for the next call, so that no layer or sample pays for fresh pages.
struct ThreadScratch {
  Scratch scores, gradients, keys, values;
};

ThreadScratch& thread_scratch() {
  thread_local ThreadScratch scratch;
  return scratch;
}

// The query heads of key/value head `kv`, for the queries of one sequence, which are the last positions of v.
// score(queries, first key, scores) multiplies queries with the keys from there on.
template <typename Score>
void attend_group(const AttentionShape& shape, std::int64_t kv, MatrixView<const float> q, StridedView<const float> v,
                  MatrixView<float> out, const Score& score) {
  const std::int64_t dim = shape.head_dim, group = shape.heads / shape.kv_heads, past = v.rows - q.rows;
  const float scale = 1.0f / std::sqrt(static_cast<float>(dim));
  for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
    for (std::int64_t i = 0; i < q.rows; i += kQueryBlock) {
      const Block b = block_at(shape, past + i, past + std::min(q.rows, i + kQueryBlock));
      const std::int64_t keys = b.key_last - b.key_first, last = i + b.last - b.first;
      const MatrixView<float> p = thread_scratch().scores.matrix(last - i, keys);
      score(head_of(q, dim, h, 0, i, last), b.key_first, p);
      causal_softmax(p.data, p.rows, p.cols, b.first - b.key_first, shape.window, scale);
      matmul_nn(p, StridedView<const float>(v.data + b.key_first * v.stride, keys, dim, v.stride),
                head_of(out, dim, h, 0, i, last));
    }
  }
}

// Key/value heads that are worth handing to a thread together, so that decoding a small model stays on one.
std::int64_t head_chunk(const AttentionShape& s, std::int64_t queries, std::int64_t keys) {
  const std::int64_t products = s.heads / s.kv_heads * queries * keys * s.head_dim;
  return std::max<std::int64_t>(1, (1 << 15) / products);
}

[[maybe_unused]] bool fits(const AttentionShape& s, MatrixView<const float> q, MatrixView<const float> k) {
  return s.kv_heads > 0 && s.heads % s.kv_heads == 0 && q.cols == s.heads * s.head_dim &&
         k.cols == s.kv_heads * s.head_dim;
}

}  // namespace

void attention(const AttentionShape& shape, std::int64_t sequences, MatrixView<const float> q,
               MatrixView<const float> k, MatrixView<const float> v, MatrixView<float> out) {
  assert(fits(shape, q, k) && fits(shape, out, v) && out.rows == q.rows && v.rows == k.rows);
  assert(sequences > 0 && q.rows % sequences == 0 && k.rows % sequences == 0 && k.rows >= q.rows);
  const std::int64_t queries = q.rows / sequences, keys = k.rows / sequences, dim = shape.head_dim;
  parallel_for(sequences * shape.kv_heads, head_chunk(shape, queries, keys), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t s = task / shape.kv_heads, kv = task % shape.kv_heads;
      attend_group(shape, kv, q.rows_from(s * queries, queries), head_of(v, dim, kv, s * keys, 0, keys),
                   out.rows_from(s * queries, queries),
                   [&](StridedView<const float> some, std::int64_t first, MatrixView<float> scores) {
                     matmul_nt(some, head_of(k, dim, kv, s * keys, first, first + scores.cols), scores);
                   });
    }
  });
}

void attention_cached(const AttentionShape& shape, std::int64_t first_position, MatrixView<const float> q,
                      const LayerCache& cache, MatrixView<float> out) {
  assert(q.cols == shape.heads * shape.head_dim && out.rows == q.rows && out.cols == q.cols);
  const std::int64_t known = first_position + q.rows, dim = shape.head_dim;
  // From the block on in which the oldest position that is seen lies.
  const std::int64_t block = block_at(shape, first_position, known).key_first / kKeyBlock;
  const std::int64_t blocks = (known + kKeyBlock - 1) / kKeyBlock - block, oldest = block * kKeyBlock;
  parallel_for(shape.kv_heads, head_chunk(shape, q.rows, known), [&](std::int64_t begin, std::int64_t end) {
    ThreadScratch& scratch = thread_scratch();
    for (std::int64_t kv = begin; kv < end; ++kv) {
      const MatrixView<float> keys = scratch.keys.matrix(dim, blocks * kKeyBlock);
      for (std::int64_t b = 0; b < blocks; ++b)
        for (std::int64_t d = 0; d < dim; ++d)
          to_floats(cache.keys(kv, block + b) + d * kKeyBlock, kKeyBlock, keys.row(d).data() + b * kKeyBlock);
      const MatrixView<float> values = scratch.values.matrix(known - oldest, dim);
      to_floats(cache.values(kv, known).row(oldest).data(), values.size(), values.data);
      attend_group(shape, kv, q, values, out,
                   [&](StridedView<const float> some, std::int64_t first, MatrixView<float> scores) {
                     matmul_nn(some, StridedView<const float>(keys.data + first, dim, scores.cols, keys.cols), scores);
                   });
    }
  });
}

void attention_backward(const AttentionShape& shape, std::int64_t sequences, MatrixView<const float> q,
                        MatrixView<const float> k, MatrixView<const float> v, MatrixView<const float> d_out,
                        MatrixView<float> dq, MatrixView<float> dk, MatrixView<float> dv) {
  assert(fits(shape, q, k) && fits(shape, d_out, v) && fits(shape, dq, dk) && fits(shape, dq, dv));
  assert(q.rows == k.rows && q.rows == v.rows && q.rows == d_out.rows && q.rows == dq.rows && q.rows == dk.rows);
  assert(sequences > 0 && q.rows % sequences == 0 && q.rows == dv.rows);
  const std::int64_t length = q.rows / sequences, dim = shape.head_dim, group = shape.heads / shape.kv_heads;
  const float scale = 1.0f / std::sqrt(static_cast<float>(dim));

  parallel_for(sequences * shape.kv_heads, head_chunk(shape, length, length),
               [&](std::int64_t begin, std::int64_t end) {
                 ThreadScratch& scratch = thread_scratch();
                 for (std::int64_t task = begin; task < end; ++task) {
                   const std::int64_t origin = task / shape.kv_heads * length, kv = task % shape.kv_heads;
                   for (MatrixView<float> m : {dk, dv}) {
                     const auto own = head_of(m, dim, kv, origin, 0, length);
                     for (std::int64_t r = 0; r < length; ++r) std::fill_n(own.data + r * own.stride, dim, 0.0f);
                   }
                   for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
                     for (std::int64_t i = 0; i < length; i += kQueryBlock) {
                       const Block b = block_at(shape, i, std::min(length, i + kQueryBlock));
                       const auto q_h = head_of(q, dim, h, origin, b.first, b.last);
                       const auto k_h = head_of(k, dim, kv, origin, b.key_first, b.key_last);
                       const auto v_h = head_of(v, dim, kv, origin, b.key_first, b.key_last);
                       const auto d_out_h = head_of(d_out, dim, h, origin, b.first, b.last);
                       const MatrixView<float> p = scratch.scores.matrix(q_h.rows, k_h.rows);
                       const MatrixView<float> dp = scratch.gradients.matrix(q_h.rows, k_h.rows);
                       matmul_nt(q_h, k_h, p);
                       causal_softmax(p.data, p.rows, p.cols, b.first - b.key_first, shape.window, scale);
                       matmul_tn(p, d_out_h, head_of(dv, dim, kv, origin, b.key_first, b.key_last), 1);
                       matmul_nt(d_out_h, v_h, dp);
                       softmax_backward(p.data, dp.data, dp.rows, dp.cols, scale);
                       matmul_nn(dp, k_h, head_of(dq, dim, h, origin, b.first, b.last));
                       matmul_tn(dp, q_h, head_of(dk, dim, kv, origin, b.key_first, b.key_last), 1);
                     }
                   }
                 }
               });
}

}  // namespace squeeze
