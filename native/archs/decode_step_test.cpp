#include "archs/decode_step.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "archs/decoder_runs.hpp"
#include "archs/reference_model.hpp"
#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "base/threads.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

constexpr std::int64_t kLength = 32;

// Wide enough that its matrices are handed out in several chunks.
void write_wide_checkpoint(const std::filesystem::path& folder, const std::string& family) {
  auto config = nlohmann::json::parse(tiny_config(family));
  config["hidden_size"] = 96;
  config["num_attention_heads"] = 6;
  config["vocab_size"] = 701;
  config[family == "opt" ? "ffn_dim" : "intermediate_size"] = 333;
  if (family == "opt") config["word_embed_proj_dim"] = 96;
  if (config.contains("num_key_value_heads")) config["num_key_value_heads"] = 2;
  auto tensors = tiny_tensors(folder, config.dump());
  // Scores that grow with the width would leave each token one other to look at.
  for (TinyTensor& t : tensors)
    if (t.shape.size() == 2)
      for (float& value : t.values) value *= 0.35f;
  write_tensors(folder / "model.safetensors", tensors);
}

std::vector<std::int32_t> some_tokens(std::int64_t count, std::int64_t vocabulary) {
  std::vector<std::int32_t> tokens;
  for (std::int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<std::int32_t>(i * i * 7 % vocabulary));
  return tokens;
}

struct Loaded {
  std::shared_ptr<const Model> model;
  Decoder decoder;
  std::vector<LayerWeights> layers;
};

Loaded load(const TestFolder& folder) {
  auto model = Model::open(folder.path()).value();
  auto decoder = Decoder::make(*model, kLength);
  REQUIRE(decoder.ok());
  std::vector<LayerWeights> layers;
  for (std::int64_t i = 0; i < model->config().layers; ++i) layers.push_back(model->layer(i).value());
  return {model, std::move(decoder).value(), std::move(layers)};
}

// Logits after each part of the tokens.
std::vector<std::vector<float>> in_parts(const Loaded& loaded, std::span<const std::int32_t> tokens,
                                         const std::vector<std::int64_t>& parts) {
  const ModelConfig& c = loaded.model->config();
  auto caches = caches_for(c, kLength);
  DecodeStep step(loaded.decoder, loaded.layers, caches);
  std::vector<std::vector<float>> logits;
  std::int64_t first = 0;
  for (const std::int64_t count : parts) {
    logits.emplace_back(static_cast<std::size_t>(c.vocabulary), NAN);
    step.run(tokens.subspan(first, count), first, logits.back());
    first += count;
  }
  return logits;
}

const std::vector<std::vector<std::int64_t>> kParts = {
    {32}, std::vector<std::int64_t>(32, 1), {5, 1, 1, 4, 21}, {31, 1}};

// Passes on to another weight, and checks how the rows are asked for.
class WatchedWeight final : public LinearWeight {
 public:
  WatchedWeight(std::shared_ptr<const LinearWeight> weight, std::int64_t tile)
      : weight_(std::move(weight)), tile_(tile), asked_(static_cast<std::size_t>(weight_->rows())) {}

  std::int64_t rows() const override { return weight_->rows(); }
  std::int64_t cols() const override { return weight_->cols(); }
  std::int64_t size_bytes() const override { return weight_->size_bytes(); }
  std::string stored_as() const override { return weight_->stored_as(); }
  std::int64_t tile_rows() const override { return tile_; }
  void dequantize_rows(std::int64_t first, MatrixView<float> out) const override {
    weight_->dequantize_rows(first, out);
  }
  void multiply_few(const DecodeInput& x, std::int64_t first, std::int64_t last, MatrixView<float> y) const override {
    if (first % tile_ != 0 || (last % tile_ != 0 && last != rows())) ++broken_tiles_;
    for (std::int64_t r = first; r < last; ++r) ++asked_[r];
    weight_->multiply_few(x, first, last, y);
  }

  // Every row once, in whole tiles.
  bool asked_once() const {
    return broken_tiles_ == 0 && std::ranges::all_of(asked_, [](const auto& times) { return times == 1; });
  }

 private:
  std::shared_ptr<const LinearWeight> weight_;
  std::int64_t tile_;
  mutable std::vector<std::atomic<int>> asked_;
  mutable std::atomic<int> broken_tiles_ = 0;
};

}  // namespace

TEST_CASE("few tokens at a time give what the whole sequence gives, however they are cut and on any threads") {
  const int before = thread_count();
  for (const bool wide : {false, true}) {
    for (const std::string& family : supported_families()) {
      CAPTURE(wide);
      CAPTURE(family);
      TestFolder folder;
      if (wide)
        write_wide_checkpoint(folder.path(), family);
      else
        write_tiny_checkpoint(folder.path(), family);
      const Loaded loaded = load(folder);
      const auto tokens = some_tokens(kLength, loaded.decoder.vocabulary());
      const Matrix<float> wanted = all_logits(*loaded.model, {tokens.data(), 1, kLength});
      for (const int threads : {1, 2, 3}) {
        set_thread_count(threads);
        for (const auto& parts : kParts) {
          CAPTURE(threads);
          CAPTURE(parts[0]);
          const auto logits = in_parts(loaded, tokens, parts);
          double worst = 0;
          std::int64_t last = -1;
          for (std::size_t i = 0; i < parts.size(); ++i) {
            last += parts[i];
            const double error = relative_error(logits[i], wanted.view().row(last));
            worst = error <= worst ? worst : error;  // NaN wins
          }
          print_figure("figure decode step %-8s %s %d threads, %2zu parts: %.1e\n", family.c_str(),
                       wide ? "wide" : "tiny", threads, parts.size(), worst);
          CHECK(worst < kCacheTolerance);
        }
      }
    }
  }
  set_thread_count(before);
}

TEST_CASE("few tokens at a time against plain loops in float64 that round keys and values too") {
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    // Where a number lies between two halves, fp32 and float64 may round it to different ones. That is chance, so one
    // of three models without is enough; a mistake would be in all of them.
    double least = INFINITY;
    for (const std::uint32_t seed : {1, 2, 3}) {
      TestFolder folder;
      const auto tensors = write_tiny_checkpoint(folder.path(), family, seed);
      const Loaded loaded = load(folder);
      const auto fields = ConfigFields::read(folder / "config.json");
      const ReferenceModel reference(*family_of(fields.value()).value(), loaded.model->config(), tensors, true);
      const auto tokens = some_tokens(9, loaded.decoder.vocabulary());
      const auto wanted = reference.logits({tokens.begin(), tokens.end()});
      const auto logits = in_parts(loaded, tokens, {1, 1, 4, 1, 2});
      double worst = 0;
      std::size_t part = 0;
      for (const std::size_t last : {0, 1, 5, 6, 8})
        worst = std::max(worst, relative_error(logits[part++], wanted[last]));
      print_figure("figure decode step against float64 %-8s seed %u: %.1e\n", family.c_str(), seed, worst);
      least = std::min(least, worst);
    }
    CHECK(least < 2e-6);
  }
}

TEST_CASE("every row is multiplied once, in whole tiles of matrices with different ones") {
  const int before = thread_count();
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    TestFolder folder;
    write_wide_checkpoint(folder.path(), family);
    Loaded loaded = load(folder);
    const auto tokens = some_tokens(3, loaded.decoder.vocabulary());
    set_thread_count(1);
    const auto wanted = in_parts(loaded, tokens, {3});
    set_thread_count(2);
    std::vector<std::shared_ptr<const WatchedWeight>> watched;
    std::int64_t tile = 16;
    for (LayerWeights& w : loaded.layers) {
      for (auto* const linear : {&w.q, &w.k, &w.v, &w.o, &w.gate, &w.up, &w.down}) {
        if (!*linear) continue;
        watched.push_back(std::make_shared<WatchedWeight>(*linear, tile));
        *linear = watched.back();
        tile = tile == 16 ? 24 : tile == 24 ? 1 : 16;  // gate and up never have the same
      }
    }
    CHECK(in_parts(loaded, tokens, {3}) == wanted);
    for (const auto& weight : watched) CHECK(weight->asked_once());
  }
  set_thread_count(before);
}

TEST_CASE("logits of a row are those of the last token") {
  TestFolder folder;
  write_wide_checkpoint(folder.path(), "llama");
  const Loaded loaded = load(folder);
  const Matrix<float> x = random_matrix(1, loaded.decoder.hidden(), 1);
  Matrix<float> wanted(1, loaded.decoder.vocabulary()), found(1, loaded.decoder.vocabulary());
  DecoderWorkspace space;
  loaded.decoder.logits(x.view(), wanted.view(), space);
  DecodeStep(loaded.decoder, {}, {}).logits(x.view(), found.values);
  CHECK(relative_error(found.values, wanted.values) < 2e-6);
}
