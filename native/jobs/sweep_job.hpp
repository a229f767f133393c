#pragma once

#include <functional>

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/devices.hpp"

namespace squeeze {

// A point as it is through, and the place of its recipe. The other fields are those of sweep.measured.
using PointMeasured = std::function<void(contract::SweepMeasured)>;

// For sweep.start: squeezes by a few recipes at a time in memory, layer by layer, and evaluates them in one pass, in
// which the checkpoint itself does not go through the layers again. Each point has the figures that quantization.start
// and evaluation.start would give of it. `measured` is called for the points of a pass as it ends; writes nothing.
Result<contract::SweepResult> run_sweep(const contract::SweepStartParams& params, const Device& device,
                                        const PointMeasured& measured, RunContext& context);
Result<void> check_sweep(const contract::SweepStartParams& params);

}  // namespace squeeze
