#include "jobs/synthesis_job.hpp"

#include <doctest/doctest.h>

#include "archs/model.hpp"
#include "base/test_folder.hpp"
#include "eval/generator.hpp"
#include "jobs/stored_words.hpp"

using namespace squeeze;

TEST_CASE("a model of random weights loads, is as large as promised, and generates") {
  const TestFolder folder;
  contract::SynthesisStartParams params;
  params.shape = {
      .hidden = 96, .layers = 3, .intermediate = 250, .heads = 6, .kv_heads = 2, .vocabulary = 301, .context = 64};
  params.weights = {.type = contract::StoredType::kLut, .bits = 3, .sparsity = 0.01};
  params.head = {.type = contract::StoredType::kLut, .bits = 4};
  params.out = folder / "model";
  SilentContext silent;
  const auto made = run_synthesis(params, silent);
  REQUIRE(made.ok());
  const auto model = Model::open(params.out);
  REQUIRE(model.ok());
  CHECK(model.value()->config().head_dim == 16);
  CHECK(model.value()->store().size_bytes() == made.value().size_bytes);

  const StoredWeights matrices = stored_matrices(*model.value()), head = stored_head(*model.value());
  CHECK(matrices.words.starts_with("3 bits + "));
  CHECK(head.words == "4 bits");
  CHECK(head.bytes == 301 * (96 / 2 + 2 * 16));
  // Rows of 96 and 250 indices of 3 bits in whole words, tables of 8 halves, row pointers, and 32 bits an entry.
  const std::int64_t rows96 = 3 * (2 * 96 + 2 * 32 + 2 * 250), rows250 = 3 * 96;
  const std::int64_t dense = rows96 * (4 * 9 + 16) + rows250 * (4 * 24 + 16);
  const std::int64_t row_pointers = 4 * (rows96 + rows250 + 3 * 7);
  const std::int64_t entries = (matrices.bytes - dense - row_pointers) / 4;
  CHECK(static_cast<double>(entries) / static_cast<double>(rows96 * 96 + rows250 * 250) ==
        doctest::Approx(0.01).epsilon(0.1));

  auto generator = Generator::make(model.value(), {.context = 16});
  REQUIRE(generator.ok());
  GenerationRequest request{.prompt = {1, 300, 7}, .max_tokens = 8, .stop_tokens = {}, .sampling = {}};
  int tokens = 0;
  const auto outcome = generator.value()->generate(
      request, [&](std::int32_t, float) { ++tokens; }, silent);
  REQUIRE(outcome.ok());  // which logits that are not finite would prevent
  CHECK(tokens == 8);
}
