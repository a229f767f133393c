#pragma once
// The GPUs of the library that a program is linked with: CUDA's, or in tests the emulated one.

#include "jobs/devices.hpp"

namespace squeeze {

const Gpus& device_gpus();

}  // namespace squeeze
