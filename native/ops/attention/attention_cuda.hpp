#pragma once
// Causal attention of whole sequences on a GPU, forwards and backwards: see attention.hpp. All views fp32, memory of
// the device. Tk = Tq here.

#include "device/device.hpp"
#include "ops/attention/attention.hpp"

namespace squeeze {

// Working memory, reused from call to call.
struct DeviceAttentionSpace {
  DeviceArray<float> statistics, other;
};

// log_sums [sequences · heads, T]: log Σ exp of each query's scores, for the backward pass; may be of null data.
void attention(Stream& stream, const AttentionShape& shape, std::int64_t sequences, DeviceView<const float> q,
               DeviceView<const float> k, DeviceView<const float> v, DeviceView<float> out,
               DeviceView<float> log_sums = {});
void attention_backward(Stream& stream, const AttentionShape& shape, std::int64_t sequences, DeviceView<const float> q,
                        DeviceView<const float> k, DeviceView<const float> v, DeviceView<const float> out,
                        DeviceView<const float> log_sums, DeviceView<const float> d_out, DeviceView<float> dq,
                        DeviceView<float> dk, DeviceView<float> dv, DeviceAttentionSpace& space);

}  // namespace squeeze
