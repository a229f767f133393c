#pragma once
// Loaded models, and text from them token by token.

#include <map>
#include <memory>
#include <mutex>

#include "base/progress.hpp"
#include "eval/generator.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/devices.hpp"

namespace squeeze {

struct LoadedModel {
  std::unique_ptr<Generator> generator;
  std::int64_t vocabulary = 0;
  std::int64_t threads = 0;
};

// The models that stand ready. Safe from any thread; a model that is unloaded while it generates goes when it is done.
class LoadedModels {
 public:
  Result<contract::ModelLoadResult> load(const contract::ModelLoadParams& params, const Device& device);
  bool unload(std::int64_t model_id);
  // kNotFound, naming the field that the number came in.
  Result<std::shared_ptr<LoadedModel>> find(std::int64_t model_id, const char* field = "modelId") const;

 private:
  mutable std::mutex mutex_;
  std::map<std::int64_t, std::shared_ptr<LoadedModel>> models_;
  std::int64_t last_id_ = 0;
};

// Refuses token ids outside the vocabulary, naming the field.
Result<void> check_generation(const contract::GenerationStartParams& params, const LoadedModel& model);
Result<void> check_divergence(const contract::DivergenceStartParams& params, const LoadedModel& model);

// Each token goes to `produced` as it is chosen.
Result<contract::GenerationResult> run_generation(
    const contract::GenerationStartParams& params, LoadedModel& model,
    const std::function<void(std::int32_t token, float logprob)>& produced, RunContext& context);

Result<contract::DivergenceResult> run_divergence(const contract::DivergenceStartParams& params, LoadedModel& model,
                                                  LoadedModel& reference, RunContext& context);

}  // namespace squeeze
