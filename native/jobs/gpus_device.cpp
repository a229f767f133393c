#include "jobs/gpus_device.hpp"

namespace squeeze {

namespace {

class DeviceGpus final : public Gpus {
 public:
  Result<std::vector<DeviceProperties>> list() const override { return device_list(); }
  std::vector<std::string> requests() const override { return {}; }
};

}  // namespace

const Gpus& device_gpus() {
  static const DeviceGpus gpus;
  return gpus;
}

}  // namespace squeeze
