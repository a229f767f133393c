#include "eval/evaluate.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "archs/reference_model.hpp"
#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"

using namespace squeeze;

namespace {

Matrix<std::int32_t> tokens_of(std::int64_t rows, std::int64_t length, std::int32_t step = 5) {
  Matrix<std::int32_t> tokens(rows, length);
  for (std::size_t i = 0; i < tokens.values.size(); ++i)
    tokens.values[i] = static_cast<std::int32_t>(i * i * static_cast<std::size_t>(step) % 23);
  return tokens;
}

class CancelAfter final : public RunContext {
 public:
  explicit CancelAfter(int reports) : left_(reports) {}
  void stage(const std::string&, double) override {}
  void report(const Progress&) override { --left_; }
  bool cancelled() const override { return left_ <= 0; }

 private:
  int left_;
};

}  // namespace

TEST_CASE("losses of the golden models (tier D)") {
  for_each_golden([](const GoldenModel& golden) {
    CAPTURE(golden.name);
    const auto model = Model::open(golden.model).value();
    const auto store = TensorStore::open(golden.golden.string() + ".safetensors").value();
    const TensorView stored = store.require("tokens").value();
    Matrix<std::int32_t> tokens(stored.shape[0], stored.shape[1]);
    std::memcpy(tokens.values.data(), stored.bytes.data(), stored.bytes.size());
    std::ifstream file(golden.golden.string() + ".json");
    const auto info = nlohmann::json::parse(file);
    SilentContext context;
    double worst = 0, mean = 0;
    for (std::int64_t r = 0; r < tokens.rows; ++r) {
      const auto one = evaluate(*model, nullptr, tokens.view().rows_from(r, 1), context);
      REQUIRE(one.ok());
      const double wanted = info.at("loss").at(r).get<double>();
      worst = std::max(worst, std::abs(one.value().mean_nll - wanted) / wanted);
      mean += wanted / static_cast<double>(tokens.rows);
    }
    print_figure("figure loss   %-22s max relative %.2e\n", golden.name.c_str(), worst);
    CHECK(worst <= 1e-5);
    const auto all = evaluate(*model, model.get(), tokens.view(), context);
    REQUIRE(all.ok());
    CHECK(all.value().mean_nll == doctest::Approx(mean).epsilon(1e-5));
    CHECK(all.value().windows == tokens.rows);
    CHECK(all.value().tokens == tokens.rows * (tokens.cols - 1));
    CHECK(std::abs(all.value().divergence->kl_mean) < 1e-12);
    CHECK(all.value().divergence->top1_agreement == 1);
    CHECK(all.value().divergence->against_nll == all.value().mean_nll);
  });
}

TEST_CASE("loss and divergence against float64 loops (tier D)") {
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    TestFolder folder, other;
    const auto tensors = write_tiny_checkpoint(folder.path(), family, 1);
    auto moved = tensors;
    for (TinyTensor& t : moved)
      if (t.name.find("down_proj.weight") != std::string::npos || t.name.find("fc2.weight") != std::string::npos)
        for (float& value : t.values) value *= 1.1f;
    put_text(other / "config.json", tiny_config(family));
    write_tensors(other / "model.safetensors", moved);

    const auto q = Model::open(folder.path()).value(), p = Model::open(other.path()).value();
    const auto fields = ConfigFields::read(folder / "config.json").value();
    const Family& spec = *family_of(fields).value();
    const ReferenceModel q_reference(spec, q->config(), tensors), p_reference(spec, p->config(), moved);
    const auto tokens = tokens_of(3, 7);
    double nll = 0, kl = 0, same = 0;
    for (std::int64_t r = 0; r < 3; ++r) {
      const auto row = tokens.view().row(r);
      const std::vector<int> ids(row.begin(), row.end());
      nll += q_reference.loss(ids) / 18;
      const auto q_rows = q_reference.logits(ids), p_rows = p_reference.logits(ids);
      for (std::size_t t = 0; t < 6; ++t) {
        double p_sum = 0, q_sum = 0;
        for (std::size_t v = 0; v < 23; ++v) p_sum += std::exp(p_rows[t][v]), q_sum += std::exp(q_rows[t][v]);
        for (std::size_t v = 0; v < 23; ++v)
          kl += std::exp(p_rows[t][v]) / p_sum * (p_rows[t][v] - std::log(p_sum) - q_rows[t][v] + std::log(q_sum)) / 18;
        const auto top = [](const auto& x) { return std::ranges::max_element(x) - x.begin(); };
        same += top(p_rows[t]) == top(q_rows[t]) ? 1.0 / 18 : 0;
      }
    }
    SilentContext context;
    const auto found = evaluate(*q, p.get(), tokens.view(), context);
    REQUIRE(found.ok());
    CHECK(found.value().mean_nll == doctest::Approx(nll).epsilon(1e-6));
    CHECK(found.value().divergence->kl_mean == doctest::Approx(kl).epsilon(1e-4));
    CHECK(found.value().divergence->top1_agreement == doctest::Approx(same));
  }
}

TEST_CASE("an evaluation in bf16 is close to one in fp32, and another (needs AVX512_BF16)" *
          doctest::skip(fastest_precision() != Precision::kBFloat16)) {
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    TestFolder folder;
    write_tiny_checkpoint(folder.path(), family);
    const auto model = Model::open(folder.path()).value();
    const auto tokens = tokens_of(4, 12);
    SilentContext context;
    const auto exact = evaluate(*model, nullptr, tokens.view(), context);
    const auto rounded = evaluate(*model, model.get(), tokens.view(), context, Precision::kBFloat16);
    REQUIRE(exact.ok());
    REQUIRE(rounded.ok());
    CHECK(rounded.value().mean_nll != exact.value().mean_nll);
    // Two factors of 2^-8 each on every product, in a dozen products one after the other.
    CHECK(rounded.value().mean_nll == doctest::Approx(exact.value().mean_nll).epsilon(0.02));
    CHECK(rounded.value().divergence->against_nll == rounded.value().mean_nll);
  }
}

TEST_CASE("what cannot be evaluated is refused by name") {
  TestFolder folder, other, broken;
  auto tensors = write_tiny_checkpoint(folder.path(), "llama");
  const auto model = Model::open(folder.path()).value();
  SilentContext context;
  const auto refused = [&](const Model& m, const Model* against, const Matrix<std::int32_t>& tokens, ErrorCode code,
                           const std::string& word) {
    const auto result = evaluate(m, against, tokens.view(), context);
    REQUIRE_FALSE(result.ok());
    CAPTURE(result.error().message);
    CHECK(result.error().code == code);
    CHECK(result.error().message.find(word) != std::string::npos);
  };
  auto tokens = tokens_of(2, 6);
  tokens.values[8] = 23;
  refused(*model, nullptr, tokens, ErrorCode::kInvalidRequest, "Token 23 at position 2 of row 1");
  tokens.values[8] = -1;
  refused(*model, nullptr, tokens, ErrorCode::kInvalidRequest, "Token -1");
  refused(*model, nullptr, tokens_of(1, 33), ErrorCode::kInvalidRequest, "context of 32");
  refused(*model, nullptr, tokens_of(1, 1), ErrorCode::kInvalidRequest, "at least 2");

  auto smaller = nlohmann::json::parse(tiny_config("llama"));
  smaller["vocab_size"] = 22;
  const auto small_tensors = tiny_tensors(other.path(), smaller.dump());
  write_tensors(other / "model.safetensors", small_tensors);
  refused(*model, Model::open(other.path()).value().get(), tokens_of(1, 4), ErrorCode::kInvalidRequest, "22");

  for (const char* name : {"model.layers.1.mlp.up_proj.weight", "model.embed_tokens.weight", "lm_head.weight",
                           "model.layers.0.input_layernorm.weight", "model.layers.1.self_attn.q_proj.bias"}) {
    CAPTURE(name);
    auto spoiled = tensors;
    for (TinyTensor& t : spoiled)
      if (t.name == name) t.values[5] = NAN;
    put_text(broken / "config.json", tiny_config("llama"));
    write_tensors(broken / "model.safetensors", spoiled);
    refused(*Model::open(broken.path()).value(), nullptr, tokens_of(1, 4), ErrorCode::kValueNotFinite, name);
  }
}

TEST_CASE("a model that diverges gives a loss that is not finite") {
  TestFolder folder;
  auto tensors = tiny_tensors(folder.path(), tiny_config("llama"));
  for (TinyTensor& t : tensors)
    if (t.name.find("up_proj.weight") != std::string::npos || t.name.find("down_proj.weight") != std::string::npos)
      for (float& value : t.values) value *= 1e25f;
  write_tensors(folder / "model.safetensors", tensors);
  SilentContext context;
  const auto result = evaluate(*Model::open(folder.path()).value(), nullptr, tokens_of(2, 6).view(), context);
  REQUIRE(result.ok());
  CHECK_FALSE(std::isfinite(result.value().mean_nll));
}

TEST_CASE("an evaluation stops when it is told to") {
  TestFolder folder;
  write_tiny_checkpoint(folder.path(), "qwen3");
  const auto model = Model::open(folder.path()).value();
  CancelAfter context(2);
  const auto result = evaluate(*model, nullptr, tokens_of(400, 30).view(), context);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == ErrorCode::kCancelled);
}

TEST_CASE("hidden states keep within their bytes, and the figures stay the same (tier A)") {
  TestFolder folder;
  write_tiny_checkpoint(folder.path(), "llama");
  const auto model = Model::open(folder.path()).value();
  const auto tokens = tokens_of(5, 7);
  SilentContext context;
  const auto whole = evaluate(*model, nullptr, tokens.view(), context);
  const auto one_by_one = evaluate(*model, nullptr, tokens.view(), context, Precision::kFloat32, {}, /*state_bytes=*/1);
  REQUIRE(whole.ok());
  REQUIRE(one_by_one.ok());
  CHECK(one_by_one.value().mean_nll == whole.value().mean_nll);

  const std::int64_t of_one = tokens.view().size() * model->config().hidden * 4;
  CHECK(candidates_at_once(model->config(), tokens.view(), 1) == 1);
  // The model itself is one of them.
  CHECK(candidates_at_once(model->config(), tokens.view(), 5 * of_one) == 4);
  CHECK(candidates_at_once(model->config(), tokens.view()) == (std::int64_t{4} << 30) / of_one - 1);
}
