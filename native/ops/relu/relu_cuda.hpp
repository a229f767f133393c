#pragma once
// max(x, 0) on a GPU: see relu.hpp.

#include "device/device.hpp"

namespace squeeze {

void relu(Stream& stream, DeviceView<const float> x, DeviceView<float> y);
void relu_backward(Stream& stream, DeviceView<const float> x, DeviceView<const float> dy, DeviceView<float> dx);

}  // namespace squeeze
