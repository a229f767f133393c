#include "eval/device_evaluation.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "device/test_device.hpp"
#include "eval/evaluate.hpp"

using namespace squeeze;

namespace {

Result<std::unique_ptr<EvaluationEngine>> on_device(std::span<const Model* const> models, std::int64_t length,
                                                    Precision precision) {
  return make_device_evaluation(models, length, precision, 0);
}

Matrix<std::int32_t> tokens_of(std::int64_t rows, std::int64_t length) {
  Matrix<std::int32_t> tokens(rows, length);
  for (std::size_t i = 0; i < tokens.values.size(); ++i) tokens.values[i] = static_cast<std::int32_t>(i * i * 5 % 23);
  return tokens;
}

// The checkpoint of a family, and beside it one whose last linears are larger.
struct Pair {
  TestFolder folder, other;
  std::shared_ptr<const Model> model, moved;

  explicit Pair(const std::string& family) {
    auto tensors = write_tiny_checkpoint(folder.path(), family, 1);
    for (TinyTensor& t : tensors)
      if (t.name.find("down_proj.weight") != std::string::npos || t.name.find("fc2.weight") != std::string::npos)
        for (float& value : t.values) value *= 1.3f;
    put_text(other / "config.json", tiny_config(family));
    write_tensors(other / "model.safetensors", tensors);
    model = Model::open(folder.path()).value();
    moved = Model::open(other.path()).value();
  }
};

void compare(const Evaluation& found, const Evaluation& wanted, double tolerance) {
  CHECK(found.tokens == wanted.tokens);
  CHECK(found.windows == wanted.windows);
  CHECK(found.mean_nll == doctest::Approx(wanted.mean_nll).epsilon(tolerance));
  REQUIRE(found.divergence.has_value() == wanted.divergence.has_value());
  if (!found.divergence) return;
  CHECK(found.divergence->against_nll == doctest::Approx(wanted.divergence->against_nll).epsilon(tolerance));
  CHECK(found.divergence->kl_mean == doctest::Approx(wanted.divergence->kl_mean).epsilon(10 * tolerance));
  CHECK(std::abs(found.divergence->top1_agreement - wanted.divergence->top1_agreement) <= 10 * tolerance);
}

Evaluation run(const Model& model, const Model* against, const Matrix<std::int32_t>& tokens, Precision precision,
               const EvaluationEngineFactory& factory) {
  SilentContext context;
  const auto result = evaluate(model, against, tokens.view(), context, precision, factory);
  if (!result.ok()) FAIL(result.error().message);
  return result.value();
}

}  // namespace

TEST_CASE("device: loss and divergence of every family, as on the processor (tier D)") {
  TestDevice device;
  if (!device) return;
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    const Pair pair(family);
    const auto tokens = tokens_of(3, 9);
    const Evaluation wanted = run(*pair.moved, pair.model.get(), tokens, Precision::kFloat32, {});
    compare(run(*pair.moved, pair.model.get(), tokens, Precision::kFloat32, on_device), wanted, 1e-6);
    compare(run(*pair.moved, nullptr, tokens, Precision::kFloat32, on_device),
            run(*pair.moved, nullptr, tokens, Precision::kFloat32, {}), 1e-6);
    const Evaluation same = run(*pair.model, pair.model.get(), tokens, Precision::kFloat32, on_device);
    CHECK(std::abs(same.divergence->kl_mean) < 1e-7);
    CHECK(same.divergence->top1_agreement == 1);
    compare(run(*pair.moved, pair.model.get(), tokens, Precision::kBFloat16, on_device), wanted, 2e-2);
    if (fastest_precision() == Precision::kBFloat16)
      compare(run(*pair.moved, pair.model.get(), tokens, Precision::kBFloat16, on_device),
              run(*pair.moved, pair.model.get(), tokens, Precision::kBFloat16, {}), 5e-3);
  }
}

TEST_CASE("device: candidates' figures are those of evaluations one by one, also in a later pass (tier D)") {
  TestDevice device;
  if (!device) return;
  const Pair pair("llama");
  const auto tokens = tokens_of(3, 9);
  SilentContext context;
  auto evaluator = CandidateEvaluator::make(*pair.model, tokens.view(), Precision::kFloat32, on_device);
  if (!evaluator.ok()) FAIL(evaluator.error().message);
  const Evaluation wanted = run(*pair.moved, pair.model.get(), tokens, Precision::kFloat32, {});
  for (const std::int64_t copies : {1, 2}) {
    const auto layers = [&](std::int64_t layer, const LayerWeights& own) -> Result<std::vector<LayerWeights>> {
      SQUEEZE_ASSIGN(const LayerWeights moved, pair.moved->layer(layer));
      std::vector<LayerWeights> all(static_cast<std::size_t>(copies), moved);
      all.insert(all.begin(), own);
      return all;
    };
    const auto found = evaluator.value().evaluate(copies + 1, layers, context);
    if (!found.ok()) FAIL(found.error().message);
    const Evaluation& own = evaluator.value().own();
    compare(own, run(*pair.model, nullptr, tokens, Precision::kFloat32, {}), 1e-6);
    CHECK(std::abs(found.value().front().divergence->kl_mean) < 1e-7);
    CHECK(found.value().front().mean_nll == own.mean_nll);
    for (std::size_t i = 1; i < found.value().size(); ++i) compare(found.value()[i], wanted, 1e-6);
  }
}
