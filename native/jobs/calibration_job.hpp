#pragma once
// Measures how sensitive the loss is to every weight: native/calib behind the contract.

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/devices.hpp"

namespace squeeze {

Result<contract::CalibrationResult> run_calibration(const contract::CalibrationStartParams& params,
                                                    const Device& device, RunContext& context);

}  // namespace squeeze
