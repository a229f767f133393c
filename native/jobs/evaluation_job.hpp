#pragma once
// Perplexity of a model, and how far it is from another: native/eval behind the contract.

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/devices.hpp"

namespace squeeze {

Result<contract::EvaluationResult> run_evaluation(const contract::EvaluationStartParams& params, const Device& device,
                                                  RunContext& context);

}  // namespace squeeze
