#pragma once

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/devices.hpp"

namespace squeeze {

// For sweep.start: squeezes by every recipe in memory, layer by layer, and evaluates all of them in as few passes as
// memory allows. Each point has the figures that quantization.start and evaluation.start would give of it.
Result<contract::SweepResult> run_sweep(const contract::SweepStartParams& params, const Device& device,
                                        RunContext& context);
Result<void> check_sweep(const contract::SweepStartParams& params);

}  // namespace squeeze
