#pragma once
// Calibration and refinement on a GPU: layers pass through its memory, the next one read while one computes;
// activations stay with the host. Several samples go through a layer at once; the squared sums of each stay apart where
// the estimator says so.

#include "calib/gradient_engine.hpp"

namespace squeeze {

// Tokens that pass a layer at once, at least one sequence: of a 7B, 2 GB of activations.
inline constexpr std::int64_t kDeviceBatchRows = 4096;
inline constexpr std::int64_t kDeviceLogitBytes = 256 << 20;  // of logits at a time

// As GradientEngineFactory; belongs to the thread that makes it. Products in bf16 are as exact as the processor's in
// bf16, and need no instructions of the processor. kDeviceUnavailable where there is no such device, kOutOfMemory.
Result<std::unique_ptr<GradientEngine>> make_device_engine(const Model& model, const GradientEngineOptions& options,
                                                           int device, std::int64_t batch_rows = kDeviceBatchRows);

}  // namespace squeeze
