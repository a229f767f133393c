#pragma once
// Attention of new tokens over a cache on a GPU: see decode_attention.hpp and attention.hpp. fp32 softmax; sums in an
// order that depends on the length of the text only.

#include "ops/attention/attention.hpp"
#include "ops/attention/device_cache.hpp"

namespace squeeze {

// For few tokens (up to 16): what a text's length costs. A key/value head's positions are dealt out to a number of
// blocks, fixed by the context so that it can be recorded; those that the text is too short for leave at once. The
// last block to be done adds up what the others have found, in their order.
class DeviceDecodeAttention {
 public:
  DeviceDecodeAttention(Stream& stream, const AttentionShape& shape, std::int64_t context);

  // q, out [T, heads · D] fp32, T <= 16; out may not be q. The cache holds the new tokens' positions, too, the first of
  // which is read from memory of the device. Allocates nothing.
  void run(Stream& stream, const DeviceCacheView& cache, const std::int32_t* first_position, DeviceView<const float> q,
           DeviceView<float> out);
  std::int64_t size_bytes() const { return partial_.size_bytes() + arrived_.size_bytes(); }

 private:
  AttentionShape shape_;
  int splits_;
  DeviceArray<float> partial_;
  DeviceArray<std::int32_t> arrived_;  // blocks of a head that are done; zero between launches
};

// For many: queries of the positions from first_position on, over all that the cache holds up to their own. Queries and
// probabilities are rounded to fp16 for the tensor cores. T: float, Half, BFloat16. out may not be q.
template <typename T>
void attention_cached(Stream& stream, const AttentionShape& shape, std::int64_t first_position,
                      DeviceView<const float> q, const DeviceCacheView& cache, DeviceView<T> out);

}  // namespace squeeze
