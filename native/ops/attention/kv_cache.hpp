#pragma once
// Keys and values that attention has met before, of one layer. fp16: at long contexts reading them is most of what a
// token costs, and a rounding of 2^-11 is below what attention notices.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/half.hpp"
#include "base/matrix.hpp"

namespace squeeze {

// [kv_heads][context][D] keys, and the same of values, so that a head's positions are one stream.
class LayerCache {
 public:
  LayerCache(std::int64_t kv_heads, std::int64_t context, std::int64_t head_dim);

  std::int64_t kv_heads() const { return kv_heads_; }
  std::int64_t size_bytes() const;

  // Takes up what a head has at a position; key, value: [D]. Values beyond fp16's range are saturated, so that one
  // large number does not become Inf; NaN stays NaN.
  void store(std::int64_t head, std::int64_t position, const float* key, const float* value);

  // The first `count` positions of a head. Only what was stored may be read.
  MatrixView<const Half> keys(std::int64_t head, std::int64_t count) const { return first_of(0, head, count); }
  MatrixView<const Half> values(std::int64_t head, std::int64_t count) const { return first_of(1, head, count); }

 private:
  MatrixView<Half> first_of(std::int64_t part, std::int64_t head, std::int64_t count) const;

  std::int64_t kv_heads_, context_, head_dim_;
  std::unique_ptr<std::byte[]> memory_;  // not cleared: pages that no text reaches are never there
};

}  // namespace squeeze
