#include "jobs/kernel_benchmark_job.hpp"

#include <chrono>

#include "base/part_context.hpp"
#include "base/threads.hpp"
#include "eval/kernel_benchmark.hpp"
#include "jobs/layouts.hpp"
#include "jobs/spread.hpp"

namespace squeeze {

namespace {

// Every shape in every layout, with the layout as the host named it.
struct NamedCase {
  KernelCase kernel;
  contract::StoredLayout layout = {};
};

Result<std::vector<NamedCase>> cases_of(const contract::BenchmarkKernelsParams& params) {
  std::vector<NamedCase> cases;
  for (const contract::MatrixShape& shape : params.shapes)
    for (std::size_t i = 0; i < params.layouts.size(); ++i) {
      SQUEEZE_ASSIGN(const SyntheticLayout layout, layout_of(params.layouts[i], "layouts[" + std::to_string(i) + "]"));
      cases.push_back({{.rows = shape.rows, .cols = shape.cols, .layout = layout}, params.layouts[i]});
    }
  return cases;
}

contract::KernelSpeed speed_of(const NamedCase& named, const KernelCaseTimes& times, const KernelTimes& kernel) {
  const double megabytes = static_cast<double>(times.weight_bytes) / 1e6;  // per millisecond: GB/s
  std::vector<double> speeds;
  for (const double ms : kernel.product_ms) speeds.push_back(megabytes / ms);
  return {.rows = named.kernel.rows,
          .cols = named.kernel.cols,
          .layout = named.layout,
          .tokens = kernel.tokens,
          .weight_bytes = times.weight_bytes,
          .product_ms = spread_of(kernel.product_ms),
          .gigabytes_per_second = spread_of(speeds),
          .bandwidth_share = spread_of_shares(1, speeds, times.all_threads),
          .relative_error = kernel.relative_error};
}

}  // namespace

Result<void> check_kernel_benchmark(const contract::BenchmarkKernelsParams& params) {
  SQUEEZE_TRY(cases_of(params));
  SQUEEZE_TRY(path_of(params.simd, params.arithmetic));
  return {};
}

Result<contract::KernelBenchmarkResult> run_kernel_benchmark(const contract::BenchmarkKernelsParams& params,
                                                             RunContext& context) {
  const auto begun = std::chrono::steady_clock::now();
  SQUEEZE_ASSIGN(const std::vector<NamedCase> cases, cases_of(params));
  KernelPlan plan{.tokens = params.tokens, .rounds = params.rounds};
  std::ranges::sort(plan.tokens);
  SQUEEZE_ASSIGN(plan.path, path_of(params.simd, params.arithmetic));

  context.stage("Measuring kernels", 1);
  const ReadBandwidth memory;
  contract::KernelBenchmarkResult out;
  std::vector<double> all_threads, one_thread;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    PartContext part(context, static_cast<double>(i), 1, static_cast<double>(cases.size()), "",
                     text_of(cases[i].kernel));
    part.report({});
    SQUEEZE_ASSIGN(const KernelCaseTimes times, benchmark_kernels(cases[i].kernel, plan, memory, part));
    for (const KernelTimes& kernel : times.kernels) out.kernels.push_back(speed_of(cases[i], times, kernel));
    all_threads.insert(all_threads.end(), times.all_threads.begin(), times.all_threads.end());
    one_thread.insert(one_thread.end(), times.one_thread.begin(), times.one_thread.end());
  }
  out.rounds = params.rounds;
  out.simd = name_of(plan.path.simd);
  out.arithmetic = params.arithmetic;
  out.read_bandwidth = {
      .threads = thread_count(), .all_threads = spread_of(all_threads), .one_thread = spread_of(one_thread)};
  out.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  return out;
}

}  // namespace squeeze
