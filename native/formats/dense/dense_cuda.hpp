#pragma once
// Plain weights on a GPU: rows of 16-bit floats.

#include <memory>

#include "formats/device_weight.hpp"

namespace squeeze {

// bf16 where `weight` is stored so; everything else is rounded to fp16.
std::unique_ptr<DeviceWeight> upload_dense(Stream& stream, const LinearWeight& weight);

}  // namespace squeeze
