#pragma once
// Everything that the sidecar does for its host, behind the generated interface; knows no transport.

#include <functional>

#include "jobs/calibration_plan.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/devices.hpp"
#include "jobs/generation_job.hpp"
#include "jobs/job_runner.hpp"

namespace squeeze {

// Requests come from one thread, but for job_cancel, which may come from any.
class Sidecar final : public contract::Requests {
 public:
  // `gpus`: null where there is nothing that knows GPUs; outlives the sidecar.
  explicit Sidecar(contract::Events& events, const Gpus* gpus = nullptr)
      : events_(events), gpus_(gpus), runner_(events) {}

  Result<contract::HelloResult> sidecar_hello(const contract::HelloParams& params) override;
  Result<contract::CheckpointInspectResult> checkpoint_inspect(
      const contract::CheckpointInspectParams& params) override;
  Result<contract::CalibrationPlanResult> calibration_plan(const contract::CalibrationPlanParams& params) override;
  Result<contract::MatrixWeightsResult> matrix_weights(const contract::MatrixWeightsParams& params) override;
  Result<contract::MatrixChannelResult> matrix_channel(const contract::MatrixChannelParams& params) override;
  Result<contract::MatrixOutliersResult> matrix_outliers(const contract::MatrixOutliersParams& params) override;
  Result<contract::MatrixTileResult> matrix_tile(const contract::MatrixTileParams& params) override;
  Result<contract::JobStarted> calibration_start(const contract::CalibrationStartParams& params) override;
  Result<contract::JobStarted> quantization_start(const contract::QuantizationStartParams& params) override;
  Result<contract::JobStarted> evaluation_start(const contract::EvaluationStartParams& params) override;
  Result<contract::JobStarted> errors_start(const contract::ErrorsStartParams& params) override;
  Result<contract::JobStarted> sweep_start(const contract::SweepStartParams& params) override;
  Result<contract::JobStarted> export_start(const contract::ExportStartParams& params) override;
  Result<contract::ModelLoadResult> model_load(const contract::ModelLoadParams& params) override;
  Result<contract::ModelUnloadResult> model_unload(const contract::ModelUnloadParams& params) override;
  Result<contract::JobStarted> generation_start(const contract::GenerationStartParams& params) override;
  Result<contract::JobStarted> divergence_start(const contract::DivergenceStartParams& params) override;
  Result<contract::JobStarted> synthesis_start(const contract::SynthesisStartParams& params) override;
  Result<contract::JobStarted> benchmark_start(const contract::BenchmarkStartParams& params) override;
  Result<contract::JobStarted> benchmark_kernels(const contract::BenchmarkKernelsParams& params) override;
  Result<contract::JobCancelResult> job_cancel(const contract::JobCancelParams& params) override;

  // To be called when the answer to a request is on its way: jobs that it started may now speak.
  void answered() { runner_.release(); }
  // Cancels all jobs and waits for the running one; false when it did not end in time.
  bool stop(std::chrono::milliseconds limit);

 private:
  contract::Events& events_;
  const Gpus* gpus_;
  CalibrationPlanner planner_;
  LoadedModels models_;
  JobRunner runner_;  // last: its thread ends before what its jobs use
};

}  // namespace squeeze
