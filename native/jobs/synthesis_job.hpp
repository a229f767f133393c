#pragma once
// Models of random weights: any shape of the Llama family in any stored layout, to measure speed and memory with where
// no model of that size is at hand. Written streaming; no matrix is ever whole in memory.

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"

namespace squeeze {

// What can be refused before the job begins: a shape that is none, a layout that is none, the output.
Result<void> check_synthesis(const contract::SynthesisStartParams& params);

Result<contract::SynthesisResult> run_synthesis(const contract::SynthesisStartParams& params, RunContext& context);

}  // namespace squeeze
