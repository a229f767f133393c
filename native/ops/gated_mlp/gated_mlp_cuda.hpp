#pragma once
// SwiGLU's gate on a GPU: see gated_mlp.hpp.

#include "device/device.hpp"

namespace squeeze {

void gated_silu(Stream& stream, DeviceView<const float> gate, DeviceView<const float> up, DeviceView<float> y);
// d_gate and d_up may be gate and up.
void gated_silu_backward(Stream& stream, DeviceView<const float> gate, DeviceView<const float> up,
                         DeviceView<const float> dy, DeviceView<float> d_gate, DeviceView<float> d_up);

}  // namespace squeeze
