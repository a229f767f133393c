#pragma once
// Speed and memory of models side by side: native/eval behind the contract.

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/devices.hpp"

namespace squeeze {

// What can be refused before the job begins: instructions that the processor does not have.
Result<void> check_benchmark(const contract::BenchmarkStartParams& params);

// All models are loaded at once and take turns where they fit into half of the memory, on a GPU of what is free of it;
// otherwise they are measured one after the other. On a GPU, bandwidth and memory are the GPU's.
Result<contract::BenchmarkResult> run_benchmark(const contract::BenchmarkStartParams& params, const Device& device,
                                                RunContext& context);

}  // namespace squeeze
