#pragma once
// Codebook indices on a GPU, in the order in which the lanes of formats/few_kernel.hpp take them.

#include <memory>

#include "formats/device_weight.hpp"
#include "formats/lut/lut.hpp"

namespace squeeze {

// kInvalidRequest where a sparse part has columns beyond 65,536.
Result<std::unique_ptr<DeviceWeight>> upload_lut(Stream& stream, const LutWeight& weight);

}  // namespace squeeze
