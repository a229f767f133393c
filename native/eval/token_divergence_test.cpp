#include "eval/token_divergence.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "eval/evaluate.hpp"

using namespace squeeze;

namespace {

std::vector<std::int32_t> text_of(std::int32_t length) {
  std::vector<std::int32_t> text;
  for (std::int32_t i = 0; i < length; ++i) text.push_back(i * i * 5 % 23);
  return text;
}

// A random model, and one whose MLPs say a little more.
struct Pair {
  TestFolder folder, other;
  std::shared_ptr<const Model> model, reference;

  explicit Pair(const std::string& family) {
    const auto tensors = write_tiny_checkpoint(folder.path(), family, 1);
    auto moved = tensors;
    for (TinyTensor& t : moved)
      if (t.name.find("down_proj.weight") != std::string::npos || t.name.find("fc2.weight") != std::string::npos)
        for (float& value : t.values) value *= 1.5f;
    put_text(other / "config.json", tiny_config(family));
    write_tensors(other / "model.safetensors", moved);
    model = Model::open(folder.path()).value();
    reference = Model::open(other.path()).value();
  }
};

std::unique_ptr<Generator> generator_of(const std::shared_ptr<const Model>& model, std::int64_t context = 32) {
  auto made = Generator::make(model, {.context = context, .prompt = Precision::kFloat32});
  REQUIRE(made.ok());
  return std::move(made).value();
}

TokenDivergence compare(Generator& model, Generator& reference, std::span<const std::int32_t> text,
                        std::size_t prompt) {
  SilentContext context;
  auto found = token_divergence(model, reference, text.first(prompt), text.subspan(prompt), context);
  REQUIRE(found.ok());
  CHECK(found.value().kl.size() == text.size() - prompt);
  return std::move(found).value();
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

TEST_CASE("token by token the divergence is that of an evaluation (tier D)") {
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    const Pair pair(family);
    const auto text = text_of(17);
    SilentContext context;
    const auto whole = evaluate(*pair.model, pair.reference.get(), {text.data(), 1, 17}, context);
    REQUIRE(whole.ok());
    const Divergence& wanted = *whole.value().divergence;
    REQUIRE(wanted.kl_mean > 1e-3);

    const auto model = generator_of(pair.model), reference = generator_of(pair.reference);
    const TokenDivergence found = compare(*model, *reference, text, 1);
    CHECK(mean(found.kl) == doctest::Approx(wanted.kl_mean).epsilon(2e-3));  // the cache holds halves
    CHECK(-mean(found.logprob) == doctest::Approx(whole.value().mean_nll).epsilon(2e-3));
    CHECK(-mean(found.reference_logprob) == doctest::Approx(wanted.against_nll).epsilon(2e-3));
    const auto same = std::count(found.same_top.begin(), found.same_top.end(), true);
    CHECK(static_cast<double>(same) == doctest::Approx(16 * wanted.top1_agreement));
  }
}

TEST_CASE("a model does not diverge from itself, loaded once or twice (tier A)") {
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    const Pair pair(family);
    const auto one = generator_of(pair.model), two = generator_of(pair.model);
    const auto text = text_of(20);
    for (Generator* other : {one.get(), two.get()}) {
      const TokenDivergence found = compare(*one, *other, text, 7);
      for (std::size_t i = 0; i < found.kl.size(); ++i) {
        CHECK(std::abs(found.kl[i]) < 1e-15);
        CHECK(found.logprob[i] == found.reference_logprob[i]);
        CHECK(found.same_top[i]);
      }
    }
  }
}

TEST_CASE("where the answer begins and what is cached changes no divergence") {
  const Pair pair("llama");
  const auto text = text_of(300);  // several blocks
  const auto model = generator_of(pair.model, 320), reference = generator_of(pair.reference, 320);
  const TokenDivergence all = compare(*model, *reference, text, 1);
  SilentContext context;
  // One cache as after an answer, the other with nothing in common.
  GenerationRequest request{.prompt = {}, .max_tokens = 1, .stop_tokens = {}, .sampling = {}};
  request.prompt.assign(text.begin(), text.begin() + 290);
  REQUIRE(model
              ->generate(
                  request, [](std::int32_t, float) {}, context)
              .ok());
  request.prompt = {22};
  REQUIRE(reference
              ->generate(
                  request, [](std::int32_t, float) {}, context)
              .ok());
  const TokenDivergence rest = compare(*model, *reference, text, 150);
  for (std::size_t i = 0; i < rest.kl.size(); ++i) {
    CHECK(rest.kl[i] == doctest::Approx(all.kl[i + 149]).epsilon(0.02));
    CHECK(rest.logprob[i] == doctest::Approx(all.logprob[i + 149]).epsilon(2e-3));
  }
  // And generation afterwards goes on from what was read.
  request.prompt.assign(text.begin(), text.end());
  const auto next = model->generate(
      request, [](std::int32_t, float) {}, context);
  REQUIRE(next.ok());
  CHECK(next.value().reused_tokens == 299);
}

TEST_CASE("what cannot be compared is refused") {
  const Pair pair("llama");
  const auto model = generator_of(pair.model, 8), reference = generator_of(pair.reference, 8);
  SilentContext context;
  const auto text = text_of(10);
  CHECK(token_divergence(*model, *reference, std::span(text).first(4), std::span(text).subspan(4, 5), context).ok());
  const auto long_text =
      token_divergence(*model, *reference, std::span(text).first(4), std::span(text).subspan(4), context);
  REQUIRE_FALSE(long_text.ok());
  CHECK(long_text.error().message == "The text has 9 tokens, and the cache holds 8.");
}
