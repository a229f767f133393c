#pragma once

#include <functional>

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/devices.hpp"

namespace squeeze {

// For errors.start: what every matrix loses at every width and sparsity, exactly as a quantization would report it, or
// estimated where a matrix has more rows than are to be clustered.
// `measured` is called for each matrix as it is through; writes nothing.
Result<contract::ErrorsResult> run_errors(const contract::ErrorsStartParams& params, const Device& device,
                                          const std::function<void(const contract::MatrixErrors&)>& measured,
                                          RunContext& context);

}  // namespace squeeze
