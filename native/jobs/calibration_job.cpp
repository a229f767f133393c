#include "jobs/calibration_job.hpp"

#include <chrono>
#include <cmath>

#include "calib/calibrate.hpp"
#include "jobs/calibration_plan.hpp"
#include "jobs/machine.hpp"
#include "jobs/output.hpp"
#include "jobs/precision.hpp"
#include "jobs/tokens.hpp"

namespace squeeze {

Result<contract::CalibrationResult> run_calibration(const contract::CalibrationStartParams& params,
                                                    const Device& device, RunContext& context) {
  const auto begun = std::chrono::steady_clock::now();
  SQUEEZE_ASSIGN(const OutputClaim claim, OutputClaim::take(params.out));
  SQUEEZE_ASSIGN(const auto model, open_for_calibration(params.checkpoint));
  SQUEEZE_ASSIGN(const Matrix<std::int32_t> tokens, read_tokens(params.tokens, model->config()));

  CalibrationOptions options;
  options.estimator = estimator_of(params.estimator);
  options.precision = precision_of(params.precision);
  const CalibrationNeeds needs =
      calibration_needs(*model, tokens.rows, tokens.cols, options.estimator, options.precision, device.is_gpu());
  SQUEEZE_ASSIGN(options.memory_limit_bytes, activation_budget(needs, params.memory_limit_bytes));
  options.out = params.out;
  options.engine = device.gradient_engine();
  SQUEEZE_ASSIGN(const CalibrationOutcome outcome, calibrate(*model, tokens.view(), options, context));
  if (!std::isfinite(outcome.loss))
    return Error{.code = ErrorCode::kValueNotFinite,
                 .message = "The loss on the calibration text is not finite, so its gradients say nothing."};

  contract::CalibrationResult out;
  out.out = params.out;
  out.fingerprint = outcome.fingerprint;
  out.checkpoint_fingerprint = model->fingerprint();
  out.estimator = params.estimator;
  out.precision = params.precision;
  out.samples = tokens.rows;
  out.length = tokens.cols;
  out.loss = outcome.loss;
  for (const MatrixSensitivity& matrix : outcome.matrices)
    out.matrices.push_back({.name = matrix.slot.name + ".weight",
                            .layer = matrix.slot.layer,
                            .role = matrix.slot.role,
                            .rows = matrix.slot.rows,
                            .cols = matrix.slot.cols,
                            .sum = matrix.sum,
                            .max = matrix.max,
                            .weighted = matrix.weighted});
  out.size_bytes = outcome.size_bytes;
  out.peak_memory_bytes = peak_memory_bytes();
  out.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  return out;
}

}  // namespace squeeze
