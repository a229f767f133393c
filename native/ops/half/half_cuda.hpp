#pragma once
// Conversions between fp32 and 16-bit floats on a GPU, to nearest even. To Half: saturated at ±65504; NaN stays NaN.

#include "base/half.hpp"
#include "device/device.hpp"

namespace squeeze {

// From, To: float, Half, BFloat16, not both the same.
template <typename From, typename To>
void convert(Stream& stream, DeviceView<const From> x, DeviceView<To> y);
// y = x², rounded once.
template <typename To>
void square(Stream& stream, DeviceView<const float> x, DeviceView<To> y);

}  // namespace squeeze
