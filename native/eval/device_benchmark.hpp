#pragma once
// Measuring models on a GPU.

#include <memory>

#include "eval/benchmark_machine.hpp"

namespace squeeze {

// Keeps a part of the GPU's memory for itself, to read it. kDeviceUnavailable where there is no such device,
// kOutOfMemory.
Result<std::unique_ptr<BenchmarkMachine>> make_device_machine(int device);

}  // namespace squeeze
