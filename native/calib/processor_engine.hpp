#pragma once
// Calibration and refinement on the processor.

#include "calib/gradient_engine.hpp"

namespace squeeze {

// What it takes at a time: tokens in one pass of a layer on the way forward (at least one sequence), and logits, which
// then are 64 MB. Backwards it takes one sequence.
inline constexpr std::int64_t kForwardRows = 1024;
inline constexpr std::int64_t kLogitFloats = 1 << 24;

// A GradientEngineFactory. kDeviceUnavailable where the processor lacks the precision.
Result<std::unique_ptr<GradientEngine>> make_processor_engine(const Model& model, const GradientEngineOptions& options);

}  // namespace squeeze
