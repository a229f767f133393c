#include "jobs/benchmark_job.hpp"

#include <chrono>

#include "base/threads.hpp"
#include "eval/benchmark.hpp"
#include "jobs/layouts.hpp"
#include "jobs/machine.hpp"
#include "jobs/spread.hpp"
#include "jobs/stored_words.hpp"

namespace squeeze {

namespace {

using Models = std::vector<std::shared_ptr<const Model>>;

BenchmarkPlan plan_of(const contract::BenchmarkStartParams& params) {
  BenchmarkPlan plan{.prompt_tokens = params.prompt_tokens,
                     .generate_tokens = params.generate_tokens,
                     .contexts = params.contexts,
                     .rounds = params.rounds};
  if (plan.contexts.empty()) plan.contexts = {params.prompt_tokens};
  std::ranges::sort(plan.contexts);
  const auto repeated = std::ranges::unique(plan.contexts);
  plan.contexts.erase(repeated.begin(), repeated.end());
  return plan;
}

// On the processor weights may be there twice: in the mapped file, and packed for the kernels. Mapped pages can be
// given back, so half of the memory is enough for one of the two and everything else; on a GPU, for the scratch memory.
bool fit_together(const Models& models, const BenchmarkPlan& plan, const BenchmarkMachine& machine) {
  std::int64_t bytes = 0;
  const std::int64_t positions = std::max(plan.prompt_tokens, plan.contexts.back()) + plan.generate_tokens;
  for (const auto& model : models)
    bytes += model->store().size_bytes() + positions * cache_bytes_per_position(model->config());
  return bytes <= machine.memory_bytes() / 2;
}

// Measures as many at once as `together` says; bandwidths[i] belongs to the rounds of times.models[i].
struct Measured {
  BenchmarkTimes times;
  std::vector<std::vector<double>> bandwidths;
};

Result<Measured> measure(const Models& models, const BenchmarkPlan& plan, BenchmarkMachine& machine, bool together,
                         RunContext& context) {
  const std::size_t group = together ? models.size() : 1;
  const double share = static_cast<double>(group) / static_cast<double>(models.size());
  Measured all;
  for (std::size_t first = 0; first < models.size(); first += group) {
    SQUEEZE_ASSIGN(BenchmarkTimes times,
                   benchmark(std::span(models).subspan(first, group), plan, machine, share, context));
    for (ModelTimes& model : times.models) {
      all.times.models.push_back(std::move(model));
      all.bandwidths.push_back(times.all_threads);
    }
    all.times.all_threads.insert(all.times.all_threads.end(), times.all_threads.begin(), times.all_threads.end());
    all.times.one_thread.insert(all.times.one_thread.end(), times.one_thread.begin(), times.one_thread.end());
  }
  return all;
}

Result<std::unique_ptr<BenchmarkMachine>> machine_of(const contract::BenchmarkStartParams& params,
                                                     const Device& device) {
  if (device.is_gpu()) return device.gpus->benchmark_machine(device.index);
  SQUEEZE_ASSIGN(const DecodePath path, path_of(params.simd, params.arithmetic));
  return processor_machine(path, memory_bytes());
}

contract::ModelSpeed speed_of(const Model& model, const ModelTimes& times, const std::vector<double>& bandwidth,
                              const BenchmarkPlan& plan) {
  const StoredWeights matrices = stored_matrices(model), head = stored_head(model);
  contract::ModelSpeed out;
  out.path = model.folder().string();
  out.stored_as = matrices.words;
  out.head_stored_as = head.words;
  out.weight_bytes_per_token = matrices.bytes + head.bytes;
  out.cache_bytes_per_position = cache_bytes_per_position(model.config());
  out.memory_bytes = times.memory_bytes;
  out.first_token_ms = spread_of(times.first_token_ms);
  out.prompt_tokens_per_second =
      spread_of_quotients(1000 * static_cast<double>(plan.prompt_tokens), times.first_token_ms);
  for (const GenerationTimes& at : times.generation) {
    contract::GenerationSpeed speed;
    speed.context = at.context;
    speed.tokens_per_second = spread_of(at.tokens_per_second);
    // A window makes old positions invisible, and they are not read.
    const std::int64_t seen = std::min(at.context + plan.generate_tokens / 2,
                                       model.config().sliding_window.value_or(at.context + plan.generate_tokens));
    speed.cache_bytes_per_token = seen * out.cache_bytes_per_position;
    const double gigabytes = static_cast<double>(out.weight_bytes_per_token + speed.cache_bytes_per_token) / 1e9;
    speed.bandwidth_share = spread_of_shares(gigabytes, at.tokens_per_second, bandwidth);
    out.generation.push_back(std::move(speed));
  }
  return out;
}

}  // namespace

Result<void> check_benchmark(const contract::BenchmarkStartParams& params) {
  SQUEEZE_TRY(path_of(params.simd, params.arithmetic));
  return {};
}

Result<contract::BenchmarkResult> run_benchmark(const contract::BenchmarkStartParams& params, const Device& device,
                                                RunContext& context) {
  const auto begun = std::chrono::steady_clock::now();
  const BenchmarkPlan plan = plan_of(params);
  Models models;
  for (const std::string& path : params.models) {
    SQUEEZE_ASSIGN(auto model, Model::open(path));
    models.push_back(std::move(model));
  }
  SQUEEZE_ASSIGN(const auto machine, machine_of(params, device));
  const bool together = fit_together(models, plan, *machine);
  SQUEEZE_ASSIGN(const Measured measured, measure(models, plan, *machine, together, context));

  contract::BenchmarkResult out;
  for (std::size_t i = 0; i < models.size(); ++i)
    out.models.push_back(speed_of(*models[i], measured.times.models[i], measured.bandwidths[i], plan));
  out.prompt_tokens = plan.prompt_tokens;
  out.generate_tokens = plan.generate_tokens;
  out.rounds = plan.rounds;
  out.interleaved = together;
  out.simd = machine->instructions();
  out.arithmetic = device.is_gpu() ? contract::Arithmetic::kFp32 : params.arithmetic;
  out.read_bandwidth.threads = device.is_gpu() ? 1 : thread_count();
  out.read_bandwidth.all_threads = spread_of(measured.times.all_threads);
  if (!measured.times.one_thread.empty()) out.read_bandwidth.one_thread = spread_of(measured.times.one_thread);
  out.peak_memory_bytes = peak_memory_bytes();
  out.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  return out;
}

}  // namespace squeeze
