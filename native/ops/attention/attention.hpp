#pragma once
// Causal attention with grouped queries (Ainslie et al., arXiv 2305.13245) and an optional sliding window:
//   out_i = Σ_j softmax_j(q_i · k_j / √D) v_j  over  max(0, i − window + 1) <= j <= i
// Query head h reads key/value head h / (heads / kv_heads).

#include <cstdint>

#include "base/matrix.hpp"
#include "ops/attention/kv_cache.hpp"

namespace squeeze {

struct AttentionShape {
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0;  // heads is a multiple of kv_heads
  std::int64_t window = 0;                             // 0: none
};

// q, out: [sequences · Tq, heads · D]; k, v: [sequences · Tk, kv_heads · D], fp32, Tk >= Tq. The queries are the last
// Tq positions of the Tk. Scores of 128 queries at a time exist, never all. out may be q. Parallel over sequences and
// key/value heads; deterministic for a thread count. Working memory is kept per thread.
void attention(const AttentionShape& shape, std::int64_t sequences, MatrixView<const float> q,
               MatrixView<const float> k, MatrixView<const float> v, MatrixView<float> out);

// The same for the next positions of one sequence, from first_position on; the cache holds theirs and all before. Made
// for many queries: keys and values become fp32 first, one key/value head at a time.
void attention_cached(const AttentionShape& shape, std::int64_t first_position, MatrixView<const float> q,
                      const LayerCache& cache, MatrixView<float> out);

// Gradients dq, dk, dv given d_out, for Tq = Tk; the probabilities are computed again. With p = softmax(s),
// dp = d_out · v:  ds = p (dp − Σ p dp) / √D, dq = ds · k, dk = dsᵀ · q, dv = pᵀ · d_out, the last two summed over the
// query heads of a group. None of the results may be an input.
void attention_backward(const AttentionShape& shape, std::int64_t sequences, MatrixView<const float> q,
                        MatrixView<const float> k, MatrixView<const float> v, MatrixView<const float> d_out,
                        MatrixView<float> dq, MatrixView<float> dk, MatrixView<float> dv);

}  // namespace squeeze
