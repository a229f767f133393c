#pragma once
// The first step of a decoder on a GPU: rows of an embedding, and of learned positions where the model has them.

#include "base/half.hpp"
#include "device/device.hpp"

namespace squeeze {

// A table[positions, hidden] of which row `first + r mod length` is added to row r; of null data: none.
template <typename T>
struct DevicePositions {
  DeviceView<const T> table = {};
  std::int64_t first = 0, length = 1;
};

// x[T, hidden] fp32 = rows tokens[r] of table[vocabulary, hidden] (+ positions), the sum in fp32. tokens [T]: memory of
// the device, in [0, vocabulary), which is not checked. T, P: float, Half or BFloat16.
template <typename T, typename P = T>
void embed(Stream& stream, DeviceView<const T> table, const std::int32_t* tokens, DeviceView<float> x,
           const DevicePositions<P>& positions = {});

}  // namespace squeeze
