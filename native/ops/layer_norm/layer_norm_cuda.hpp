#pragma once
// LayerNorm on a GPU: see layer_norm.hpp. weight and bias are memory of the device.

#include "base/half.hpp"
#include "device/device.hpp"

namespace squeeze {

// y may be x; T: float, Half or BFloat16.
template <typename T>
void layer_norm(Stream& stream, DeviceView<const float> x, const float* weight, const float* bias, float eps,
                DeviceView<T> y);
// dx may be dy.
void layer_norm_backward(Stream& stream, DeviceView<const float> x, const float* weight, float eps,
                         DeviceView<const float> dy, DeviceView<float> dx);

}  // namespace squeeze
