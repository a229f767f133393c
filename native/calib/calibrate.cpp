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
#include "calib/squared_gradients.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"
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

constexpr std::int64_t kBatchRows = 1024;       // tokens in one pass of a layer on the way forward
constexpr std::int64_t kLogitFloats = 1 << 24;  // 64 MB of logits at a time

// Shares of the time: forward one product a linear, backward four (again, dX, dW and what lies between).
constexpr double kForwardWeight = 0.2, kBackwardWeight = 0.8;

std::string fingerprint_of(const Model& model, MatrixView<const std::int32_t> tokens,
                           const CalibrationOptions& options) {
  Fingerprint hash;
  hash.add("calibration 1");
  hash.add(model.fingerprint());
  hash.add(options.estimator == Estimator::kSample ? "sample" : "token");
  hash.add(tokens.rows);
  hash.add(tokens.cols);
  hash.add(std::as_bytes(tokens.flat()));
  // Nothing is added for fp32, so that calibrations made before there was a choice keep their names.
  if (options.precision != Precision::kFloat32) hash.add(name_of(options.precision));
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
  const Decoder& decoder;
  MatrixView<const std::int32_t> tokens;
  const CalibrationOptions& options;
  RunContext& context;
  CalibrationJournal& journal;
  const ActivationStore& inputs;
  DecoderWorkspace space = {};
  double loss = 0;

  std::int64_t length() const { return tokens.cols; }
  std::int64_t to_do() const { return journal.first_finished(); }
  MatrixView<float> gradient() const { return inputs.slot(inputs.slots() - 1); }
  MatrixView<float> of_sample(MatrixView<float> all, std::int64_t sample) const {
    return all.rows_from(sample * length(), length());
  }

  Result<void> forward();
  Result<void> head();
  Result<void> backward(std::int64_t layer);
};

Result<void> Run::forward() {
  const std::int64_t last = inputs.slots() - 2;  // slots between that are filled from the one before
  const std::int64_t batch = std::max<std::int64_t>(1, kBatchRows / length());
  decoder.embed(tokens.flat(), length(), 0, inputs.slot(0));
  for (std::int64_t layer = 0; layer < last; ++layer) {
    SQUEEZE_ASSIGN(const LayerWeights weights, model.layer(layer));
    for (std::int64_t first = 0; first < tokens.rows; first += batch) {
      const std::int64_t count = std::min(batch, tokens.rows - first);
      const auto from = inputs.slot(layer).rows_from(first * length(), count * length());
      const auto to = inputs.slot(layer + 1).rows_from(first * length(), count * length());
      std::ranges::copy(from.flat(), to.data);
      decoder.forward(weights, count, to, space);
      const double done = static_cast<double>(layer * tokens.rows + first + count);
      context.report({.fraction = done / static_cast<double>(last * tokens.rows),
                      .work_done = done * static_cast<double>(length()) / static_cast<double>(last),
                      .unit = "tokens"});
      SQUEEZE_TRY(context.check_cancelled());
    }
  }
  return {};
}

// Losses, and the gradient with respect to the last layer's output.
Result<void> Run::head() {
  const std::int64_t block = std::max<std::int64_t>(1, kLogitFloats / decoder.vocabulary());
  Scratch logits;
  std::vector<double> losses;
  double total = 0;
  for (std::int64_t sample = 0; sample < tokens.rows; ++sample) {
    const auto x = of_sample(inputs.slot(to_do()), sample), dx = of_sample(gradient(), sample);
    const std::int64_t predicted = length() - 1;
    for (std::int64_t first = 0; first < predicted; first += block) {
      const std::int64_t count = std::min(block, predicted - first);
      const MatrixView<float> rows = logits.matrix(count, decoder.vocabulary());
      losses.resize(static_cast<std::size_t>(count));
      decoder.logits(x.rows_from(first, count), rows, space);
      cross_entropy_with_gradient(rows, tokens.row(sample).subspan(first + 1, count), losses);
      decoder.logits_backward(x.rows_from(first, count), rows, dx.rows_from(first, count));
      for (const double value : losses) total += value;
    }
    std::ranges::fill(dx.row(predicted), 0.0f);  // nothing is predicted from the last token
    if (!std::isfinite(total))
      return Error{.code = ErrorCode::kValueNotFinite,
                   .message = "The loss on sample " + std::to_string(sample) +
                              " is not finite: the model diverges on this text."};
    SQUEEZE_TRY(context.check_cancelled());
  }
  loss = total / static_cast<double>(tokens.rows * (length() - 1));
  return {};
}

Result<void> Run::backward(std::int64_t layer) {
  const auto in_layer = static_cast<std::int64_t>(model.matrices().size()) / model.config().layers;
  const auto slots = std::span(model.matrices()).subspan(layer * in_layer, in_layer);
  SQUEEZE_ASSIGN(const LayerWeights weights, model.layer(layer));
  SquaredGradients squares(options.estimator, options.precision, slots);
  const double layers = static_cast<double>(model.config().layers);
  for (std::int64_t sample = 0; sample < tokens.rows; ++sample) {
    decoder.backward(
        weights, of_sample(inputs.slot(layer), sample), of_sample(gradient(), sample), space,
        [&](std::int64_t index, MatrixView<const float> x, MatrixView<const float> dy) { squares.add(index, x, dy); });
    const double done =
        (layers - 1 - static_cast<double>(layer)) * static_cast<double>(tokens.rows) + static_cast<double>(sample + 1);
    context.report({.fraction = done / (layers * static_cast<double>(tokens.rows)),
                    .work_done = done * static_cast<double>(length()) / layers,
                    .unit = "tokens",
                    .detail = "Layer " + std::to_string(layer)});
    SQUEEZE_TRY(context.check_cancelled());
  }
  squares.finish(tokens.rows);

  std::vector<MatrixView<const float>> values;
  std::vector<MatrixSensitivity> statistics;
  const auto linears = weights.linears();
  for (std::int64_t i = 0; i < in_layer; ++i) {
    values.push_back(squares.of(i));
    statistics.push_back(statistics_of(slots[i], squares.of(i), *linears[i]));
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
  SQUEEZE_ASSIGN(const auto decoder, Decoder::make(model, tokens.cols, options.precision));
  // Inputs of the layers to do, the last output when the head is still to be passed, and the gradient.
  const std::int64_t inputs = resumed ? to_do : to_do + 1;
  const std::int64_t limit = options.memory_limit_bytes > 0 ? options.memory_limit_bytes : free_memory_bytes() / 2;
  SQUEEZE_ASSIGN(const auto store,
                 ActivationStore::make(inputs + 1, tokens.size(), model.config().hidden, limit, journal.folder()));
  Run run{.model = model,
          .decoder = decoder,
          .tokens = tokens,
          .options = options,
          .context = context,
          .journal = journal,
          .inputs = store};
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
  SQUEEZE_TRY(check_supported(options.precision));
  const std::string fingerprint = fingerprint_of(model, tokens, options);
  SQUEEZE_ASSIGN(auto journal, CalibrationJournal::open(options.out, fingerprint, model));
  if (auto done = run_layers(model, tokens, options, context, journal); !done.ok()) {
    journal.leave();
    return std::move(done).error();
  }
  CalibrationOutcome outcome{.fingerprint = fingerprint, .loss = journal.loss(), .matrices = {}, .size_bytes = 0};
  for (std::int64_t layer = 0; layer < model.config().layers; ++layer)
    for (const MatrixSensitivity& m : journal.finished(layer)) outcome.matrices.push_back(m);
  SQUEEZE_ASSIGN(outcome.size_bytes, journal.publish(model.fingerprint(), options, tokens.rows, tokens.cols));
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
