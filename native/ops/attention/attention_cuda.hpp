#pragma once
// Causal attention of whole sequences on a GPU, forwards and backwards: see attention.hpp. All views fp32, memory of
// the device. Tk = Tq = T here; D <= 256, and T · heads · D < 2³¹. Products and sums are fp32, in a fixed order, a tile
// of 64 queries by 64 keys at a time.

#include "device/device.hpp"
#include "ops/attention/attention.hpp"

namespace squeeze {

// Working memory, reused from call to call.
struct DeviceAttentionSpace {
  DeviceArray<float> statistics;  // Σ d_out · out of each query and head
};

// log_sums [sequences · heads, T]: log Σ exp of each query's scores, for the backward pass; may be of null data. out
// may be q.
void attention(Stream& stream, const AttentionShape& shape, std::int64_t sequences, DeviceView<const float> q,
               DeviceView<const float> k, DeviceView<const float> v, DeviceView<float> out,
               DeviceView<float> log_sums = {});
// Takes out and log_sums as attention() gave them. None of the results may be an input.
void attention_backward(Stream& stream, const AttentionShape& shape, std::int64_t sequences, DeviceView<const float> q,
                        DeviceView<const float> k, DeviceView<const float> v, DeviceView<const float> out,
                        DeviceView<const float> log_sums, DeviceView<const float> d_out, DeviceView<float> dq,
                        DeviceView<float> dk, DeviceView<float> dv, DeviceAttentionSpace& space);

}  // namespace squeeze
