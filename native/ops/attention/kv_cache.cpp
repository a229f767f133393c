#include "ops/attention/kv_cache.hpp"

#include <cassert>

#include "ops/half/half_rows.hpp"

namespace squeeze {

LayerCache::LayerCache(std::int64_t kv_heads, std::int64_t context, std::int64_t head_dim)
    : kv_heads_(kv_heads),
      context_(context),
      head_dim_(head_dim),
      memory_(std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(size_bytes()))) {}

std::int64_t LayerCache::size_bytes() const {
  return 2 * kv_heads_ * context_ * head_dim_ * static_cast<std::int64_t>(sizeof(Half));
}

void LayerCache::store(std::int64_t head, std::int64_t position, const float* key, const float* value) {
  to_halves_saturated(key, head_dim_, first_of(0, head, position + 1).row(position).data());
  to_halves_saturated(value, head_dim_, first_of(1, head, position + 1).row(position).data());
}

MatrixView<Half> LayerCache::first_of(std::int64_t part, std::int64_t head, std::int64_t count) const {
  assert(head >= 0 && head < kv_heads_ && count >= 0 && count <= context_);
  Half* const halves = reinterpret_cast<Half*>(memory_.get());
  return {halves + (part * kv_heads_ + head) * context_ * head_dim_, count, head_dim_};
}

}  // namespace squeeze
