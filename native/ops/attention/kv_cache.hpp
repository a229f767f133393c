#pragma once
// Keys and values that attention has met before, of one layer. fp16: at long contexts reading them is most of what a
// token costs, and a rounding of 2^-11 is below what attention notices.

#include <cstdint>

#include "base/aligned.hpp"
#include "base/half.hpp"
#include "base/matrix.hpp"

namespace squeeze {

// Positions whose keys lie together.
inline constexpr std::int64_t kKeyBlock = 32;

// A head's positions are one stream of keys and one of values. Values lie as rows: [kv_heads][context][D]. Keys lie in
// blocks of 32 positions, each turned: [kv_heads][context / 32][D][32]. So a score for 32 positions is a sum over D of
// whole vectors, and no vector is ever added up across.
class LayerCache {
 public:
  LayerCache(std::int64_t kv_heads, std::int64_t context, std::int64_t head_dim);

  std::int64_t kv_heads() const { return kv_heads_; }
  std::int64_t head_dim() const { return head_dim_; }
  std::int64_t size_bytes() const;

  // Takes up what a head has at a position; key, value: [D]. A head's positions come in order, from one thread at a
  // time; text may go on from any of them anew. Values beyond
  // fp16's range are saturated, so that one large number does not become Inf; NaN stays NaN.
  void store(std::int64_t head, std::int64_t position, const float* key, const float* value);

  // Keys [D][32] of the positions from 32 · block on. Those that were never stored are zeros.
  const Half* keys(std::int64_t head, std::int64_t block) const {
    return key_memory() + (head * key_blocks_ + block) * head_dim_ * kKeyBlock;
  }
  // Values of the first `count` positions.
  MatrixView<const Half> values(std::int64_t head, std::int64_t count) const;

 private:
  Half* key_memory() const { return reinterpret_cast<Half*>(memory_.get()); }
  Half* value_memory() const { return key_memory() + kv_heads_ * key_blocks_ * kKeyBlock * head_dim_; }

  std::int64_t kv_heads_, context_, head_dim_, key_blocks_;
  AlignedBytes memory_;
};

}  // namespace squeeze
