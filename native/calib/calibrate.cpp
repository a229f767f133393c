#include "calib/calibrate.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "archs/decoder.hpp"
#include "archs/fingerprint.hpp"
#include "base/mapped_file.hpp"
#include "base/simd.hpp"
#include "base/threads.hpp"
#include "calib/activation_store.hpp"
#include "calib/calibration_journal.hpp"
#include "calib/processor_engine.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

// Σ F, max F and Σ F w² of one row, in float64.
SQUEEZE_HOT static void row_statistics(const float* f, const float* w, std::int64_t count, double* out) {
  double sum = 0, most = 0, weighted = 0;
#pragma omp simd reduction(+ : sum, weighted) reduction(max : most)
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = f[i], weight = w[i];
    sum += value;
    weighted += value * weight * weight;
    most = most < value ? value : most;
  }
  out[0] = sum;
  out[1] = most;
  out[2] = weighted;
}

namespace {

// Shares of the time: forward one product a linear, backward four (again, dX, dW and what lies between).
constexpr double kForwardWeight = 0.2, kBackwardWeight = 0.8;

std::string fingerprint_of(const Model& model, MatrixView<const std::int32_t> tokens, Estimator estimator,
                           Precision precision) {
  Fingerprint hash;
  hash.add("calibration 1");
  hash.add(model.fingerprint());
  hash.add(estimator == Estimator::kSample ? "sample" : "token");
  hash.add(tokens.rows);
  hash.add(tokens.cols);
  hash.add(std::as_bytes(tokens.flat()));
  // Nothing is added for fp32, so that calibrations made before there was a choice keep their names.
  if (precision != Precision::kFloat32) hash.add(name_of(precision));
  return hash.hex();
}

MatrixSensitivity statistics_of(const MatrixSlot& slot, MatrixView<const float> f, const LinearWeight& w) {
  std::vector<double> rows(static_cast<std::size_t>(f.rows) * 3);
  parallel_for(f.rows, row_chunk(f.cols), [&](std::int64_t first, std::int64_t last) {
    Matrix<float> weights(1, f.cols);
    for (std::int64_t r = first; r < last; ++r) {
      w.dequantize_rows(r, weights.view());
      row_statistics(f.row(r).data(), weights.values.data(), f.cols, rows.data() + r * 3);
    }
  });
  MatrixSensitivity s{.slot = slot};
  for (std::size_t r = 0; r < rows.size(); r += 3) {
    s.sum += rows[r];
    s.max = std::max(s.max, rows[r + 1]);
    s.weighted += rows[r + 2];
  }
  return s;
}

// One run. The store's slots: the input of each layer up to the first finished one, and last the gradient.
struct Run {
  const Model& model;
  GradientEngine& engine;
  MatrixView<const std::int32_t> tokens;
  RunContext& context;
  CalibrationJournal& journal;
  const ActivationStore& inputs;
  double loss = 0;

  double samples() const { return static_cast<double>(tokens.rows); }
  MatrixView<float> gradient() const { return inputs.slot(inputs.slots() - 1); }
  Result<void> report(double samples_done, double passes, std::string detail = {}) const;

  Result<void> forward();
  Result<void> head();
  Result<void> backward(std::int64_t layer);
};

// `samples_done` counts every sample once for each of the stage's passes.
Result<void> Run::report(double samples_done, double passes, std::string detail) const {
  context.report({.fraction = samples_done / (passes * samples()),
                  .work_done = samples_done * static_cast<double>(tokens.cols) / passes,
                  .unit = "tokens",
                  .detail = std::move(detail)});
  return context.check_cancelled();
}

Result<void> Run::forward() {
  const std::int64_t last = inputs.slots() - 2;  // slots between that are filled from the one before
  SQUEEZE_TRY(engine.embed(tokens, inputs.slot(0)));
  double done = 0;
  for (std::int64_t layer = 0; layer < last; ++layer) {
    SQUEEZE_TRY(engine.load(layer, layer + 1 < last ? layer + 1 : -1));
    SQUEEZE_TRY(engine.forward(inputs.slot(layer), inputs.slot(layer + 1), [&](std::int64_t count) {
      done += static_cast<double>(count);
      return report(done, static_cast<double>(last));
    }));
  }
  return {};
}

// Losses, and the gradient with respect to the last layer's output.
Result<void> Run::head() {
  std::vector<double> losses(static_cast<std::size_t>(tokens.rows));
  std::size_t sample = 0;
  double total = 0;
  SQUEEZE_TRY(engine.head(
      tokens, inputs.slot(journal.first_finished()), gradient(), losses, [&](std::int64_t count) -> Result<void> {
        for (const std::size_t end = sample + static_cast<std::size_t>(count); sample < end; ++sample) {
          total += losses[sample];
          if (!std::isfinite(total))
            return Error{.code = ErrorCode::kValueNotFinite,
                         .message = "The loss on sample " + std::to_string(sample) +
                                    " is not finite: the model diverges on this text."};
        }
        return context.check_cancelled();
      }));
  loss = total / static_cast<double>(tokens.rows * (tokens.cols - 1));
  return {};
}

Result<void> Run::backward(std::int64_t layer) {
  const auto in_layer = static_cast<std::int64_t>(model.matrices().size()) / model.config().layers;
  const auto slots = std::span(model.matrices()).subspan(layer * in_layer, in_layer);
  const double layers = static_cast<double>(model.config().layers);
  SQUEEZE_ASSIGN(const LayerWeights* const weights, engine.load(layer, layer - 1));
  double done = (layers - 1 - static_cast<double>(layer)) * samples();
  SQUEEZE_ASSIGN(const auto values, engine.backward(inputs.slot(layer), gradient(), [&](std::int64_t count) {
    done += static_cast<double>(count);
    return report(done, layers, "Layer " + std::to_string(layer));
  }));

  std::vector<MatrixSensitivity> statistics;
  const auto linears = weights->linears();
  for (std::int64_t i = 0; i < in_layer; ++i) {
    statistics.push_back(statistics_of(slots[i], values[i], *linears[i]));
    if (!std::isfinite(statistics.back().sum))
      return Error{.code = ErrorCode::kValueNotFinite,
                   .message = "The squared gradients of " + slots[i].name + ".weight are not finite.",
                   .layer = static_cast<int>(layer),
                   .tensor = slots[i].name + ".weight"};
  }
  return journal.finish_layer(layer, values, std::move(statistics), gradient(), loss);
}

// All layers that the journal does not hold yet.
Result<void> run_layers(const Model& model, MatrixView<const std::int32_t> tokens, const CalibrationOptions& options,
                        RunContext& context, CalibrationJournal& journal) {
  const std::int64_t to_do = journal.first_finished();
  const bool resumed = to_do < model.config().layers;
  if (to_do == 0) return {};
  const GradientEngineFactory make = options.engine ? options.engine : make_processor_engine;
  SQUEEZE_ASSIGN(const auto engine,
                 make(model, {.length = tokens.cols, .precision = options.precision, .estimator = options.estimator}));
  // Inputs of the layers to do, the last output when the head is still to be passed, and the gradient.
  const std::int64_t inputs = resumed ? to_do : to_do + 1;
  SQUEEZE_ASSIGN(const auto store, ActivationStore::make(inputs + 1, tokens.size(), model.config().hidden,
                                                         usual_budget(options.memory_limit_bytes), journal.folder()));
  Run run{.model = model, .engine = *engine, .tokens = tokens, .context = context, .journal = journal, .inputs = store};
  context.stage("Reading the text", kForwardWeight);
  SQUEEZE_TRY(run.forward());
  if (resumed) {
    run.loss = journal.loss();
    SQUEEZE_TRY(journal.read_gradient(run.gradient()));
  } else {
    SQUEEZE_TRY(run.head());
  }
  context.stage("Taking gradients", kBackwardWeight);
  for (std::int64_t layer = to_do - 1; layer >= 0; --layer) SQUEEZE_TRY(run.backward(layer));
  return {};
}

}  // namespace

Result<CalibrationOutcome> calibrate(const Model& model, MatrixView<const std::int32_t> tokens,
                                     const CalibrationOptions& options, RunContext& context) {
  SQUEEZE_TRY(check_tokens(model.config(), tokens));
  if (!options.engine) SQUEEZE_TRY(check_supported(options.precision));
  const std::string fingerprint = fingerprint_of(model, tokens, options.estimator, options.precision);
  SQUEEZE_ASSIGN(auto journal, CalibrationJournal::open(options.out, fingerprint, model));
  if (auto done = run_layers(model, tokens, options, context, journal); !done.ok()) {
    journal.leave();
    return std::move(done).error();
  }
  CalibrationOutcome outcome{.fingerprint = fingerprint, .loss = journal.loss(), .matrices = {}, .size_bytes = 0};
  for (std::int64_t layer = 0; layer < model.config().layers; ++layer)
    for (const MatrixSensitivity& m : journal.finished(layer)) outcome.matrices.push_back(m);
  SQUEEZE_ASSIGN(outcome.size_bytes, journal.publish(model.fingerprint(), options, tokens));
  return outcome;
}

Result<Calibration> open_calibration(const std::filesystem::path& folder, const Model& model) {
  const auto path = folder / "calibration.json";
  SQUEEZE_ASSIGN(const MappedFile file, MappedFile::open(path));
  const auto* chars = reinterpret_cast<const char*>(file.bytes().data());
  const auto json = nlohmann::json::parse(chars, chars + file.bytes().size(), nullptr, /*allow_exceptions=*/false);
  Calibration calibration;
  for (const auto& [name, field] : {std::pair{"fingerprint", &calibration.fingerprint},
                                    std::pair{"checkpointFingerprint", &calibration.checkpoint_fingerprint}}) {
    const auto entry = json.is_object() ? json.find(name) : json.end();
    if (entry == json.end() || !entry->is_string())
      return Error{.code = ErrorCode::kFileMalformed,
                   .message = path.string() + " does not name its " + name + "; it is no calibration of this studio."};
    *field = entry->get<std::string>();
  }
  if (calibration.checkpoint_fingerprint != model.fingerprint())
    return Error{.code = ErrorCode::kCalibrationMismatch,
                 .message = "The calibration in " + folder.string() + " was made for another checkpoint than " +
                            model.folder().string() + ".",
                 .hint = "Calibrate this checkpoint, or choose the one that the calibration was made for."};
  SQUEEZE_ASSIGN(calibration.store, TensorStore::open(folder / "fisher.safetensors"));
  for (const MatrixSlot& slot : model.matrices()) {
    SQUEEZE_ASSIGN(const TensorView tensor, calibration.store.require(slot.name + ".weight"));
    SQUEEZE_TRY(expect_shape(tensor, {slot.rows, slot.cols}));
    if (tensor.dtype != DType::kF32)
      return Error{.code = ErrorCode::kTensorMalformed,
                   .message = "Tensor " + tensor.name + " in " + folder.string() + " is not F32.",
                   .tensor = tensor.name};
  }
  return calibration;
}

}  // namespace squeeze
