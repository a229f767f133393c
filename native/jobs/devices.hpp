#pragma once
// Where the job of a request computes: on the processor, or on a GPU. Jobs know GPUs by the interface here alone. What
// is behind it is handed in where the program is put together (rpc/main.cpp), so that everything up to the jobs builds
// without CUDA; a build without it hands in nothing.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "calib/gradient_engine.hpp"
#include "device/device.hpp"
#include "eval/benchmark_machine.hpp"
#include "eval/evaluation_engine.hpp"
#include "eval/text_reader.hpp"
#include "jobs/contract.gen.hpp"
#include "methods/matrix_engine.hpp"

namespace squeeze {

class Gpus {
 public:
  virtual ~Gpus() = default;
  // Every GPU that can be used; kDeviceUnavailable says why there is none.
  virtual Result<std::vector<DeviceProperties>> list() const = 0;
  // The requests whose `device` may be a GPU, such as "calibration.start".
  virtual std::vector<std::string> requests() const = 0;

  // Who computes on the GPU of that index. kDeviceUnavailable where there is none such, kOutOfMemory.
  virtual Result<std::unique_ptr<TextReader>> text_reader(int gpu, const std::shared_ptr<const Model>& model,
                                                          std::int64_t context) const = 0;
  virtual Result<std::unique_ptr<GradientEngine>> gradient_engine(int gpu, const Model& model,
                                                                  const GradientEngineOptions& options) const = 0;
  virtual Result<std::unique_ptr<EvaluationEngine>> evaluation_engine(int gpu, std::span<const Model* const> models,
                                                                      std::int64_t length,
                                                                      Precision precision) const = 0;
  virtual Result<std::unique_ptr<MatrixEngine>> matrix_engine(int gpu) const = 0;
  virtual Result<std::unique_ptr<BenchmarkMachine>> benchmark_machine(int gpu) const = 0;
};

// What the `device` of a request names, and who computes there. On the processor that is nobody: an empty factory, a
// null pointer.
struct Device {
  const Gpus* gpus = nullptr;  // null: the processor
  int index = 0;               // of the GPU

  bool is_gpu() const { return gpus != nullptr; }
  GradientEngineFactory gradient_engine() const;
  EvaluationEngineFactory evaluation_engine() const;
  Result<std::unique_ptr<MatrixEngine>> matrix_engine() const;
};

// For sidecar.hello: the processor, then the GPUs, or why there is none. `gpus`: null in a build without CUDA.
std::vector<contract::DeviceInfo> device_infos(const Gpus* gpus);

// What `text` names for a request such as "calibration.start". Refuses what is no name (kInvalidRequest), a GPU that is
// not there, and a request that runs on the processor only (both kDeviceUnavailable).
Result<Device> device_of(const std::string& text, std::string_view request, const Gpus* gpus);

}  // namespace squeeze
