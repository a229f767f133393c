#pragma once
// RMSNorm on a GPU: see rms_norm.hpp. weight is memory of the device. Sums in fp32, in a fixed order.

#include "base/half.hpp"
#include "device/device.hpp"

namespace squeeze {

// y may be x; rounded to T: float, Half or BFloat16.
template <typename T>
void rms_norm(Stream& stream, DeviceView<const float> x, const float* weight, float eps, DeviceView<T> y);
// dx may be dy.
void rms_norm_backward(Stream& stream, DeviceView<const float> x, const float* weight, float eps,
                       DeviceView<const float> dy, DeviceView<float> dx);

}  // namespace squeeze
