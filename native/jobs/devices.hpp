#pragma once
// Where the job of a request computes: on the processor, or on a GPU. Jobs know GPUs by the interface here alone. What
// is behind it is handed in where the program is put together (rpc/main.cpp), so that everything up to the jobs builds
// without CUDA; a build without it hands in nothing.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "device/device.hpp"
#include "jobs/contract.gen.hpp"

namespace squeeze {

class Gpus {
 public:
  virtual ~Gpus() = default;
  // Every GPU that can be used; kDeviceUnavailable says why there is none.
  virtual Result<std::vector<DeviceProperties>> list() const = 0;
  // The requests whose `device` may be a GPU, such as "calibration.start".
  virtual std::vector<std::string> requests() const = 0;
};

// What the `device` of a request names.
struct Device {
  const Gpus* gpus = nullptr;  // null: the processor
  int index = 0;               // of the GPU

  bool is_gpu() const { return gpus != nullptr; }
};

// For sidecar.hello: the processor, then the GPUs, or why there is none. `gpus`: null in a build without CUDA.
std::vector<contract::DeviceInfo> device_infos(const Gpus* gpus);

// What `text` names for a request such as "calibration.start". Refuses what is no name (kInvalidRequest), a GPU that is
// not there, and a request that runs on the processor only (both kDeviceUnavailable).
Result<Device> device_of(const std::string& text, std::string_view request, const Gpus* gpus);

}  // namespace squeeze
