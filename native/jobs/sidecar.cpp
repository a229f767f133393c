#include "jobs/sidecar.hpp"

#include "archs/model.hpp"
#include "base/threads.hpp"
#include "jobs/benchmark_job.hpp"
#include "jobs/calibration_job.hpp"
#include "jobs/devices.hpp"
#include "jobs/errors_job.hpp"
#include "jobs/evaluation_job.hpp"
#include "jobs/export_job.hpp"
#include "jobs/inspect.hpp"
#include "jobs/kernel_benchmark_job.hpp"
#include "jobs/machine.hpp"
#include "jobs/matrix_look.hpp"
#include "jobs/output.hpp"
#include "jobs/quantization_job.hpp"
#include "jobs/sweep_job.hpp"
#include "jobs/synthesis_job.hpp"
#include "methods/method.hpp"

namespace squeeze {

namespace {

// A job of this kind, on this many threads.
template <typename Params, typename R>
Job job_of(Result<R> (*run)(const Params&, const Device&, RunContext&), Params params, Device device) {
  return [run, params = std::move(params), device](RunContext& context) -> Result<contract::JobResult> {
    set_thread_count(static_cast<int>(params.threads));
    auto result = run(params, device, context);
    if (!result.ok()) return std::move(result).error();
    return contract::JobResult(std::move(result).value());
  };
}

// The same for what runs on the processor only.
template <typename Params, typename R>
Job job_of(Result<R> (*run)(const Params&, RunContext&), Params params) {
  return [run, params = std::move(params)](RunContext& context) -> Result<contract::JobResult> {
    set_thread_count(static_cast<int>(params.threads));
    auto result = run(params, context);
    if (!result.ok()) return std::move(result).error();
    return contract::JobResult(std::move(result).value());
  };
}

}  // namespace

Result<contract::HelloResult> Sidecar::sidecar_hello(const contract::HelloParams& params) {
  if (params.protocol_version != contract::kProtocolVersion)
    return Error{.code = ErrorCode::kProtocolMismatch,
                 .message = "The studio speaks protocol version " + std::to_string(params.protocol_version) +
                            ", this sidecar version " + std::to_string(contract::kProtocolVersion) + ".",
                 .hint = "Build studio and sidecar from the same sources."};
  if (params.contract_hash != contract::kContractHash)
    return Error{.code = ErrorCode::kProtocolMismatch,
                 .message = "The studio was built with contract " + params.contract_hash + ", this sidecar with " +
                            std::string(contract::kContractHash) + ".",
                 .hint = "Build studio and sidecar from the same sources."};
  contract::HelloResult out;
  out.protocol_version = contract::kProtocolVersion;
  out.contract_hash = contract::kContractHash;
  out.version = SQUEEZE_VERSION;
  out.compiler = compiler_name();
  out.build_type = SQUEEZE_BUILD_TYPE;
  out.gemm = gemm_name();
  out.isa = instruction_sets();
  out.cores = usable_cores();
  out.devices = device_infos(gpus_);
  for (const Method* method : all_methods()) out.methods.emplace_back(method->id);
  for (const Format* format : all_formats()) out.formats.emplace_back(format->id);
  out.architectures = supported_families();
  return out;
}

Result<contract::CheckpointInspectResult> Sidecar::checkpoint_inspect(const contract::CheckpointInspectParams& params) {
  return inspect_checkpoint(params);
}

Result<contract::CalibrationPlanResult> Sidecar::calibration_plan(const contract::CalibrationPlanParams& params) {
  SQUEEZE_ASSIGN(const Device device, device_of(params.device, "calibration.start", gpus_));
  return planner_.plan(params, device);
}

Result<contract::MatrixWeightsResult> Sidecar::matrix_weights(const contract::MatrixWeightsParams& params) {
  return look_at_weights(params);
}

Result<contract::MatrixChannelResult> Sidecar::matrix_channel(const contract::MatrixChannelParams& params) {
  return look_at_channel(params);
}

Result<contract::MatrixOutliersResult> Sidecar::matrix_outliers(const contract::MatrixOutliersParams& params) {
  return look_at_outliers(params);
}

Result<contract::MatrixTileResult> Sidecar::matrix_tile(const contract::MatrixTileParams& params) {
  return look_at_tile(params);
}

Result<contract::JobStarted> Sidecar::calibration_start(const contract::CalibrationStartParams& params) {
  SQUEEZE_ASSIGN(const Device device, device_of(params.device, "calibration.start", gpus_));
  SQUEEZE_TRY(check_output(params.out));
  return contract::JobStarted{.job_id = runner_.submit(job_of(run_calibration, params, device))};
}

Result<contract::JobStarted> Sidecar::quantization_start(const contract::QuantizationStartParams& params) {
  SQUEEZE_ASSIGN(const Device device, device_of(params.device, "quantization.start", gpus_));
  SQUEEZE_TRY(check_quantization(params));
  return contract::JobStarted{.job_id = runner_.submit(job_of(run_quantization, params, device))};
}

Result<contract::JobStarted> Sidecar::evaluation_start(const contract::EvaluationStartParams& params) {
  SQUEEZE_ASSIGN(const Device device, device_of(params.device, "evaluation.start", gpus_));
  return contract::JobStarted{.job_id = runner_.submit(job_of(run_evaluation, params, device))};
}

Result<contract::JobStarted> Sidecar::errors_start(const contract::ErrorsStartParams& params) {
  SQUEEZE_ASSIGN(const Device device, device_of(params.device, "errors.start", gpus_));
  const auto id = std::make_shared<std::int64_t>(0);  // as in generation_start
  *id = runner_.submit([this, params, device, id](RunContext& context) -> Result<contract::JobResult> {
    set_thread_count(static_cast<int>(params.threads));
    const auto measured = [&](const contract::MatrixErrors& matrix) {
      events_.errors_measured({.job_id = *id, .matrix = matrix});
    };
    auto result = run_errors(params, device, measured, context);
    if (!result.ok()) return std::move(result).error();
    return contract::JobResult(std::move(result).value());
  });
  return contract::JobStarted{.job_id = *id};
}

Result<contract::JobStarted> Sidecar::sweep_start(const contract::SweepStartParams& params) {
  SQUEEZE_ASSIGN(const Device device, device_of(params.device, "sweep.start", gpus_));
  SQUEEZE_TRY(check_sweep(params));
  const auto id = std::make_shared<std::int64_t>(0);  // as in generation_start
  *id = runner_.submit([this, params, device, id](RunContext& context) -> Result<contract::JobResult> {
    set_thread_count(static_cast<int>(params.threads));
    const auto measured = [&](contract::SweepMeasured point) {
      point.job_id = *id;
      events_.sweep_measured(point);
    };
    auto result = run_sweep(params, device, measured, context);
    if (!result.ok()) return std::move(result).error();
    return contract::JobResult(std::move(result).value());
  });
  return contract::JobStarted{.job_id = *id};
}

Result<contract::JobStarted> Sidecar::export_start(const contract::ExportStartParams& params) {
  SQUEEZE_TRY(check_output(params.out));
  return contract::JobStarted{.job_id = runner_.submit(job_of(run_export, params))};
}

Result<contract::ModelLoadResult> Sidecar::model_load(const contract::ModelLoadParams& params) {
  SQUEEZE_ASSIGN(const Device device, device_of(params.device, "model.load", gpus_));
  return models_.load(params, device);
}

Result<contract::ModelUnloadResult> Sidecar::model_unload(const contract::ModelUnloadParams& params) {
  return contract::ModelUnloadResult{.found = models_.unload(params.model_id)};
}

Result<contract::JobStarted> Sidecar::generation_start(const contract::GenerationStartParams& params) {
  SQUEEZE_ASSIGN(const std::shared_ptr<LoadedModel> model, models_.find(params.model_id));
  SQUEEZE_TRY(check_generation(params, *model));
  // The job learns its own number from here; it begins only after answered().
  const auto id = std::make_shared<std::int64_t>(0);
  *id = runner_.submit([this, params, model, id](RunContext& context) -> Result<contract::JobResult> {
    std::int64_t seq = 0;
    const auto produced = [&](std::int32_t token, float logprob) {
      events_.generation_produced({.job_id = *id, .seq = seq++, .tokens = {token}, .logprobs = {logprob}});
    };
    auto result = run_generation(params, *model, produced, context);
    if (!result.ok()) return std::move(result).error();
    return contract::JobResult(std::move(result).value());
  });
  return contract::JobStarted{.job_id = *id};
}

Result<contract::JobStarted> Sidecar::divergence_start(const contract::DivergenceStartParams& params) {
  SQUEEZE_ASSIGN(const std::shared_ptr<LoadedModel> model, models_.find(params.model_id));
  SQUEEZE_ASSIGN(const std::shared_ptr<LoadedModel> reference, models_.find(params.reference_id, "referenceId"));
  SQUEEZE_TRY(check_divergence(params, *model));
  const auto job = [params, model, reference](RunContext& context) -> Result<contract::JobResult> {
    auto result = run_divergence(params, *model, *reference, context);
    if (!result.ok()) return std::move(result).error();
    return contract::JobResult(std::move(result).value());
  };
  return contract::JobStarted{.job_id = runner_.submit(job)};
}

Result<contract::JobStarted> Sidecar::synthesis_start(const contract::SynthesisStartParams& params) {
  SQUEEZE_TRY(check_synthesis(params));
  return contract::JobStarted{.job_id = runner_.submit(job_of(run_synthesis, params))};
}

Result<contract::JobStarted> Sidecar::benchmark_start(const contract::BenchmarkStartParams& params) {
  SQUEEZE_ASSIGN(const Device device, device_of(params.device, "benchmark.start", gpus_));
  SQUEEZE_TRY(check_benchmark(params));
  return contract::JobStarted{.job_id = runner_.submit(job_of(run_benchmark, params, device))};
}

Result<contract::JobStarted> Sidecar::benchmark_kernels(const contract::BenchmarkKernelsParams& params) {
  SQUEEZE_TRY(device_of(params.device, "benchmark.kernels", gpus_));
  SQUEEZE_TRY(check_kernel_benchmark(params));
  return contract::JobStarted{.job_id = runner_.submit(job_of(run_kernel_benchmark, params))};
}

Result<contract::JobCancelResult> Sidecar::job_cancel(const contract::JobCancelParams& params) {
  return contract::JobCancelResult{.found = runner_.cancel(params.job_id)};
}

bool Sidecar::stop(std::chrono::milliseconds limit) {
  runner_.cancel_all();
  return runner_.wait_idle(limit);
}

}  // namespace squeeze
