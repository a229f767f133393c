#include "jobs/calibration_plan.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/threads.hpp"
#include "calib/activation_store.hpp"
#include "jobs/machine.hpp"
#include "jobs/precision.hpp"

namespace squeeze {

namespace fs = std::filesystem;

namespace {

using contract::PlanProblemKind;

// Three digits that matter.
std::string size_text(std::int64_t bytes) {
  double value = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* const larger : {"kB", "MB", "GB", "TB"}) {
    if (value < 999.5) break;
    value /= 1000;
    unit = larger;
  }
  char text[32];
  const int decimals = bytes < 1000 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  std::snprintf(text, sizeof(text), "%.*f %s", decimals, value, unit);
  return text;
}

Error below_need(std::int64_t limit, std::int64_t working) {
  const std::string needed = size_text(working);
  return {.code = ErrorCode::kInvalidRequest,
          .message = "The memory limit of " + size_text(limit) + " is below the " + needed +
                     " that one layer and one sample need.",
          .hint = "Allow at least " + needed + ", or read shorter samples."};
}

// Where `out` would be made, as far as that is there already. 0 when nobody knows.
std::int64_t free_disk_bytes(const fs::path& out) {
  std::error_code code;
  fs::path folder = fs::absolute(out, code).parent_path();
  while (!fs::exists(folder, code) && folder.has_relative_path()) folder = folder.parent_path();
  const fs::space_info space = fs::space(folder, code);
  return code ? 0 : static_cast<std::int64_t>(space.available);
}

std::int64_t gpu_memory_of(const Device& device) {
  const auto list = device.gpus->list();
  if (!list.ok()) return 0;
  const auto found = std::ranges::find(list.value(), device.index, &DeviceProperties::index);
  return found == list.value().end() ? 0 : found->memory_bytes;
}

void add_memory_problems(contract::CalibrationPlanResult& plan, std::int64_t limit, std::int64_t working) {
  const std::string needed = size_text(plan.memory_bytes);
  if (limit > 0 && working > limit) {
    const Error error = below_need(limit, working);
    return plan.problems.push_back({PlanProblemKind::kLimit, true, error.message, error.hint});
  }
  if (plan.memory_bytes > memory_bytes())
    return plan.problems.push_back(
        {PlanProblemKind::kMemory, true,
         "It needs " + needed + " of memory; this machine has " + size_text(memory_bytes()) + ".",
         plan.activations_on_disk ? "Read shorter samples."
                                  : "Set a lower memory limit, so that activations go to "
                                    "the disk, or read fewer or shorter samples."});
  if (plan.free_memory_bytes > 0 && plan.memory_bytes > plan.free_memory_bytes)
    plan.problems.push_back(
        {PlanProblemKind::kMemory, false,
         "It needs " + needed + " of memory; " + size_text(plan.free_memory_bytes) + " are free now.",
         plan.activations_on_disk ? "End other programs, or read shorter samples."
                                  : "End other programs, set a lower memory limit, so that "
                                    "activations go to the disk, or read fewer or shorter samples."});
}

void add_gpu_problems(contract::CalibrationPlanResult& plan, const Device& device) {
  const std::int64_t there = gpu_memory_of(device);
  if (*plan.gpu_memory_bytes > there)
    plan.problems.push_back({PlanProblemKind::kGpuMemory, true,
                             "It needs " + size_text(*plan.gpu_memory_bytes) + " of the memory of the GPU, which has " +
                                 size_text(there) + ".",
                             "Calibrate on the processor, or read shorter samples."});
}

void add_disk_problems(contract::CalibrationPlanResult& plan) {
  if (plan.disk_bytes > plan.free_disk_bytes)
    plan.problems.push_back({PlanProblemKind::kDisk, true,
                             "It needs " + size_text(plan.disk_bytes) + " of disk where it is made; " +
                                 size_text(plan.free_disk_bytes) + " are free.",
                             plan.activations_on_disk ? "Free some space, allow more memory, or read fewer or "
                                                        "shorter samples."
                                                      : "Free some space, or read fewer or shorter samples."});
}

}  // namespace

Estimator estimator_of(contract::Estimator estimator) {
  return estimator == contract::Estimator::kSample ? Estimator::kSample : Estimator::kToken;
}

Result<std::shared_ptr<const Model>> open_for_calibration(const std::string& checkpoint) {
  SQUEEZE_ASSIGN(auto model, Model::open(checkpoint));
  if (model->quantized())
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = checkpoint + " is squeezed; gradients are taken of a checkpoint as trained."};
  return model;
}

Result<std::int64_t> activation_budget(const CalibrationNeeds& needs, std::int64_t limit_bytes) {
  if (limit_bytes == 0) return std::int64_t{0};
  if (needs.working > limit_bytes) return below_need(limit_bytes, needs.working);
  return std::max<std::int64_t>(1, limit_bytes - needs.working);
}

Result<contract::CalibrationPlanResult> CalibrationPlanner::plan(const contract::CalibrationPlanParams& params,
                                                                 const Device& device) {
  SQUEEZE_ASSIGN(const auto model, open_for_calibration(params.checkpoint));
  if (params.length > model->config().context)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "params.length: samples of " + std::to_string(params.length) +
                            " tokens are longer than the model's context of " +
                            std::to_string(model->config().context) + "."};
  set_thread_count(static_cast<int>(params.threads));
  const Precision precision = precision_of(params.precision);
  const Estimator estimator = estimator_of(params.estimator);
  const CalibrationNeeds needs =
      calibration_needs(*model, params.samples, params.length, estimator, precision, device.is_gpu());

  contract::CalibrationPlanResult plan;
  plan.free_memory_bytes = free_memory_bytes();
  const auto budget = activation_budget(needs, params.memory_limit_bytes);
  plan.activation_bytes = needs.activations;
  plan.activations_on_disk = needs.activations > (budget.ok() ? usual_budget(budget.value()) : 0);
  plan.memory_bytes = needs.working + (plan.activations_on_disk ? 0 : needs.activations);
  plan.mapped_bytes = needs.mapped(plan.memory_bytes, plan.activations_on_disk);
  plan.disk_bytes = needs.disk(plan.activations_on_disk);
  plan.result_bytes = needs.result;
  plan.free_disk_bytes = free_disk_bytes(params.out);
  add_memory_problems(plan, params.memory_limit_bytes, needs.working);
  add_disk_problems(plan);
  if (device.is_gpu()) {
    plan.gpu_memory_bytes = needs.gpu;
    add_gpu_problems(plan, device);
    return plan;
  }
  const std::string key = model->fingerprint() + " " + std::to_string(params.length) + " " + name_of(precision) + " " +
                          std::string(contract::name_of(params.estimator)) + " " + std::to_string(thread_count());
  auto known = speeds_.find(key);
  if (known == speeds_.end()) {
    SQUEEZE_ASSIGN(const PassSpeed speed, measure_pass_speed(*model, params.length, precision, estimator));
    known = speeds_.emplace(key, speed).first;
  }
  plan.duration_ms = 1000 * calibration_seconds(known->second, *model, params.samples, params.length);
  return plan;
}

}  // namespace squeeze
