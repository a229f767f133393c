#pragma once
// Sums on a GPU: see add.hpp.

#include "device/device.hpp"

namespace squeeze {

void add(Stream& stream, DeviceView<float> x, DeviceView<const float> y);  // x += y
void add_bias(Stream& stream, DeviceView<float> x, const float* bias);     // every row; null adds nothing
// sum[i] += x[i]² scale
void add_squares(Stream& stream, DeviceView<float> sum, DeviceView<const float> x, float scale);
void scale(Stream& stream, DeviceView<float> x, float factor);

}  // namespace squeeze
