#include "jobs/devices.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "jobs/machine.hpp"

namespace squeeze {

namespace {

constexpr const char* kWithoutCuda = "This sidecar was built without CUDA.";
constexpr std::string_view kCuda = "cuda:";

std::string id_of(int gpu) { return std::string(kCuda) + std::to_string(gpu); }

// The number in "cuda:<number>", in its one spelling.
std::optional<int> gpu_number(std::string_view text) {
  if (!text.starts_with(kCuda)) return {};
  int number = 0;
  const auto [end, error] = std::from_chars(text.data() + kCuda.size(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || text != id_of(number)) return {};
  return number;
}

Error unavailable(const std::string& text, const std::string& why) {
  return {.code = ErrorCode::kDeviceUnavailable,
          .message = "params.device: \"" + text + "\" cannot be used. " + why,
          .hint = "Use \"cpu\"."};
}

contract::DeviceInfo no_gpu(const std::string& why) {
  contract::DeviceInfo info;
  info.id = id_of(0);
  info.name = "CUDA";
  info.reason = why;
  return info;
}

contract::DeviceInfo info_of(const DeviceProperties& gpu, const std::vector<std::string>& requests) {
  contract::DeviceInfo info;
  info.id = id_of(gpu.index);
  info.name = gpu.name;
  info.memory_bytes = gpu.memory_bytes;
  info.available = true;
  info.requests = requests;
  info.compute_capability = std::to_string(gpu.major) + "." + std::to_string(gpu.minor);
  info.driver = gpu.driver;
  return info;
}

}  // namespace

GradientEngineFactory Device::gradient_engine() const {
  if (!is_gpu()) return {};
  return [device = *this](const Model& model, const GradientEngineOptions& options) {
    return device.gpus->gradient_engine(device.index, model, options);
  };
}

EvaluationEngineFactory Device::evaluation_engine() const {
  if (!is_gpu()) return {};
  return [device = *this](std::span<const Model* const> models, std::int64_t length, Precision precision) {
    return device.gpus->evaluation_engine(device.index, models, length, precision);
  };
}

Result<std::unique_ptr<MatrixEngine>> Device::matrix_engine() const {
  if (!is_gpu()) return std::unique_ptr<MatrixEngine>();
  return gpus->matrix_engine(index);
}

std::vector<contract::DeviceInfo> device_infos(const Gpus* gpus) {
  contract::DeviceInfo cpu;
  cpu.id = "cpu";
  cpu.name = processor_name();
  cpu.memory_bytes = memory_bytes();
  cpu.available = true;
  if (gpus == nullptr) return {cpu, no_gpu(kWithoutCuda)};
  const auto list = gpus->list();
  if (!list.ok()) return {cpu, no_gpu(list.error().message)};
  std::vector<contract::DeviceInfo> infos = {cpu};
  for (const DeviceProperties& gpu : list.value()) infos.push_back(info_of(gpu, gpus->requests()));
  return infos;
}

Result<Device> device_of(const std::string& text, std::string_view request, const Gpus* gpus) {
  if (text == "cpu") return Device{};
  const std::optional<int> number = gpu_number(text);
  if (!number)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "params.device: \"" + text + "\" is no device.",
                 .hint = "Devices are cpu, cuda:0, cuda:1, and so on."};
  if (gpus == nullptr) return unavailable(text, kWithoutCuda);
  const auto list = gpus->list();
  if (!list.ok()) return unavailable(text, list.error().message);
  if (std::ranges::find(list.value(), *number, &DeviceProperties::index) == list.value().end())
    return unavailable(text, "The last GPU is " + id_of(list.value().back().index) + ".");
  const std::vector<std::string> requests = gpus->requests();
  if (std::ranges::find(requests, request) == requests.end())
    return unavailable(text, std::string(request) + " runs on the processor only.");
  return Device{.gpus = gpus, .index = *number};
}

}  // namespace squeeze
