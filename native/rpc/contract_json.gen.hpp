#pragma once
// Made by scripts/gen-contract.ts from src/shared/contract/sidecar; change that and run `npm run gen`.
// clang-format off

#include "jobs/contract.gen.hpp"
#include "rpc/json_codec.hpp"

namespace squeeze::contract {

// Strict: unknown, missing and mistyped fields and values out of range are refused by their path.
Result<HelloParams> decode_hello_params(const nlohmann::json& value, const JsonPath& path);
Result<CheckpointInspectParams> decode_checkpoint_inspect_params(const nlohmann::json& value, const JsonPath& path);
Result<CalibrationPlanParams> decode_calibration_plan_params(const nlohmann::json& value, const JsonPath& path);
Result<MatrixWeightsParams> decode_matrix_weights_params(const nlohmann::json& value, const JsonPath& path);
Result<MatrixChannelParams> decode_matrix_channel_params(const nlohmann::json& value, const JsonPath& path);
Result<MatrixOutliersParams> decode_matrix_outliers_params(const nlohmann::json& value, const JsonPath& path);
Result<MatrixTileParams> decode_matrix_tile_params(const nlohmann::json& value, const JsonPath& path);
Result<CalibrationStartParams> decode_calibration_start_params(const nlohmann::json& value, const JsonPath& path);
Result<QuantizationStartParams> decode_quantization_start_params(const nlohmann::json& value, const JsonPath& path);
Result<EvaluationStartParams> decode_evaluation_start_params(const nlohmann::json& value, const JsonPath& path);
Result<ErrorsStartParams> decode_errors_start_params(const nlohmann::json& value, const JsonPath& path);
Result<SweepStartParams> decode_sweep_start_params(const nlohmann::json& value, const JsonPath& path);
Result<ExportStartParams> decode_export_start_params(const nlohmann::json& value, const JsonPath& path);
Result<ModelLoadParams> decode_model_load_params(const nlohmann::json& value, const JsonPath& path);
Result<ModelUnloadParams> decode_model_unload_params(const nlohmann::json& value, const JsonPath& path);
Result<GenerationStartParams> decode_generation_start_params(const nlohmann::json& value, const JsonPath& path);
Result<DivergenceStartParams> decode_divergence_start_params(const nlohmann::json& value, const JsonPath& path);
Result<SynthesisStartParams> decode_synthesis_start_params(const nlohmann::json& value, const JsonPath& path);
Result<BenchmarkStartParams> decode_benchmark_start_params(const nlohmann::json& value, const JsonPath& path);
Result<BenchmarkKernelsParams> decode_benchmark_kernels_params(const nlohmann::json& value, const JsonPath& path);
Result<JobCancelParams> decode_job_cancel_params(const nlohmann::json& value, const JsonPath& path);

// A number that is not finite is an internal error that names the field.
Result<nlohmann::json> to_json(const ErrorInfo& value);
Result<nlohmann::json> to_json(const HelloResult& value);
Result<nlohmann::json> to_json(const CheckpointInspectResult& value);
Result<nlohmann::json> to_json(const CalibrationPlanResult& value);
Result<nlohmann::json> to_json(const MatrixWeightsResult& value);
Result<nlohmann::json> to_json(const MatrixChannelResult& value);
Result<nlohmann::json> to_json(const MatrixOutliersResult& value);
Result<nlohmann::json> to_json(const MatrixTileResult& value);
Result<nlohmann::json> to_json(const JobStarted& value);
Result<nlohmann::json> to_json(const ModelLoadResult& value);
Result<nlohmann::json> to_json(const ModelUnloadResult& value);
Result<nlohmann::json> to_json(const JobCancelResult& value);
Result<nlohmann::json> to_json(const JobProgressed& value);
Result<nlohmann::json> to_json(const JobEnded& value);
Result<nlohmann::json> to_json(const GenerationProduced& value);
Result<nlohmann::json> to_json(const ErrorsMeasured& value);
Result<nlohmann::json> to_json(const SweepMeasured& value);

// Reads the params, asks `requests`, writes the result. kMethodNotFound when there is no such method.
CallOutcome dispatch(Requests& requests, std::string_view method, const nlohmann::json& params);

// Writes each event as JSON and hands it to send().
class EventEncoder : public Events {
 public:
  void job_progressed(const JobProgressed& event) override;
  void job_ended(const JobEnded& event) override;
  void generation_produced(const GenerationProduced& event) override;
  void errors_measured(const ErrorsMeasured& event) override;
  void sweep_measured(const SweepMeasured& event) override;

 protected:
  virtual void send(std::string_view method, Result<nlohmann::json> payload) = 0;
};

}  // namespace squeeze::contract
