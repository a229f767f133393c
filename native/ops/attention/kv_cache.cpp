#include "ops/attention/kv_cache.hpp"

#include <algorithm>
#include <cassert>

#include "ops/half/half_rows.hpp"

namespace squeeze {

LayerCache::LayerCache(std::int64_t kv_heads, std::int64_t context, std::int64_t head_dim)
    : kv_heads_(kv_heads),
      context_(context),
      head_dim_(head_dim),
      key_blocks_((context + kKeyBlock - 1) / kKeyBlock),
      memory_(aligned_bytes(static_cast<std::size_t>(size_bytes()))) {}

std::int64_t LayerCache::size_bytes() const {
  return kv_heads_ * head_dim_ * (key_blocks_ * kKeyBlock + context_) * static_cast<std::int64_t>(sizeof(Half));
}

void LayerCache::store(std::int64_t head, std::int64_t position, const float* key, const float* value) {
  assert(head >= 0 && head < kv_heads_ && position >= 0 && position < context_);
  Half* const block = key_memory() + (head * key_blocks_ + position / kKeyBlock) * head_dim_ * kKeyBlock;
  if (position % kKeyBlock == 0) std::fill_n(block, head_dim_ * kKeyBlock, Half());
  Half* const column = block + position % kKeyBlock;
  for (std::int64_t i = 0; i < head_dim_; ++i) column[i * kKeyBlock] = to_half_saturated(key[i]);
  to_halves_saturated(value, head_dim_, value_memory() + (head * context_ + position) * head_dim_);
}

MatrixView<const Half> LayerCache::values(std::int64_t head, std::int64_t count) const {
  assert(head >= 0 && head < kv_heads_ && count >= 0 && count <= context_);
  return {value_memory() + head * context_ * head_dim_, count, head_dim_};
}

}  // namespace squeeze
