#pragma once
// Keys and values that attention has met before, of one layer, on a GPU; fp16 as on the processor (kv_cache.hpp).

#include "base/half.hpp"
#include "device/device.hpp"
#include "ops/rope/rope_cuda.hpp"

namespace squeeze {

// Positions are rows, of keys as of values: [kv_heads][context][width], width being head_dim rounded up to 8 so that
// every row begins at a multiple of 16 bytes. The rest of a row is zeros. Handed to kernels as it is.
struct DeviceCacheView {
  Half* keys = nullptr;
  Half* values = nullptr;
  int kv_heads = 0, context = 0, head_dim = 0, width = 0;
};

class DeviceLayerCache {
 public:
  DeviceLayerCache(Stream& stream, std::int64_t kv_heads, std::int64_t context, std::int64_t head_dim);
  const DeviceCacheView& view() const { return view_; }
  std::int64_t size_bytes() const { return memory_.size_bytes(); }
  // What one with these sizes will take.
  static std::int64_t bytes_for(std::int64_t kv_heads, std::int64_t context, std::int64_t head_dim);

 private:
  DeviceArray<Half> memory_;
  DeviceCacheView view_;
};

// What happens to queries and keys between their products and attention; all memory of the device.
struct DeviceHeadPreparation {
  const DeviceRopeTable* rope = nullptr;             // null: positions are not turned in
  const float *q_norm = nullptr, *k_norm = nullptr;  // RMSNorm of each head, [D]; null: none
  float eps = 0;
};

// Takes up T new positions of one sequence: q [T, heads · D] is normed and turned in place; so are k [T, kv_heads · D]
// on their way into the cache, where v goes, too. The first new position is read from memory of the device, so that a
// recording is good for every token. Numbers beyond fp16's range are saturated; NaN stays NaN.
void store(Stream& stream, const DeviceCacheView& cache, const DeviceHeadPreparation& preparation,
           const std::int32_t* first_position, DeviceView<float> q, DeviceView<const float> k,
           DeviceView<const float> v);

}  // namespace squeeze
