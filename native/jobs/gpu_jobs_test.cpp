// Jobs on a GPU against the same jobs on the processor, from the request's device to the result. The mathematics has
// tests of its own.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "device/test_device.hpp"
#include "jobs/benchmark_job.hpp"
#include "jobs/calibration_job.hpp"
#include "jobs/errors_job.hpp"
#include "jobs/evaluation_job.hpp"
#include "jobs/generation_job.hpp"
#include "jobs/gpus_device.hpp"
#include "jobs/quantization_job.hpp"
#include "jobs/sweep_job.hpp"

namespace squeeze {

namespace {

// A checkpoint with a text, and both devices; the first GPU where there is one.
struct Bench {
  TestFolder folder;
  SilentContext silent;
  Device processor;
  Device gpu = {.gpus = &device_gpus()};
  TestDevice test;

  Bench() {
    write_tiny_checkpoint(folder / "model", "llama");
    std::vector<std::int32_t> ids;
    for (std::int32_t i = 0; i < 4 * 16; ++i) ids.push_back((i * 7 + i / 5) % 23);
    const TensorSource tokens = tensor_source("tokens", DType::kI32, {4, 16}, std::span<const std::int32_t>(ids));
    REQUIRE(write_safetensors(folder / "tokens", {tokens}, {}).ok());
  }
  explicit operator bool() const { return static_cast<bool>(test); }

  std::string at(const char* name) const { return (folder / name).string(); }

  contract::CalibrationResult calibrate(const Device& device, const char* out) {
    contract::CalibrationStartParams params;
    params.checkpoint = at("model");
    params.tokens = at("tokens");
    params.out = at(out);
    return value_of(run_calibration(params, device, silent));
  }
  contract::QuantizationResult quantize(const Device& device, const char* out, std::int64_t share = 1) {
    contract::QuantizationStartParams params;
    params.checkpoint = at("model");
    params.calibration = at("calibration");
    params.recipe = recipe();
    params.recipe.share = share;
    params.out = at(out);
    return value_of(run_quantization(params, device, silent));
  }
  static contract::Recipe recipe() { return {.method = "squeezellm", .bits = 3, .sparsity = 0.02}; }

  template <typename T>
  static T value_of(Result<T> result) {
    if (!result.ok()) FAIL(result.error().message);
    return std::move(result).value();
  }
};

}  // namespace

TEST_CASE("device: a calibration on a GPU finds the sensitivities that the processor finds") {
  Bench bench;
  if (!bench) return;
  const auto expected = bench.calibrate(bench.processor, "calibration");
  const auto found = bench.calibrate(bench.gpu, "on-gpu");
  CHECK(found.loss == doctest::Approx(expected.loss).epsilon(1e-5));
  REQUIRE(found.matrices.size() == expected.matrices.size());
  for (std::size_t i = 0; i < found.matrices.size(); ++i)
    CHECK(found.matrices[i].sum == doctest::Approx(expected.matrices[i].sum).epsilon(1e-3));
}

TEST_CASE("device: a quantization and a table of errors on a GPU are the processor's, bit for bit") {
  Bench bench;
  if (!bench) return;
  bench.calibrate(bench.processor, "calibration");
  const auto expected = bench.quantize(bench.processor, "squeezed");
  const auto found = bench.quantize(bench.gpu, "on-gpu");
  CHECK(found.fingerprint == expected.fingerprint);
  CHECK(found.objective == expected.objective);

  contract::ErrorsStartParams params;
  params.checkpoint = bench.at("model");
  params.calibration = bench.at("calibration");
  params.bits = {2, 4};
  params.sparsities = {0, 0.02};
  std::vector<double> errors[2];
  for (const bool on_gpu : {false, true}) {
    const auto measured = [&](const contract::MatrixErrors& matrix) {
      for (const auto& cell : matrix.cells) errors[on_gpu].push_back(cell.objective);
    };
    Bench::value_of(run_errors(params, on_gpu ? bench.gpu : bench.processor, measured, bench.silent));
  }
  CHECK(errors[0].size() == 4 * 14);
  CHECK(errors[0] == errors[1]);
}

// Emulated it takes five seconds: the choice by the loss clusters fourteen matrices again and again.
TEST_CASE("device: a quantization on a GPU writes the processor's files, whichever rule keeps weights") {
  Bench bench;
  if (!bench) return;
  bench.calibrate(bench.processor, "calibration");
  for (const auto outliers : {contract::RecipeOutliers::kPaper, contract::RecipeOutliers::kLossAware}) {
    contract::QuantizationStartParams params;
    params.checkpoint = bench.at("model");
    params.calibration = bench.at("calibration");
    params.recipe = Bench::recipe();
    params.recipe.outliers = outliers;
    const bool paper = outliers == contract::RecipeOutliers::kPaper;
    std::vector<contract::QuantizationResult> made;
    std::vector<std::string> written;
    for (const bool on_gpu : {false, true}) {
      params.out = bench.at(paper ? (on_gpu ? "paper-gpu" : "paper") : (on_gpu ? "loss-gpu" : "loss"));
      made.push_back(Bench::value_of(run_quantization(params, on_gpu ? bench.gpu : bench.processor, bench.silent)));
      std::string bytes;
      std::vector<std::filesystem::path> files;
      for (const auto& file : std::filesystem::directory_iterator(params.out))
        if (file.path().extension() == ".safetensors") files.push_back(file.path());
      std::ranges::sort(files);
      for (const auto& file : files) {
        std::ifstream in(file, std::ios::binary);
        bytes.append(std::istreambuf_iterator<char>(in), {});
      }
      written.push_back(std::move(bytes));
    }
    CHECK(made[1].fingerprint == made[0].fingerprint);
    CHECK(made[1].objective == made[0].objective);
    CHECK(!written[0].empty());
    CHECK((written[1] == written[0]));
  }
}

TEST_CASE("device: codebooks are refined on a GPU as on the processor") {
  Bench bench;
  if (!bench) return;
  contract::QuantizationStartParams params;
  params.checkpoint = bench.at("model");
  params.tokens = bench.at("tokens");
  params.recipe = {.method = "squeezellm", .bits = 2, .refine = 2};
  params.recipe.weighting = contract::RecipeWeighting::kNone;
  std::vector<contract::Refinement> refined;
  for (const bool on_gpu : {false, true}) {
    params.out = bench.at(on_gpu ? "on-gpu" : "refined");
    const auto made = Bench::value_of(run_quantization(params, on_gpu ? bench.gpu : bench.processor, bench.silent));
    REQUIRE(made.refinement);
    refined.push_back(*made.refinement);
  }
  CHECK(refined[0].best_step > 0);
  CHECK(refined[1].best_step == refined[0].best_step);
  CHECK(refined[1].before == doctest::Approx(refined[0].before).epsilon(1e-4));
  CHECK(refined[1].after == doctest::Approx(refined[0].after).epsilon(1e-3));
}

TEST_CASE("device: an evaluation and a sweep on a GPU measure what the processor measures") {
  Bench bench;
  if (!bench) return;
  bench.calibrate(bench.processor, "calibration");
  bench.quantize(bench.processor, "squeezed");

  contract::EvaluationStartParams evaluation;
  evaluation.model = bench.at("squeezed");
  evaluation.against = bench.at("model");
  evaluation.tokens = bench.at("tokens");
  const auto expected = Bench::value_of(run_evaluation(evaluation, bench.processor, bench.silent));
  const auto found = Bench::value_of(run_evaluation(evaluation, bench.gpu, bench.silent));
  REQUIRE((expected.mean_nll && found.mean_nll && expected.divergence && found.divergence));
  CHECK(*found.mean_nll == doctest::Approx(*expected.mean_nll).epsilon(1e-4));
  CHECK(found.divergence->kl_mean == doctest::Approx(expected.divergence->kl_mean).epsilon(1e-2));

  contract::SweepStartParams sweep;
  sweep.checkpoint = bench.at("model");
  sweep.calibration = bench.at("calibration");
  sweep.tokens = bench.at("tokens");
  sweep.recipes = {Bench::recipe()};
  const auto swept = Bench::value_of(run_sweep(
      sweep, bench.gpu, [](const contract::SweepMeasured&) {}, bench.silent));
  REQUIRE(swept.points.size() == 1);
  REQUIRE(swept.points[0].mean_nll);
  CHECK(*swept.points[0].mean_nll == doctest::Approx(*expected.mean_nll).epsilon(1e-4));
}

TEST_CASE("device: a result with shared codebooks is made, evaluated and read from as on the processor") {
  Bench bench;
  if (!bench) return;
  bench.calibrate(bench.processor, "calibration");
  const auto made = bench.quantize(bench.processor, "shared", 5);
  CHECK(bench.quantize(bench.gpu, "on-gpu", 5).fingerprint == made.fingerprint);
  contract::EvaluationStartParams evaluation;
  evaluation.model = bench.at("shared");
  evaluation.tokens = bench.at("tokens");
  const auto expected = Bench::value_of(run_evaluation(evaluation, bench.processor, bench.silent));
  const auto found = Bench::value_of(run_evaluation(evaluation, bench.gpu, bench.silent));
  REQUIRE((expected.mean_nll && found.mean_nll));
  CHECK(*found.mean_nll == doctest::Approx(*expected.mean_nll).epsilon(1e-4));

  LoadedModels models;
  contract::ModelLoadParams load;
  load.path = bench.at("shared");
  load.context_length = 16;
  contract::GenerationStartParams params;
  params.prompt = {1, 22, 7};
  params.max_tokens = 4;
  params.sampling = {.top_p = 1, .repetition_penalty = 1};
  std::vector<float> first;
  for (const Device& device : {bench.processor, bench.gpu}) {
    const auto loaded = Bench::value_of(models.load(load, device));
    std::vector<float> logprobs;
    const auto produced = [&](std::int32_t, float logprob) { logprobs.push_back(logprob); };
    const auto model = Bench::value_of(models.find(loaded.model_id));
    Bench::value_of(run_generation(params, *model, produced, bench.silent));
    REQUIRE(logprobs.size() == 4);
    first.push_back(logprobs[0]);
  }
  CHECK(first[0] == doctest::Approx(first[1]).epsilon(1e-2));
}

TEST_CASE("device: a model that is loaded on a GPU generates") {
  Bench bench;
  if (!bench) return;
  LoadedModels models;
  contract::ModelLoadParams load;
  load.path = bench.at("model");
  load.context_length = 16;
  contract::GenerationStartParams params;
  params.prompt = {1, 22, 7};
  params.max_tokens = 4;
  params.sampling = {.top_p = 1, .repetition_penalty = 1};
  std::vector<float> first;
  for (const Device& device : {bench.processor, bench.gpu}) {
    const auto loaded = Bench::value_of(models.load(load, device));
    CHECK(loaded.context_length == 16);
    std::vector<float> logprobs;
    const auto produced = [&](std::int32_t, float logprob) { logprobs.push_back(logprob); };
    const auto model = Bench::value_of(models.find(loaded.model_id));
    Bench::value_of(run_generation(params, *model, produced, bench.silent));
    REQUIRE(logprobs.size() == 4);
    first.push_back(logprobs[0]);
  }
  CHECK(first[0] == doctest::Approx(first[1]).epsilon(1e-2));
}

TEST_CASE("device: a benchmark on a GPU measures models against the GPU's own memory") {
  Bench bench;
  if (!bench) return;
  bench.calibrate(bench.processor, "calibration");
  bench.quantize(bench.processor, "squeezed");

  contract::BenchmarkStartParams params;
  params.models = {bench.at("model"), bench.at("squeezed")};
  params.prompt_tokens = 9;
  params.generate_tokens = 3;
  params.contexts = {20, 4};
  params.rounds = 2;
  const auto expected = Bench::value_of(run_benchmark(params, bench.processor, bench.silent));
  const auto found = Bench::value_of(run_benchmark(params, bench.gpu, bench.silent));

  const DeviceProperties& gpu = bench.test.stream().device();
  CHECK(found.simd == "sm_" + std::to_string(gpu.major) + std::to_string(gpu.minor));
  CHECK(found.arithmetic == contract::Arithmetic::kFp32);
  CHECK(found.interleaved);
  CHECK(found.read_bandwidth.threads == 1);
  CHECK(found.read_bandwidth.all_threads.min > 0);
  CHECK_FALSE(found.read_bandwidth.one_thread);
  CHECK(expected.read_bandwidth.one_thread);
  REQUIRE(found.models.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto &model = found.models[i], &same = expected.models[i];
    CHECK(model.path == params.models[i]);
    CHECK(model.stored_as == same.stored_as);
    CHECK(model.weight_bytes_per_token == same.weight_bytes_per_token);
    CHECK(model.memory_bytes > model.weight_bytes_per_token);
    CHECK(model.first_token_ms.min > 0);
    REQUIRE(model.generation.size() == 2);
    CHECK(model.generation[0].context == 4);
    for (const auto& at : model.generation) {
      CHECK(at.tokens_per_second.min > 0);
      CHECK(at.bandwidth_share.min > 0);
    }
  }
}

TEST_CASE("device: single kernels are measured on the processor alone, and a GPU asked for them is refused") {
  const std::vector<std::string> requests = device_gpus().requests();
  CHECK(std::ranges::find(requests, "benchmark.start") != requests.end());
  CHECK(std::ranges::find(requests, "benchmark.kernels") == requests.end());
  Bench bench;
  if (!bench) return;
  const auto refused = device_of("cuda:0", "benchmark.kernels", &device_gpus());
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kDeviceUnavailable);
  CHECK(refused.error().message.find("benchmark.kernels runs on the processor only.") != std::string::npos);
}

}  // namespace squeeze
