#include "calib/calibration_needs.hpp"

#include <doctest/doctest.h>

#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "calib/calibrate.hpp"
#include "calib/pass_speed.hpp"

using namespace squeeze;
namespace fs = std::filesystem;

namespace {

constexpr const char* kFamilies[] = {"llama", "mistral", "qwen2", "qwen3", "opt"};

std::shared_ptr<const Model> tiny_model(const fs::path& folder, const std::string& family) {
  write_tiny_checkpoint(folder, family);
  return Model::open(folder).value();
}

}  // namespace

TEST_CASE("the needs of a calibration are those of the real one (tier A)") {
  for (const char* const family : kFamilies) {
    CAPTURE(family);
    TestFolder folder;
    const auto model = tiny_model(folder / "model", family);
    const CalibrationNeeds needs = calibration_needs(*model, 3, 8, Estimator::kSample, Precision::kFloat32, false);
    const std::int64_t hidden_states = 3 * 8 * model->config().hidden * 4;
    CHECK(needs.activations == (model->config().layers + 2) * hidden_states);
    CHECK(needs.gradient == hidden_states);
    CHECK(needs.gpu == 0);

    Matrix<std::int32_t> tokens(3, 8);
    SilentContext context;
    const auto made = calibrate(*model, tokens.view(), {.out = folder / "out"}, context);
    REQUIRE(made.ok());
    std::int64_t weights = 0;
    for (const MatrixSlot& slot : model->matrices()) weights += slot.rows * slot.cols;
    CHECK(needs.result > weights * 4);
    // Names and statistics weigh more than the 60-weight matrices of such a model.
    const auto described = static_cast<double>(made.value().size_bytes - weights * 4);
    CHECK(static_cast<double>(needs.result - weights * 4) == doctest::Approx(described).epsilon(0.35));
  }
}

TEST_CASE("what a calibration needs grows with what is asked of it") {
  TestFolder folder;
  const auto model = tiny_model(folder / "model", "llama");
  const auto needs = [&](std::int64_t samples, std::int64_t length, Estimator estimator = Estimator::kSample,
                         Precision precision = Precision::kFloat32, bool gpu = false) {
    return calibration_needs(*model, samples, length, estimator, precision, gpu);
  };
  CHECK(needs(200, 8).activations == 2 * needs(100, 8).activations);
  // Working memory is of one pass: beyond that, samples cost their token ids alone.
  CHECK(needs(2000, 8).working - needs(1000, 8).working == 1000 * 8 * 4);
  CHECK(needs(1000, 32).working > needs(1000, 8).working);
  CHECK(needs(10, 8, Estimator::kToken).working > needs(10, 8).working);
  CHECK(needs(10, 8, Estimator::kSample, Precision::kBFloat16).working > needs(10, 8).working);
  // A GPU takes over what one pass needs.
  const auto gpu = needs(1000, 32, Estimator::kSample, Precision::kFloat32, true);
  CHECK(gpu.gpu > 0);
  CHECK(gpu.activations == needs(1000, 32).activations);
  // On the disk: F of all layers twice beside a small gradient, or once beside the scratch file and a large one.
  const auto small = needs(1, 8);
  CHECK(small.disk(false) == 2 * small.result + small.gradient);
  CHECK(gpu.disk(true) == gpu.result + 2 * gpu.gradient + gpu.activations);
  CHECK(gpu.mapped(0, false) == gpu.checkpoint + gpu.result);
  CHECK(gpu.mapped(gpu.result, true) == gpu.checkpoint + gpu.activations);
}

TEST_CASE("the speed of passes is measured for every family, and time grows with the samples") {
  for (const char* const family : kFamilies) {
    CAPTURE(family);
    TestFolder folder;
    const auto model = tiny_model(folder / "model", family);
    for (const Estimator estimator : {Estimator::kSample, Estimator::kToken}) {
      const auto speed = measure_pass_speed(*model, 8, Precision::kFloat32, estimator);
      REQUIRE(speed.ok());
      for (const double seconds : {speed.value().forward, speed.value().again, speed.value().backward,
                                   speed.value().squares, speed.value().between, speed.value().between_backward,
                                   speed.value().attention, speed.value().attention_backward, speed.value().loss})
        CHECK(seconds > 0);
      const double one = calibration_seconds(speed.value(), *model, 1, 8);
      CHECK(one > 0);
      CHECK(calibration_seconds(speed.value(), *model, 50, 8) == doctest::Approx(50 * one));
    }
  }
}
