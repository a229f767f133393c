#pragma once
// Squeezes a checkpoint matrix by matrix. One matrix of weights and sensitivities is in memory at a time.
//
// Unfinished work lives in "<out>.partial": one file for each finished matrix, which names the inputs it was made from
// (checkpoint, calibration, recipe, version). A run with the same inputs takes it over; anything else there is dropped.
// The finished folder is the same, byte for byte, however often the run was interrupted.

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/devices.hpp"

namespace squeeze {

// What can be refused before the job begins: method, missing calibration, output.
Result<void> check_quantization(const contract::QuantizationStartParams& params);

Result<contract::QuantizationResult> run_quantization(const contract::QuantizationStartParams& params,
                                                      const Device& device, RunContext& context);

}  // namespace squeeze
