#pragma once
// Attention of a few new tokens over a cache: the part of decoding that grows with the text.
//   out_t,h = Σ_j softmax_j(q_t,h · k_j / √D) v_j  over the positions j that token t sees
// The softmax is taken in one pass over keys and values, as in Milakov and Gimelshein, arXiv 1805.02867: what has been
// summed is scaled down whenever a larger score comes.

#include <cstdint>

#include "ops/attention/kv_cache.hpp"
#include "ops/matmul/matmul.hpp"
#include "ops/scratch.hpp"

namespace squeeze {

// Working memory of one thread; grows to the largest it was used for.
struct DecodeAttentionScratch {
  Scratch queries, keys, values, sums, softmax;
};

// The query heads that share the key/value head `kv_head`, on the calling thread. q, out: [T, G · D] fp32; the cache
// holds `known` positions, the last T of them being the new tokens' own. Token t sees the positions up to
// known − T + t, of which a window > 0 leaves the last `window`. Keys and values are converted once for all T · G
// queries. fp32 accumulation, deterministic. out must not be q.
void decode_attention(StridedView<const float> q, const LayerCache& cache, std::int64_t kv_head, std::int64_t known,
                      std::int64_t window, StridedView<float> out, DecodeAttentionScratch& scratch);

}  // namespace squeeze
