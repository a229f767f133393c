#include "calib/calibrate.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>

#include "archs/reference_model.hpp"
#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "calib/activation_store.hpp"

using namespace squeeze;
namespace fs = std::filesystem;

namespace {

Matrix<std::int32_t> tokens_of(std::int64_t rows, std::int64_t length) {
  Matrix<std::int32_t> tokens(rows, length);
  for (std::size_t i = 0; i < tokens.values.size(); ++i)
    tokens.values[i] = static_cast<std::int32_t>((i * i * 7 + 3) % 23);
  return tokens;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class CancelAfter final : public RunContext {
 public:
  explicit CancelAfter(int reports) : left_(reports) {}
  void stage(const std::string&, double weight) override { weights += weight; }
  void report(const Progress& progress) override {
    CHECK(progress.fraction >= 0);
    CHECK(progress.fraction <= 1);
    if (--left_ == 0) since = std::chrono::steady_clock::now();
  }
  bool cancelled() const override { return left_ <= 0; }

  std::chrono::steady_clock::time_point since;
  double weights = 0;

 private:
  int left_;
};

// ‖a − b‖ / ‖b‖
double distance(std::span<const float> a, std::span<const float> b) {
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / size);
}

std::vector<float> floats(const TensorStore& store, const std::string& name) {
  const auto tensor = store.require(name);
  REQUIRE(tensor.ok());
  const auto values = read_finite_floats(tensor.value());
  REQUIRE(values.ok());
  return values.value();
}

CalibrationOutcome run(const Model& model, const Matrix<std::int32_t>& tokens, Estimator estimator, const fs::path& out,
                       std::int64_t limit = 0) {
  SilentContext context;
  const auto outcome =
      calibrate(model, tokens.view(), {.estimator = estimator, .memory_limit_bytes = limit, .out = out}, context);
  if (!outcome.ok()) FAIL(outcome.error().message);
  return outcome.value();
}

}  // namespace

TEST_CASE("squared gradients of the golden models (tier D)") {
  for_each_golden([](const GoldenModel& golden) {
    CAPTURE(golden.name);
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
      const auto outcome = run(*model, tokens, estimator, folder / "out");
      const auto found = open_calibration(folder / "out", *model);
      REQUIRE(found.ok());
      double worst = 0, worst_sum = 0;
      int compared = 0;
      for (const MatrixSensitivity& m : outcome.matrices) {
        CAPTURE(m.slot.name);
        const double wanted_sum = info.at("sum_fisher_" + name).at(m.slot.name).get<double>();
        worst_sum = std::max(worst_sum, std::abs(m.sum - wanted_sum) / wanted_sum);
        if (store.find("fisher_" + name + "." + m.slot.name) == nullptr) continue;
        ++compared;
        const double error = distance(floats(found.value().store, m.slot.name + ".weight"),
                                      floats(store, "fisher_" + name + "." + m.slot.name));
        CHECK(error <= 1e-3);
        worst = std::max(worst, error);
      }
      print_figure("figure fisher_%-6s %-22s worst |d|/|F| %.2e over %d matrices, sums %.2e over %zu\n", name.c_str(),
                   golden.name.c_str(), worst, compared, worst_sum, outcome.matrices.size());
      CHECK(compared > 0);
      CHECK(worst_sum <= 1e-3);
      double mean = 0;
      for (const double loss : info.at("loss")) mean += loss / static_cast<double>(tokens.rows);
      CHECK(outcome.loss == doctest::Approx(mean).epsilon(1e-5));
    }
  });
}

TEST_CASE("squared gradients of every family against differences in float64 (tier D)") {
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    TestFolder folder;
    const auto tensors = write_tiny_checkpoint(folder.path(), family, 3);
    const auto model = Model::open(folder.path()).value();
    const auto fields = ConfigFields::read(folder / "config.json").value();
    const ReferenceModel reference(*family_of(fields).value(), model->config(), tensors);
    const auto tokens = tokens_of(2, 6);
    run(*model, tokens, Estimator::kSample, folder / "sample");
    run(*model, tokens, Estimator::kToken, folder / "token");
    const auto sample = open_calibration(folder / "sample", *model), token = open_calibration(folder / "token", *model);
    REQUIRE(sample.ok());
    REQUIRE(token.ok());
    // A choice of weights of each matrix: all of them would take a minute.
    for (const MatrixSlot& slot : model->matrices()) {
      CAPTURE(slot.name);
      const auto by_sample = floats(sample.value().store, slot.name + ".weight");
      const auto by_token = floats(token.value().store, slot.name + ".weight");
      std::vector<float> found_sample, found_token, wanted_sample, wanted_token;
      for (std::size_t i = 1; i < by_sample.size(); i += 13) {
        const auto cols = static_cast<std::size_t>(slot.cols);
        double sample_mean = 0, token_mean = 0;
        for (std::int64_t s = 0; s < 2; ++s) {
          const auto row = tokens.view().row(s);
          const std::vector<int> ids(row.begin(), row.end());
          const auto derivative = [&](int at) {
            Nudge nudge{.name = slot.name, .row = i / cols, .col = i % cols, .delta = 1e-5, .token = at};
            const double above = reference.loss(ids, nudge);
            nudge.delta = -1e-5;
            return (above - reference.loss(ids, nudge)) / 2e-5;
          };
          sample_mean += std::pow(derivative(-1), 2) / 2;
          for (int t = 0; t < 6; ++t) token_mean += std::pow(derivative(t), 2) / 2;
        }
        found_sample.push_back(by_sample[i]);
        found_token.push_back(by_token[i]);
        wanted_sample.push_back(static_cast<float>(sample_mean));
        wanted_token.push_back(static_cast<float>(token_mean));
      }
      CHECK(distance(found_sample, wanted_sample) < 2e-5);
      CHECK(distance(found_token, wanted_token) < 2e-5);
    }
  }
}

TEST_CASE("the figures of each matrix are those of its F") {
  TestFolder folder;
  const auto tensors = write_tiny_checkpoint(folder.path(), "llama");
  const auto model = Model::open(folder.path()).value();
  const auto tokens = tokens_of(3, 8);
  const auto outcome = run(*model, tokens, Estimator::kSample, folder / "out");
  const auto calibration = open_calibration(folder / "out", *model);
  REQUIRE(calibration.ok());
  CHECK(calibration.value().fingerprint == outcome.fingerprint);
  CHECK(outcome.matrices.size() == model->matrices().size());
  for (const MatrixSensitivity& m : outcome.matrices) {
    const auto f = floats(calibration.value().store, m.slot.name + ".weight");
    const auto w = floats(model->store(), m.slot.name + ".weight");
    double sum = 0, most = 0, weighted = 0;
    for (std::size_t i = 0; i < f.size(); ++i) {
      sum += f[i];
      most = std::max(most, static_cast<double>(f[i]));
      weighted += static_cast<double>(f[i]) * w[i] * w[i];
    }
    CHECK(m.sum == doctest::Approx(sum).epsilon(1e-9));
    CHECK(m.max == most);
    CHECK(m.weighted == doctest::Approx(weighted).epsilon(1e-9));
  }
  const auto description = nlohmann::json::parse(bytes_of(folder / "out/calibration.json"));
  CHECK(description.at("samples") == 3);
  CHECK(description.at("length") == 8);
  CHECK(description.at("matrices").size() == model->matrices().size());
  const auto kept = SafetensorsFile::open(folder / "out" / kCalibrationTokens);
  REQUIRE(kept.ok());
  const TensorView& ids = kept.value().tensors().front();
  CHECK(ids.shape == std::vector<std::int64_t>{3, 8});
  CHECK(std::memcmp(ids.bytes.data(), tokens.values.data(), ids.bytes.size()) == 0);
  std::uintmax_t bytes = 0;
  for (const char* name : {"calibration.json", "fisher.safetensors", kCalibrationTokens})
    bytes += fs::file_size(folder / "out" / name);
  CHECK(outcome.size_bytes == static_cast<std::int64_t>(bytes));
  CHECK(std::distance(fs::directory_iterator(folder / "out"), {}) == 3);
  CHECK_FALSE(fs::exists(folder / "out.partial"));
}

TEST_CASE("a run that was stopped goes on to the same bytes, wherever it stopped") {
  TestFolder folder;
  write_tiny_checkpoint(folder.path(), "qwen3");
  const auto model = Model::open(folder.path()).value();
  const auto tokens = tokens_of(4, 8);
  run(*model, tokens, Estimator::kSample, folder / "whole");
  const std::string whole = bytes_of(folder / "whole/fisher.safetensors");
  // Reports: one batch of the forward pass for the layer before the last output, and one for each sample and layer.
  int stops = 0;
  for (int reports = 1; reports <= 9; ++reports) {
    CAPTURE(reports);
    const fs::path out = folder / ("out" + std::to_string(reports));
    CancelAfter context(reports);
    const auto stopped = calibrate(*model, tokens.view(),
                                   {.estimator = Estimator::kSample, .memory_limit_bytes = 0, .out = out}, context);
    REQUIRE_FALSE(stopped.ok());
    CHECK(stopped.error().code == ErrorCode::kCancelled);
    CHECK(std::chrono::steady_clock::now() - context.since < std::chrono::seconds(1));
    CHECK_FALSE(fs::exists(out));
    stops += fs::exists(out.string() + ".partial") ? 1 : 0;
    const auto outcome = run(*model, tokens, Estimator::kSample, out);
    CHECK(bytes_of(out / "fisher.safetensors") == whole);
    CHECK(bytes_of(out / "calibration.json") == bytes_of(folder / "whole/calibration.json"));
    CHECK_FALSE(fs::exists(out.string() + ".partial"));
  }
  CHECK(stops > 0);  // some of them had a layer to take up
}

TEST_CASE("unfinished work of other inputs is not taken up") {
  TestFolder folder;
  write_tiny_checkpoint(folder.path(), "llama");
  const auto model = Model::open(folder.path()).value();
  const auto tokens = tokens_of(4, 8), others = tokens_of(4, 7);
  CancelAfter context(7);
  const auto stopped =
      calibrate(*model, others.view(),
                {.estimator = Estimator::kSample, .memory_limit_bytes = 0, .out = folder / "out"}, context);
  REQUIRE_FALSE(stopped.ok());
  REQUIRE(fs::exists(folder / "out.partial/calibration/gradient.safetensors"));
  run(*model, tokens, Estimator::kSample, folder / "out");
  run(*model, tokens, Estimator::kSample, folder / "fresh");
  CHECK(bytes_of(folder / "out/fisher.safetensors") == bytes_of(folder / "fresh/fisher.safetensors"));
}

TEST_CASE("a calibration in bf16 is close to one in fp32, and never mixed with it (needs AVX512_BF16)" *
          doctest::skip(fastest_precision() != Precision::kBFloat16)) {
  TestFolder folder;
  write_tiny_checkpoint(folder.path(), "llama");
  const auto model = Model::open(folder.path()).value();
  const auto tokens = tokens_of(4, 8);
  for (const Estimator estimator : {Estimator::kSample, Estimator::kToken}) {
    const std::string name = estimator == Estimator::kSample ? "sample" : "token";
    const fs::path exact = folder / (name + "-exact"), rounded = folder / (name + "-rounded");
    const CalibrationOptions options{.estimator = estimator, .precision = Precision::kBFloat16, .out = rounded};
    CancelAfter stopping(7);
    REQUIRE_FALSE(calibrate(*model, tokens.view(), options, stopping).ok());
    REQUIRE(fs::exists(rounded.string() + ".partial/calibration/gradient.safetensors"));
    // Taken up by fp32 it would leave a layer of bf16 behind.
    fs::copy(rounded.string() + ".partial", exact.string() + ".partial", fs::copy_options::recursive);
    const auto exact_run = run(*model, tokens, estimator, exact);
    run(*model, tokens, estimator, folder / (name + "-fresh"));
    CHECK(bytes_of(exact / "fisher.safetensors") == bytes_of(folder / (name + "-fresh") / "fisher.safetensors"));

    SilentContext context;
    const auto rounded_run = calibrate(*model, tokens.view(), options, context);
    REQUIRE(rounded_run.ok());
    CHECK(rounded_run.value().fingerprint != exact_run.fingerprint);
    const auto of_exact = open_calibration(exact, *model), of_rounded = open_calibration(rounded, *model);
    REQUIRE(of_exact.ok());
    REQUIRE(of_rounded.ok());
    for (const MatrixSlot& slot : model->matrices()) {
      CAPTURE(slot.name);
      const double error = distance(floats(of_rounded.value().store, slot.name + ".weight"),
                                    floats(of_exact.value().store, slot.name + ".weight"));
      CHECK(error > 0);
      CHECK(error < 0.05);
    }
  }
}

TEST_CASE("activations in a scratch file give the same bytes, and leave none behind") {
  TestFolder folder;
  write_tiny_checkpoint(folder.path(), "opt");
  const auto model = Model::open(folder.path()).value();
  const auto tokens = tokens_of(5, 9);
  run(*model, tokens, Estimator::kToken, folder / "memory");
  run(*model, tokens, Estimator::kToken, folder / "file", 1);
  CHECK(bytes_of(folder / "memory/fisher.safetensors") == bytes_of(folder / "file/fisher.safetensors"));
  CHECK(std::distance(fs::directory_iterator(folder / "file"), {}) == 3);

  const auto small = ActivationStore::make(2, 3, 4, 1000, folder.path()),
             large = ActivationStore::make(2, 3, 4, 10, folder.path());
  REQUIRE(small.ok());
  REQUIRE(large.ok());
  CHECK_FALSE(small.value().in_file());
  CHECK(large.value().in_file());
  CHECK(large.value().slots() == 2);
}

TEST_CASE("what cannot be calibrated is refused by name") {
  TestFolder folder, broken;
  const auto tensors = write_tiny_checkpoint(folder.path(), "llama");
  const auto model = Model::open(folder.path()).value();
  SilentContext context;
  const auto refused = [&](const Model& m, const Matrix<std::int32_t>& tokens, const fs::path& out, ErrorCode code,
                           const std::string& word) {
    const auto result =
        calibrate(m, tokens.view(), {.estimator = Estimator::kToken, .memory_limit_bytes = 0, .out = out}, context);
    REQUIRE_FALSE(result.ok());
    CAPTURE(result.error().message);
    CHECK(result.error().code == code);
    CHECK(result.error().message.find(word) != std::string::npos);
    CHECK_FALSE(fs::exists(out.string() + ".partial"));
  };
  auto tokens = tokens_of(2, 6);
  tokens.values[3] = 23;
  refused(*model, tokens, folder / "out", ErrorCode::kInvalidRequest, "Token 23 at position 3 of row 0");
  refused(*model, Matrix<std::int32_t>(0, 6), folder / "out", ErrorCode::kInvalidRequest, "no tokens");
  refused(*model, tokens_of(1, 33), folder / "out", ErrorCode::kInvalidRequest, "context");
  fs::create_directory(folder / "there");
  refused(*model, tokens_of(2, 6), folder / "there", ErrorCode::kOutputExists, "there exists already");
  refused(*model, tokens_of(2, 6), folder / "config.json" / "out", ErrorCode::kOutputUnwritable, "out");

  auto spoiled = tensors;
  for (TinyTensor& t : spoiled)
    if (t.name == "model.layers.0.self_attn.v_proj.weight") t.values[1] = INFINITY;
  put_text(broken / "config.json", tiny_config("llama"));
  write_tensors(broken / "model.safetensors", spoiled);
  refused(*Model::open(broken.path()).value(), tokens_of(2, 6), folder / "out", ErrorCode::kValueNotFinite,
          "model.layers.0.self_attn.v_proj.weight");
}

TEST_CASE("a calibration belongs to its checkpoint") {
  TestFolder folder, other;
  write_tiny_checkpoint(folder.path(), "llama", 1);
  write_tiny_checkpoint(other.path(), "llama", 2);
  const auto model = Model::open(folder.path()).value(), stranger = Model::open(other.path()).value();
  run(*model, tokens_of(2, 6), Estimator::kSample, folder / "out");
  CHECK(open_calibration(folder / "out", *model).ok());
  const auto mismatch = open_calibration(folder / "out", *stranger);
  REQUIRE_FALSE(mismatch.ok());
  CHECK(mismatch.error().code == ErrorCode::kCalibrationMismatch);
  put_text(folder / "out/calibration.json", "{\"fingerprint\": 3}");
  CHECK(open_calibration(folder / "out", *model).error().code == ErrorCode::kFileMalformed);
  CHECK(open_calibration(folder / "nowhere", *model).error().code == ErrorCode::kFileNotFound);
}
