#include "calib/refine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "archs/reference_model.hpp"
#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "base/threads.hpp"
#include "calib/device_engine.hpp"
#include "calib/processor_engine.hpp"
#include "calib/refined_codebooks.hpp"
#include "device/test_device.hpp"

using namespace squeeze;
namespace fs = std::filesystem;

namespace {

constexpr int kBits = 2;

Matrix<std::int32_t> tokens_of(std::int64_t rows, std::int64_t length) {
  Matrix<std::int32_t> tokens(rows, length);
  for (std::size_t i = 0; i < tokens.values.size(); ++i)
    tokens.values[i] = static_cast<std::int32_t>((i * i * 7 + i / 5 + 3) % 23);
  return tokens;
}

// Writes a checkpoint to "dense", and to "squeezed" the same with evenly spaced codebooks. One matrix stays dense, one
// keeps a weight apart; the head is squeezed where that is asked for.
struct TinyPair {
  TestFolder folder;
  std::shared_ptr<const Model> dense, squeezed;

  // `nudge` is added to every entry of the codebooks.
  explicit TinyPair(const std::string& family, bool with_head = false, float nudge = 0) {
    const auto tensors = write_tiny_checkpoint(folder / "dense", family, 5);
    dense = Model::open(folder / "dense").value();
    std::string config = tiny_config(family);
    config.insert(1, R"("quantization_config": {"quant_method": "squeeze-studio"}, )");
    put_text(folder / "squeezed/config.json", config);
    std::vector<OwnedTensor> owned;
    for (const TinyTensor& t : tensors) {
      const auto slot =
          std::ranges::find_if(dense->matrices(), [&](const auto& s) { return s.name + ".weight" == t.name; });
      if (with_head && t.name == "lm_head.weight")
        for (OwnedTensor& made :
             squeeze_one({.name = "lm_head", .role = "head", .rows = t.shape[0], .cols = t.shape[1]}, t.values, nudge))
          owned.push_back(std::move(made));
      else if (slot == dense->matrices().end() || slot == dense->matrices().begin() + 1)
        owned.push_back(owned_tensor<float>(t.name, DType::kF32, t.shape, t.values));
      else
        for (OwnedTensor& made : squeeze_one(*slot, t.values, nudge)) owned.push_back(std::move(made));
    }
    std::vector<TensorSource> sources;
    for (const OwnedTensor& t : owned) sources.push_back(tensor_source<std::byte>(t.name, t.dtype, t.shape, t.bytes));
    REQUIRE(write_safetensors(folder / "squeezed/model.safetensors", sources, {}).ok());
    const auto opened = Model::open(folder / "squeezed");
    if (!opened.ok()) FAIL(opened.error().message);
    squeezed = opened.value();
  }

 private:
  static std::vector<OwnedTensor> squeeze_one(const MatrixSlot& slot, std::span<const float> weights, float nudge) {
    Matrix<std::uint8_t> indices(slot.rows, slot.cols);
    Matrix<Half> tables(slot.rows, 1 << kBits);
    for (std::int64_t r = 0; r < slot.rows; ++r) {
      for (std::int64_t k = 0; k < tables.cols; ++k)
        tables.view().row(r)[k] = to_half(0.4f * (static_cast<float>(k) - 1.5f) + nudge);
      for (std::int64_t j = 0; j < slot.cols; ++j)
        indices.view().row(r)[j] =
            static_cast<std::uint8_t>(std::clamp(std::round(weights[r * slot.cols + j] / 0.4f + 1.5f), 0.0f, 3.0f));
    }
    SparseRows sparse;
    if (slot.role == "o") {
      sparse.cols = {3};
      sparse.values = {to_half(0.25f)};
      sparse.row_ptr.assign(static_cast<std::size_t>(slot.rows) + 1, 1);
      sparse.row_ptr[0] = 0;
    }
    return lut_tensors(slot.name, kBits, indices.view(), tables.view(), &sparse);
  }
};

struct Stopping final : RunContext {
  explicit Stopping(int reports) : left(reports) {}
  void stage(const std::string&, double) override {}
  void report(const Progress& progress) override {
    CHECK(progress.fraction >= 0);
    CHECK(progress.fraction <= 1 + 1e-9);
    --left;
  }
  bool cancelled() const override { return left <= 0; }
  int left;
};

Refinement refined(const TinyPair& pair, const Matrix<std::int32_t>& tokens, std::int64_t steps, const fs::path& folder,
                   std::int64_t limit = 0, const GradientEngineFactory& engine = {}) {
  fs::create_directories(folder);
  SilentContext context;
  auto result = refine(*pair.dense, *pair.squeezed, tokens.view(),
                       {.steps = steps, .memory_limit_bytes = limit, .folder = folder, .engine = engine}, context);
  if (!result.ok()) FAIL(result.error().message);
  return std::move(result).value();
}

Result<std::unique_ptr<GradientEngine>> on_device(const Model& model, const GradientEngineOptions& options) {
  return make_device_engine(model, options, 0);
}

// The largest distance between entries.
float distance(const Refinement& a, const Refinement& b) {
  float most = 0;
  REQUIRE(a.tables.size() == b.tables.size());
  for (const auto& [name, table] : a.tables) {
    const auto& other = b.tables.at(name);
    for (std::size_t i = 0; i < table.size(); ++i)
      most = std::max(most, std::abs(to_float(table[i]) - to_float(other[i])));
  }
  return most;
}

bool same(const Refinement& a, const Refinement& b) {
  return a.tables == b.tables && a.before == b.before && a.after == b.after && a.best_step == b.best_step;
}

}  // namespace

TEST_CASE("gradients of codebooks of every family against differences in float64 (tier D)") {
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    const TinyPair pair(family);
    const Model& model = *pair.squeezed;
    const auto tokens = tokens_of(2, 6);

    // The decoded weights, as the reference wants them.
    std::vector<TinyTensor> tensors;
    for (const std::string& name : pair.dense->store().names()) {
      const TensorView view = pair.dense->store().require(name).value();
      tensors.push_back({name, view.shape, read_finite_floats(view).value()});
    }
    for (TinyTensor& t : tensors)
      for (const MatrixSlot& slot : model.matrices())
        if (slot.name + ".weight" == t.name)
          model.linear(slot).value()->dequantize_rows(0, {t.values.data(), slot.rows, slot.cols});
    const auto fields = ConfigFields::read(pair.folder / "dense/config.json").value();
    const Family& spec = *family_of(fields).value();
    const ReferenceModel reference(spec, model.config(), tensors);

    // The passes, with the loss that the reference knows.
    const auto engine = make_processor_engine(model, {.length = tokens.cols}).value();
    const auto done = [](std::int64_t) { return Result<void>(); };
    std::vector<Matrix<float>> inputs(model.config().layers + 1, Matrix<float>(tokens.view().size(), 12));
    REQUIRE(engine->embed(tokens.view(), inputs[0].view()).ok());
    for (std::int64_t i = 0; i < model.config().layers; ++i) {
      REQUIRE(engine->load(i, -1).ok());
      REQUIRE(engine->forward(inputs[i].view(), inputs[i + 1].view(), done).ok());
    }
    Matrix<float> gradient(tokens.view().size(), 12);
    std::vector<double> losses(2);
    REQUIRE(engine->head(tokens.view(), inputs.back().view(), gradient.view(), losses, done).ok());
    const auto in_layer = static_cast<std::int64_t>(model.matrices().size()) / model.config().layers;
    for (std::int64_t i = model.config().layers - 1; i >= 0; --i) {
      const LayerWeights& weights = *engine->load(i, -1).value();
      const auto sums = engine->backward(inputs[i].view(), gradient.view(), done).value();
      for (std::int64_t l = 0; l < in_layer; ++l) {
        const auto* lut = dynamic_cast<const LutWeight*>(weights.linears()[l]);
        if (lut == nullptr) continue;
        REQUIRE(sums[l].cols == 1 << kBits);
        const MatrixSlot& slot = model.matrices()[i * in_layer + l];
        CAPTURE(slot.name);
        std::vector<std::uint8_t> indices(static_cast<std::size_t>(slot.cols));
        const std::int64_t row = (i + 3 * l) % slot.rows;
        lut->indices(row, indices);
        double error = 0, size = 0;
        for (std::int64_t k = 0; k < 1 << kBits; ++k) {
          // The derivative of an entry is the sum of those of its members.
          double wanted = 0;
          for (std::int64_t j = 0; j < slot.cols; ++j) {
            if (indices[j] != k) continue;
            for (std::int64_t s = 0; s < tokens.rows; ++s) {
              const auto line = tokens.view().row(s);
              const std::vector<int> ids(line.begin(), line.end());
              Nudge nudge{.name = slot.name,
                          .row = static_cast<std::size_t>(row),
                          .col = static_cast<std::size_t>(j),
                          .delta = 1e-5};
              const double above = reference.loss(ids, nudge);
              nudge.delta = -1e-5;
              wanted += (above - reference.loss(ids, nudge)) / 2e-5;
            }
          }
          error = std::max(error, std::abs(static_cast<double>(sums[l].row(row)[k]) - wanted));
          size = std::max(size, std::abs(wanted));
        }
        CHECK(error < 1e-3 * size + 1e-5);
      }
    }
  }
}

TEST_CASE("refinement comes closer to the checkpoint, and never ends worse on what is held out (tier D)") {
  for (const std::string family : {"llama", "opt"}) {
    CAPTURE(family);
    const TinyPair pair(family);
    const auto tokens = tokens_of(20, 16);
    const Refinement result = refined(pair, tokens, 12, pair.folder / "journal");
    CHECK(result.steps == 12);
    CHECK(result.samples == 16);
    CHECK(result.held_out == 4);
    CHECK(result.after < 0.95 * result.before);
    CHECK(result.best_step > 0);
    CHECK(result.tables.size() == pair.squeezed->matrices().size() - 1);
    CHECK_FALSE(result.tables.contains(pair.squeezed->matrices()[1].name));  // kept dense
  }
}

TEST_CASE("a model that nothing improves stays as it is") {
  // Refined against itself there is no gradient to follow but rounding: no step may be kept that is worse.
  const TinyPair pair("llama");
  fs::create_directories(pair.folder / "journal");
  SilentContext context;
  const auto result = refine(*pair.squeezed, *pair.squeezed, tokens_of(6, 8).view(),
                             {.steps = 3, .folder = pair.folder / "journal"}, context);
  REQUIRE(result.ok());
  CHECK(result.value().after <= result.value().before);
  CHECK(result.value().best_step == 0);
  for (const MatrixSlot& slot : pair.squeezed->matrices()) {
    const TensorView* stored = pair.squeezed->store().find(slot.name + ".lookup_table");
    if (stored == nullptr) continue;
    const auto& kept = result.value().tables.at(slot.name);
    CHECK(std::memcmp(kept.data(), stored->bytes.data(), stored->bytes.size()) == 0);
  }
}

TEST_CASE("steps that are too long for what there is to win are taken back, and shorter ones win it") {
  // They differ by half a hundredth of the distance between entries, and the first step is three. With steps that only
  // fade, half of the loss is left.
  const TinyPair wanted("llama"), nudged("llama", false, 0.002f);
  fs::create_directories(nudged.folder / "journal");
  SilentContext context;
  const auto result = refine(*wanted.squeezed, *nudged.squeezed, tokens_of(20, 16).view(),
                             {.steps = 24, .folder = nudged.folder / "journal"}, context);
  REQUIRE(result.ok());
  CHECK(result.value().after < 0.45 * result.value().before);
}

TEST_CASE("codebooks that return have forgotten what moved them") {
  const TinyPair pair("llama");
  const Model& model = *pair.squeezed;
  const auto linear = model.linear(model.matrices()[0]).value();
  const auto& stored = dynamic_cast<const LutWeight&>(*linear);
  Matrix<float> one(stored.rows(), 1 << kBits), other(stored.rows(), 1 << kBits);
  for (std::size_t i = 0; i < one.values.size(); ++i) {
    one.values[i] = std::sin(static_cast<float>(i));
    other.values[i] = 1 - one.values[i];
  }
  RefinedCodebooks fresh(stored), returned(stored);
  const std::vector<Half> before = returned.rounded();
  returned.take(other.view());
  returned.move(1, 0.03);
  CHECK(returned.rounded() != before);
  returned.return_to(before);
  CHECK(returned.rounded() == before);
  for (RefinedCodebooks* codebooks : {&fresh, &returned}) {
    codebooks->take(one.view());
    codebooks->move(1, 0.03);
  }
  CHECK(returned.rounded() == fresh.rounded());
}

TEST_CASE("refinement gives the same bits for any number of threads, and from a scratch file (tier A)") {
  const TinyPair pair("llama");
  const auto tokens = tokens_of(12, 16);
  const int before = thread_count();
  set_thread_count(1);
  const Refinement one = refined(pair, tokens, 5, pair.folder / "one");
  set_thread_count(3);
  const Refinement three = refined(pair, tokens, 5, pair.folder / "three", 1);
  set_thread_count(before);
  CHECK(same(one, three));
}

TEST_CASE("a refinement that was stopped goes on where it stood") {
  const TinyPair pair("llama");
  const auto tokens = tokens_of(12, 16), others = tokens_of(13, 16);
  const Refinement whole = refined(pair, tokens, 6, pair.folder / "whole");
  fs::create_directories(pair.folder / "stopped");
  const RefinementOptions options{.steps = 6, .folder = pair.folder / "stopped"};
  int stops = 0;
  for (int reports = 40; reports < 2000; reports += 40) {
    Stopping context(reports);
    const auto result = refine(*pair.dense, *pair.squeezed, tokens.view(), options, context);
    if (result.ok()) {
      CHECK(same(result.value(), whole));
      CHECK(context.left < reports);
      break;
    }
    REQUIRE(result.error().code == ErrorCode::kCancelled);
    ++stops;
  }
  CHECK(stops > 0);

  // Taken up at the end there is nothing left to do but to read the checkpoint.
  Stopping counting(1'000'000);
  const auto again = refine(*pair.dense, *pair.squeezed, tokens.view(), options, counting);
  REQUIRE(again.ok());
  CHECK(same(again.value(), whole));
  CHECK(same(refined(pair, others, 6, pair.folder / "stopped"), refined(pair, others, 6, pair.folder / "others")));
}

// Seven seconds emulated: three refinements of thousands of launches.
TEST_CASE("device: refinement on a GPU is the processor's, and one that was stopped goes on on either (tier D)") {
  TestDevice device;
  if (!device) return;
  constexpr std::int64_t kSteps = 3;
  for (const auto& [family, with_head] : {std::pair{"llama", true}, {"opt", false}}) {
    CAPTURE(family);
    const TinyPair pair(family, with_head);
    const auto tokens = tokens_of(5, 5);
    const Refinement wanted = refined(pair, tokens, kSteps, pair.folder / "processor");
    const Refinement found = refined(pair, tokens, kSteps, pair.folder / "device", 0, on_device);
    CHECK(found.before == doctest::Approx(wanted.before).epsilon(1e-5));
    CHECK(found.after == doctest::Approx(wanted.after).epsilon(1e-4));
    CHECK(found.best_step == wanted.best_step);
    CHECK(found.best_step > 0);
    // One step moves entries by 1e-2. Where roundings of the gradient make a difference, it is one of fp16's last bits.
    CHECK(distance(found, wanted) < 1e-3f);
    print_figure("figure device refine %-6s losses off by %.1e and %.1e, entries by %.1e\n", family,
                 std::abs(found.before - wanted.before), std::abs(found.after - wanted.after),
                 static_cast<double>(distance(found, wanted)));
    if (!with_head) continue;

    // Reports: two layers of the checkpoint and of the samples held out, then four a step.
    fs::create_directories(pair.folder / "stopped");
    const RefinementOptions options{.steps = kSteps, .folder = pair.folder / "stopped", .engine = on_device};
    Stopping context(2 + 2 + 4 + 2);
    const auto stopped = refine(*pair.dense, *pair.squeezed, tokens.view(), options, context);
    REQUIRE_FALSE(stopped.ok());
    CHECK(stopped.error().code == ErrorCode::kCancelled);
    CHECK(fs::exists(pair.folder / "stopped/refinement.safetensors"));
    fs::copy(pair.folder / "stopped", pair.folder / "mixed", fs::copy_options::recursive);
    CHECK(same(refined(pair, tokens, kSteps, pair.folder / "stopped", 0, on_device), found));
    CHECK(distance(refined(pair, tokens, kSteps, pair.folder / "mixed"), wanted) < 1e-3f);
  }
}

TEST_CASE("what cannot be refined is refused") {
  const TinyPair pair("llama");
  SilentContext context;
  const RefinementOptions options{.steps = 1, .folder = pair.folder.path()};
  const auto one = refine(*pair.dense, *pair.squeezed, tokens_of(1, 8).view(), options, context);
  REQUIRE_FALSE(one.ok());
  CHECK(one.error().code == ErrorCode::kTextTooShort);
  auto tokens = tokens_of(2, 8);
  tokens.values[1] = 23;
  CHECK(refine(*pair.dense, *pair.squeezed, tokens.view(), options, context).error().code ==
        ErrorCode::kInvalidRequest);
}
