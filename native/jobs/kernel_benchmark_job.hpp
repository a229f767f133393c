#pragma once
// Products with few tokens, shape by shape and layout by layout: native/eval behind the contract.

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"

namespace squeeze {

// What can be refused before the job begins: layouts that are none, instructions that the processor does not have.
Result<void> check_kernel_benchmark(const contract::BenchmarkKernelsParams& params);

Result<contract::KernelBenchmarkResult> run_kernel_benchmark(const contract::BenchmarkKernelsParams& params,
                                                             RunContext& context);

}  // namespace squeeze
