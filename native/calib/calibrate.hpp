#pragma once
// Squared gradients of every linear: the diagonal of the empirical Fisher. SqueezeLLM, arXiv 2306.07629, section 4.1.
//
//   sample: F[n,k] = mean over samples s of (dL_s/dW[n,k])², L_s the summed next-token cross-entropy of sample s
//   token:  F = mean over samples of (dY∘dY)ᵀ (X∘X), the sum over tokens of squared per-token gradients
//
// Streaming: one forward keeps each layer's input for each sample (memory, or an unlinked scratch file beyond the
// limit); then, from the last layer to the first, a layer is loaded, recomputed and taken backwards, and its F written.
// A killed run resumes at the last finished layer. Accumulation in fp32 or better, deterministic for a thread count.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "archs/model.hpp"
#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "calib/gradient_engine.hpp"

namespace squeeze {

struct CalibrationOptions {
  Estimator estimator = Estimator::kSample;
  Precision precision = Precision::kFloat32;  // of the products; kDeviceUnavailable where it cannot be had
  std::int64_t memory_limit_bytes = 0;        // of activations kept in memory; 0: half of the free memory
  std::filesystem::path out;                  // folder that appears when all is done; "<out>.partial" until then
  // Who computes; none: the processor. It is no part of the fingerprint: F of either agree within the rounding of the
  // precision, and a run that one began the other may finish.
  GradientEngineFactory engine = {};
};

struct MatrixSensitivity {
  MatrixSlot slot;
  double sum = 0;       // of F
  double max = 0;       // of F
  double weighted = 0;  // of F w²
};

struct CalibrationOutcome {
  std::string fingerprint;  // of model fingerprint, tokens, estimator, precision
  double loss = 0;          // mean negative log-likelihood per predicted token, nats
  std::vector<MatrixSensitivity> matrices;
  std::int64_t size_bytes = 0;
};

// What a calibration was made from, I32 [samples, length] as "tokens": refinement learns from them.
inline constexpr const char* kCalibrationTokens = "tokens.safetensors";

// tokens: int32 [samples, length], ids checked against the vocabulary. Writes <out>/fisher.safetensors (one F32 [N, K]
// per matrix under "<name>.weight"), <out>/tokens.safetensors and <out>/calibration.json.
Result<CalibrationOutcome> calibrate(const Model& model, MatrixView<const std::int32_t> tokens,
                                     const CalibrationOptions& options, RunContext& context);

// A finished calibration, opened for reading F. Refuses one made for another checkpoint (kCalibrationMismatch).
struct Calibration {
  std::string fingerprint;
  std::string checkpoint_fingerprint;
  TensorStore store;
};
Result<Calibration> open_calibration(const std::filesystem::path& folder, const Model& model);

}  // namespace squeeze
