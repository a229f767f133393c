#include "jobs/gpus_device.hpp"

#include "calib/device_engine.hpp"
#include "eval/device_benchmark.hpp"
#include "eval/device_evaluation.hpp"
#include "eval/device_reader.hpp"
#include "methods/squeezellm/engine_device.hpp"

namespace squeeze {

namespace {

class DeviceGpus final : public Gpus {
 public:
  Result<std::vector<DeviceProperties>> list() const override { return device_list(); }

  std::vector<std::string> requests() const override {
    return {"calibration.start", "quantization.start", "evaluation.start", "errors.start",
            "sweep.start",       "model.load",         "benchmark.start"};
  }

  Result<std::unique_ptr<TextReader>> text_reader(int gpu, const std::shared_ptr<const Model>& model,
                                                  std::int64_t context) const override {
    return make_device_reader(model, context, gpu);
  }
  Result<std::unique_ptr<GradientEngine>> gradient_engine(int gpu, const Model& model,
                                                          const GradientEngineOptions& options) const override {
    return make_device_engine(model, options, gpu);
  }
  Result<std::unique_ptr<EvaluationEngine>> evaluation_engine(int gpu, std::span<const Model* const> models,
                                                              std::int64_t length, Precision precision) const override {
    return make_device_evaluation(models, length, precision, gpu);
  }
  Result<std::unique_ptr<MatrixEngine>> matrix_engine(int gpu) const override { return make_device_matrix_engine(gpu); }
  Result<std::unique_ptr<BenchmarkMachine>> benchmark_machine(int gpu) const override {
    return make_device_machine(gpu);
  }
};

}  // namespace

const Gpus& device_gpus() {
  static const DeviceGpus gpus;
  return gpus;
}

}  // namespace squeeze
