#include "calib/device_engine.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "calib/calibrate.hpp"
#include "calib/processor_engine.hpp"
#include "device/test_device.hpp"
#include "formats/stored_examples.hpp"

using namespace squeeze;
namespace fs = std::filesystem;

namespace {

Result<std::unique_ptr<GradientEngine>> on_device(const Model& model, const GradientEngineOptions& options) {
  return make_device_engine(model, options, 0);
}

CalibrationOutcome run(const Model& model, const Matrix<std::int32_t>& tokens, const CalibrationOptions& options) {
  SilentContext context;
  const auto outcome = calibrate(model, tokens.view(), options, context);
  if (!outcome.ok()) FAIL(outcome.error().message);
  return outcome.value();
}

Matrix<std::int32_t> tokens_of(std::int64_t rows, std::int64_t length) {
  Matrix<std::int32_t> tokens(rows, length);
  for (std::size_t i = 0; i < tokens.values.size(); ++i)
    tokens.values[i] = static_cast<std::int32_t>((i * i * 7 + 3) % 23);
  return tokens;
}

std::vector<float> floats(const TensorStore& store, const std::string& name) {
  const auto tensor = store.require(name);
  REQUIRE(tensor.ok());
  const auto values = read_finite_floats(tensor.value());
  REQUIRE(values.ok());
  return values.value();
}

// ‖a − b‖ / ‖b‖
double distance(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / size);
}

// The worst ‖F − F'‖ / ‖F'‖ of a model's matrices.
double worst_distance(const Model& model, const fs::path& found, const fs::path& wanted) {
  const auto a = open_calibration(found, model), b = open_calibration(wanted, model);
  REQUIRE(a.ok());
  REQUIRE(b.ok());
  CHECK(a.value().fingerprint == b.value().fingerprint);
  double worst = 0;
  for (const MatrixSlot& slot : model.matrices())
    worst = std::max(worst, distance(floats(a.value().store, slot.name + ".weight"),
                                     floats(b.value().store, slot.name + ".weight")));
  return worst;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class CancelAfter final : public RunContext {
 public:
  explicit CancelAfter(int reports) : left_(reports) {}
  void stage(const std::string&, double) override {}
  void report(const Progress& progress) override {
    CHECK(progress.fraction <= 1);
    --left_;
  }
  bool cancelled() const override { return left_ <= 0; }

 private:
  int left_;
};

}  // namespace

TEST_CASE("device: squared gradients of every family, as on the processor (tier D)") {
  TestDevice device;
  if (!device) return;
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    TestFolder folder;
    write_tiny_checkpoint(folder.path(), family, 3);
    const auto model = Model::open(folder.path()).value();
    const auto tokens = tokens_of(3, 9);
    for (const Estimator estimator : {Estimator::kSample, Estimator::kToken}) {
      const std::string name = estimator == Estimator::kSample ? "sample" : "token";
      CAPTURE(name);
      const auto wanted = run(*model, tokens, {.estimator = estimator, .out = folder / (name + "-processor")});
      const auto found =
          run(*model, tokens, {.estimator = estimator, .out = folder / (name + "-device"), .engine = on_device});
      CHECK(found.loss == doctest::Approx(wanted.loss).epsilon(1e-6));
      const double exact = worst_distance(*model, folder / (name + "-device"), folder / (name + "-processor"));
      CHECK(exact < 2e-5);

      // In bf16: close to fp32, and to the processor's bf16 where it has it.
      if (family != "llama" && family != "opt") continue;  // each takes a second emulated
      const CalibrationOptions rounded{.estimator = estimator,
                                       .precision = Precision::kBFloat16,
                                       .out = folder / (name + "-rounded"),
                                       .engine = on_device};
      const auto outcome = run(*model, tokens, rounded);
      CHECK(outcome.loss == doctest::Approx(wanted.loss).epsilon(1e-2));
      CHECK(outcome.fingerprint != wanted.fingerprint);
      double worst_rounded = 0;
      const auto a = open_calibration(rounded.out, *model).value();
      const auto b = open_calibration(folder / (name + "-processor"), *model).value();
      for (const MatrixSlot& slot : model->matrices())
        worst_rounded = std::max(
            worst_rounded, distance(floats(a.store, slot.name + ".weight"), floats(b.store, slot.name + ".weight")));
      CHECK(worst_rounded < 0.1);
      double both_rounded = 0;
      if (fastest_precision() == Precision::kBFloat16) {
        run(*model, tokens,
            {.estimator = estimator, .precision = Precision::kBFloat16, .out = folder / (name + "-both")});
        both_rounded = worst_distance(*model, rounded.out, folder / (name + "-both"));
        CHECK(both_rounded < 2e-2);
      }
      print_figure("figure device fisher_%-6s %-8s fp32 %.1e, bf16 vs fp32 %.1e, vs bf16 %.1e\n", name.c_str(),
                   family.c_str(), exact, worst_rounded, both_rounded);
    }
  }
}

TEST_CASE("device: squared gradients of the golden models (tier D)") {
  TestDevice device;
  if (!device) return;
  // Emulated, a model takes ten seconds; the other cases show the same by way of the processor.
  const bool emulated = device.stream().device().name == "Emulated GPU";
  if (emulated && std::getenv("SQUEEZE_FIGURES") == nullptr) {
    say_skipped("golden squared gradients on a device", "emulated only with SQUEEZE_FIGURES set");
    return;
  }
  for_each_golden([&](const GoldenModel& golden) {
    CAPTURE(golden.name);
    if (emulated && !golden.name.starts_with("random")) return;
    const auto model = Model::open(golden.model).value();
    const auto store = TensorStore::open(golden.golden.string() + ".safetensors").value();
    const TensorView stored = store.require("tokens").value();
    Matrix<std::int32_t> tokens(stored.shape[0], stored.shape[1]);
    std::memcpy(tokens.values.data(), stored.bytes.data(), stored.bytes.size());
    std::ifstream file(golden.golden.string() + ".json");
    const auto info = nlohmann::json::parse(file);
    for (const Estimator estimator : {Estimator::kSample, Estimator::kToken}) {
      const std::string name = estimator == Estimator::kSample ? "sample" : "token";
      CAPTURE(name);
      TestFolder folder;
      const auto outcome = run(*model, tokens, {.estimator = estimator, .out = folder / "out", .engine = on_device});
      const auto found = open_calibration(folder / "out", *model);
      REQUIRE(found.ok());
      double worst = 0;
      int compared = 0;
      for (const MatrixSensitivity& m : outcome.matrices) {
        CAPTURE(m.slot.name);
        const double wanted_sum = info.at("sum_fisher_" + name).at(m.slot.name).get<double>();
        CHECK(m.sum == doctest::Approx(wanted_sum).epsilon(1e-3));
        if (store.find("fisher_" + name + "." + m.slot.name) == nullptr) continue;
        ++compared;
        worst = std::max(worst, distance(floats(found.value().store, m.slot.name + ".weight"),
                                         floats(store, "fisher_" + name + "." + m.slot.name)));
      }
      CHECK(compared > 0);
      CHECK(worst <= 1e-3);
      print_figure("figure device fisher_%-6s %-22s worst |d|/|F| %.2e over %d matrices\n", name.c_str(),
                   golden.name.c_str(), worst, compared);
      double mean = 0;
      for (const double loss : info.at("loss")) mean += loss / static_cast<double>(tokens.rows);
      CHECK(outcome.loss == doctest::Approx(mean).epsilon(1e-5));
    }
  });
}

TEST_CASE("device: a calibration that was stopped goes on to the same bytes, and on the processor to the same F") {
  TestDevice device;
  if (!device) return;
  TestFolder folder;
  write_tiny_checkpoint(folder.path(), "qwen3");
  const auto model = Model::open(folder.path()).value();
  const auto tokens = tokens_of(4, 8);
  const auto options = [&](const std::string& out) {
    return CalibrationOptions{.estimator = Estimator::kSample, .out = folder / out, .engine = on_device};
  };
  run(*model, tokens, options("whole"));
  const std::string whole = bytes_of(folder / "whole/fisher.safetensors");
  // Reports: one for each pass of a layer, of which there are two forwards and two backwards.
  int stops = 0;
  for (int reports = 1; reports <= 4; ++reports) {
    CAPTURE(reports);
    const std::string out = "out" + std::to_string(reports);
    CancelAfter context(reports);
    const auto stopped = calibrate(*model, tokens.view(), options(out), context);
    REQUIRE_FALSE(stopped.ok());
    CHECK(stopped.error().code == ErrorCode::kCancelled);
    const bool finished_one = fs::exists(folder / (out + ".partial"));
    stops += finished_one ? 1 : 0;
    if (finished_one) fs::copy(folder / (out + ".partial"), folder / "mixed.partial", fs::copy_options::recursive);
    run(*model, tokens, options(out));
    CHECK(bytes_of(folder / out / "fisher.safetensors") == whole);
    CHECK(bytes_of(folder / out / "calibration.json") == bytes_of(folder / "whole/calibration.json"));
    if (!finished_one) continue;
    run(*model, tokens, {.estimator = Estimator::kSample, .out = folder / "mixed"});
    CHECK(worst_distance(*model, folder / "mixed", folder / "whole") < 2e-5);
  }
  CHECK(stops == 1);
}

TEST_CASE("device: F does not depend on how many samples pass at once") {
  TestDevice device;
  if (!device) return;
  TestFolder folder;
  write_tiny_checkpoint(folder.path(), "llama");
  const auto model = Model::open(folder.path()).value();
  const auto tokens = tokens_of(5, 6);
  for (const Estimator estimator : {Estimator::kSample, Estimator::kToken}) {
    const std::string name = estimator == Estimator::kSample ? "sample" : "token";
    CAPTURE(name);
    const auto whole = run(*model, tokens, {.estimator = estimator, .out = folder / name, .engine = on_device});
    const GradientEngineFactory in_twos = [](const Model& of, const GradientEngineOptions& options) {
      return make_device_engine(of, options, 0, 13);
    };
    const auto parts =
        run(*model, tokens, {.estimator = estimator, .out = folder / (name + "-parts"), .engine = in_twos});
    CHECK(parts.loss == doctest::Approx(whole.loss).epsilon(1e-6));
    // Matrix products of another size may take another kernel, which sums in another order: a GPU was off by 4e-6, some
    // tens of fp32's roundings. A sample that is lost, or counts twice, is off by a hundredth and more.
    CHECK(worst_distance(*model, folder / (name + "-parts"), folder / name) < 1e-5);
  }
}

TEST_CASE("device: a pass begins with the layers as their source gives them then, whatever was loaded before") {
  TestDevice device;
  if (!device) return;
  TestFolder folder;
  write_tiny_checkpoint(folder / "one", "llama", 1);
  write_tiny_checkpoint(folder / "other", "llama", 2);
  const auto one = Model::open(folder / "one").value(), other = Model::open(folder / "other").value();
  const auto tokens = tokens_of(3, 6);
  const GradientEngine::Done done = [](std::int64_t) { return Result<void>(); };
  Matrix<float> x(18, 12), y(18, 12), gradient(18, 12);
  for (const GradientEngineFactory& make :
       {GradientEngineFactory(make_processor_engine), GradientEngineFactory(on_device)}) {
    const Model* source = one.get();
    int read = 0;
    const auto layers = [&](std::int64_t layer) {
      ++read;
      return source->layer(layer);
    };
    const auto engine = make(*one, {.length = 6, .layers = layers}).value();
    // What layer 0 makes of the tokens, after a whole pass there and back that ends with it.
    const auto first_output = [&] {
      const std::pair<int, int> loads[] = {{0, 1}, {1, -1}, {1, 0}, {0, -1}};
      REQUIRE(engine->embed(tokens.view(), x.view()).ok());
      Matrix<float> out = y;
      for (int i = 0; i < 4; ++i) {
        REQUIRE(engine->load(loads[i].first, loads[i].second).ok());
        if (i == 0) REQUIRE(engine->forward(x.view(), out.view(), done).ok());
        if (i > 1) REQUIRE(engine->backward(x.view(), gradient.view(), done).ok());
      }
      return out.values;
    };
    const auto before = first_output();
    source = other.get();
    const auto after = first_output();
    CHECK(read >= 6);  // at least all of two layers, twice, and one of them once more for the way back
    source = one.get();
    CHECK(first_output() == before);
    CHECK(distance(after, before) > 0.1);
  }
}

TEST_CASE("device: gradients of codebooks and the loss of a teacher, as on the processor (tier D)") {
  TestDevice device;
  if (!device) return;
  for (const std::string family : {"llama", "opt"}) {
    CAPTURE(family);
    TestFolder folder;
    write_tiny_checkpoint(folder / "student", family, 1);
    write_tiny_checkpoint(folder / "teacher", family, 2);
    // The student's second layer has codebooks, all but one matrix of it.
    const auto student = Model::open(folder / "student").value(), teacher = Model::open(folder / "teacher").value();
    const std::int64_t samples = 3, length = 6, hidden = student->config().hidden;
    const auto tokens = tokens_of(samples, length);
    const auto with_codebooks = [&](std::int64_t index) -> Result<LayerWeights> {
      LayerWeights weights = student->layer(index).value();
      if (index == 1)
        for (auto* linear : {&weights.q, &weights.v, &weights.o, &weights.gate, &weights.up, &weights.down}) {
          if (*linear == nullptr) continue;
          const std::int64_t rows = (*linear)->rows(), cols = (*linear)->cols();
          const auto example = lut_example(rows, cols, 3, linear == &weights.o);
          *linear = load_stored(TestFolder(), example.tensors, rows, cols).value();
        }
      return weights;
    };
    const GradientEngine::Done done = [](std::int64_t) { return Result<void>(); };
    struct Found {
      std::vector<double> losses;
      Matrix<float> gradient;
      std::vector<std::vector<float>> sums;
    };
    const auto found_by = [&](const GradientEngineFactory& make) {
      Found found{.losses = std::vector<double>(samples), .gradient = {samples * length, hidden}, .sums = {}};
      const auto engine =
          make(*student, {.length = length, .layers = with_codebooks, .teacher = teacher.get()}).value();
      Matrix<float> x(samples * length, hidden), taught = x;
      for (std::size_t i = 0; i < taught.values.size(); ++i) taught.values[i] = std::sin(static_cast<float>(i));
      REQUIRE(engine->embed(tokens.view(), x.view()).ok());
      // Twice, as steps do.
      for (int i = 0; i < 2; ++i)
        REQUIRE(engine->distill(taught.view(), x.view(), found.gradient.view(), found.losses, done).ok());
      REQUIRE(engine->load(1, -1).ok());
      Matrix<float> through = found.gradient;
      const auto sums = engine->backward(x.view(), through.view(), done);
      REQUIRE(sums.ok());
      for (const auto& sum : sums.value()) found.sums.emplace_back(sum.flat().begin(), sum.flat().end());
      return found;
    };
    const Found wanted = found_by(make_processor_engine);
    for (const std::int64_t batch : {kDeviceBatchRows, 2 * length}) {
      const Found found = found_by([&](const Model& model, const GradientEngineOptions& options) {
        return make_device_engine(model, options, 0, batch);
      });
      for (std::int64_t s = 0; s < samples; ++s)
        CHECK(found.losses[s] == doctest::Approx(wanted.losses[s]).epsilon(1e-6));
      CHECK(distance(found.gradient.values, wanted.gradient.values) < 1e-5);
      REQUIRE(found.sums.size() == wanted.sums.size());
      for (std::size_t i = 0; i < found.sums.size(); ++i) {
        REQUIRE(found.sums[i].size() == wanted.sums[i].size());
        CHECK(wanted.sums[i].empty() == (i == 1));
        if (i != 1) CHECK(distance(found.sums[i], wanted.sums[i]) < 1e-5);
      }
    }
  }
}

TEST_CASE("device: a model that is not finite is refused by name, and a device that is not there") {
  TestDevice device;
  if (!device) return;
  TestFolder folder;
  const auto tensors = tiny_tensors(folder.path(), tiny_config("llama"));
  auto spoiled = tensors;
  for (TinyTensor& t : spoiled)
    if (t.name == "model.layers.1.self_attn.v_proj.weight") t.values[1] = INFINITY;
  write_tensors(folder / "model.safetensors", spoiled);
  const auto model = Model::open(folder.path()).value();
  SilentContext context;
  const auto tokens = tokens_of(2, 6);
  const auto refused = calibrate(*model, tokens.view(), {.out = folder / "out", .engine = on_device}, context);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kValueNotFinite);
  CHECK(refused.error().message.find("model.layers.1.self_attn.v_proj.weight") != std::string::npos);
  const auto absent = make_device_engine(*model, {.length = 6}, 99);
  REQUIRE_FALSE(absent.ok());
  CHECK(absent.error().code == ErrorCode::kDeviceUnavailable);
}
