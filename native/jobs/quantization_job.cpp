#include "jobs/quantization_job.hpp"

#include <chrono>
#include <iostream>
#include <set>

#include "archs/model.hpp"
#include "base/part_context.hpp"
#include "calib/calibrate.hpp"
#include "jobs/machine.hpp"
#include "jobs/manifest.hpp"
#include "jobs/model_writer.hpp"
#include "jobs/output.hpp"
#include "jobs/quantization_journal.hpp"
#include "jobs/recipe.hpp"

namespace squeeze {

namespace fs = std::filesystem;

namespace {

// Shares of the job's time. Finding what all matrices have in common reads every one of them once.
constexpr double kPrepareWeight = 0.2;
constexpr double kWriteWeight = 0.05;

bool uses_calibration(const contract::QuantizationStartParams& params) {
  return params.recipe.weighting == contract::RecipeWeighting::kFisher && params.calibration.has_value();
}

// One matrix as fp32, with its sensitivities where they are used.
struct LoadedMatrix {
  Matrix<float> weights, sensitivity;
  MatrixInput input;
};

class Run {
 public:
  Run(const contract::QuantizationStartParams& params, RunContext& context)
      : params_(params), context_(context), options_(options_of(params.recipe)) {}

  Result<contract::QuantizationResult> operator()();

 private:
  Result<void> open_inputs();
  Result<void> check_copied() const;
  Result<void> squeeze_matrices();
  Result<std::any> prepare();
  Result<LoadedMatrix> load(const MatrixSlot& slot) const;
  Result<JournalEntry> squeeze(std::size_t index, const QuantizationJournal& journal, const std::any& prepared);
  Result<contract::QuantizationResult> assemble();
  contract::MatrixOutcome outcome_of(const MatrixSlot& slot, const JournalEntry& entry) const;
  std::string inputs_text() const;
  double weights_of(std::size_t index) const;

  const contract::QuantizationStartParams& params_;
  RunContext& context_;
  MethodOptions options_;
  const Method* method_ = nullptr;
  std::shared_ptr<const Model> model_;
  std::optional<Calibration> calibration_;
  std::vector<std::optional<JournalEntry>> entries_;
  double total_weights_ = 0, done_weights_ = 0;
  double prepare_weight_ = 0;
  std::int64_t resumed_ = 0;
};

Result<void> Run::open_inputs() {
  SQUEEZE_ASSIGN(method_, method_of(params_.recipe));
  SQUEEZE_ASSIGN(model_, Model::open(params_.checkpoint));
  if (model_->quantized())
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = params_.checkpoint + " is squeezed already.",
                 .hint = "Start from the checkpoint that it was made from."};
  if (uses_calibration(params_)) {
    SQUEEZE_ASSIGN(calibration_, open_calibration(*params_.calibration, *model_));
  } else {
    options_.weighting = Weighting::kNone;
  }
  for (std::size_t i = 0; i < model_->matrices().size(); ++i) total_weights_ += weights_of(i);
  return check_copied();
}

// What is copied as it is makes a result useless just as well: found now, and not after hours.
Result<void> Run::check_copied() const {
  std::set<std::string> squeezed;
  for (const MatrixSlot& slot : model_->matrices()) squeezed.insert(slot.name + ".weight");
  const TensorStore& store = model_->store();
  for (const std::string& name : store.names()) {
    const TensorView& tensor = *store.find(name);
    if (squeezed.contains(name) || !is_weight_dtype(tensor.dtype)) continue;
    SQUEEZE_TRY(context_.check_cancelled());
    SQUEEZE_TRY(expect_finite(tensor));
  }
  return {};
}

double Run::weights_of(std::size_t index) const {
  const MatrixSlot& slot = model_->matrices()[index];
  return static_cast<double>(slot.rows) * static_cast<double>(slot.cols);
}

std::string Run::inputs_text() const {
  return "squeeze-studio " SQUEEZE_VERSION "; checkpoint=" + model_->fingerprint() +
         "; calibration=" + (calibration_ ? calibration_->fingerprint : "none") + "; " + recipe_text(params_.recipe);
}

Result<LoadedMatrix> Run::load(const MatrixSlot& slot) const {
  const std::string name = slot.name + ".weight";
  const std::vector<std::int64_t> shape = {slot.rows, slot.cols};
  const auto floats = [&](const TensorStore& store) -> Result<Matrix<float>> {
    SQUEEZE_ASSIGN(const TensorView tensor, store.require(name));
    SQUEEZE_TRY(expect_shape(tensor, shape));
    Matrix<float> matrix;
    SQUEEZE_ASSIGN(matrix.values, read_finite_floats(tensor));
    matrix.rows = slot.rows;
    matrix.cols = slot.cols;
    return matrix;
  };
  LoadedMatrix out;
  SQUEEZE_ASSIGN(out.weights, floats(model_->store()));
  out.input = {.name = slot.name, .weights = out.weights.view()};
  if (calibration_) {
    auto sensitivity = floats(calibration_->store);
    if (!sensitivity.ok()) {
      Error error = std::move(sensitivity).error();
      error.message = "The calibration is broken: " + error.message;
      return error;
    }
    out.sensitivity = std::move(sensitivity).value();
    for (const float value : out.sensitivity.values)
      if (value < 0)
        return Error{.code = ErrorCode::kFileMalformed,
                     .message = "The calibration holds a negative sensitivity for " + name + ".",
                     .tensor = name};
    out.input.sensitivity = out.sensitivity.view();
  }
  return out;
}

Result<std::any> Run::prepare() {
  if (method_->prepare == nullptr) return std::any();
  // A method may look at all matrices several times, or not at all; only the first round moves the bar.
  std::size_t round = 0;
  const ForEachMatrix for_each = [&](const MatrixVisitor& visit) -> Result<void> {
    if (round == 0) context_.stage("Looking at every matrix", prepare_weight_ = kPrepareWeight);
    double seen = 0;
    for (std::size_t i = 0; i < model_->matrices().size(); ++i) {
      SQUEEZE_TRY(context_.check_cancelled());
      const MatrixSlot& slot = model_->matrices()[i];
      SQUEEZE_ASSIGN(const LoadedMatrix loaded, load(slot));
      SQUEEZE_TRY(visit(loaded.input));
      seen += weights_of(i);
      if (round == 0)
        context_.report({.fraction = seen / total_weights_, .work_done = seen, .unit = "weights", .detail = slot.name});
    }
    ++round;
    return {};
  };
  PartContext part(context_, 0, 0, 1, "", "");  // for its cancel flag; for_each does the reporting
  return method_->prepare(for_each, options_, part);
}

Result<JournalEntry> Run::squeeze(std::size_t index, const QuantizationJournal& journal, const std::any& prepared) {
  const MatrixSlot& slot = model_->matrices()[index];
  PartContext part(context_, done_weights_, weights_of(index), total_weights_, "weights", slot.name);
  part.report({});
  SQUEEZE_ASSIGN(const LoadedMatrix loaded, load(slot));
  SQUEEZE_ASSIGN(const MatrixOutput output, method_->quantize(loaded.input, options_, prepared, part));
  return journal.add(index, slot.name, output);
}

Result<void> Run::squeeze_matrices() {
  const fs::path folder = partial_of(params_.out) / "matrices";
  SQUEEZE_TRY(make_folder(folder));
  const QuantizationJournal journal(folder, inputs_text());
  const auto& slots = model_->matrices();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    entries_.push_back(journal.find(i, slots[i].name));
    if (entries_.back()) {
      ++resumed_;
      done_weights_ += weights_of(i);
    }
  }
  if (resumed_ > 0) std::cerr << "taking over " << resumed_ << " of " << slots.size() << " matrices" << std::endl;

  std::any prepared;
  if (resumed_ < static_cast<std::int64_t>(slots.size())) {
    SQUEEZE_ASSIGN(prepared, prepare());
  }
  context_.stage("Squeezing", 1 - kWriteWeight - prepare_weight_);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    SQUEEZE_TRY(context_.check_cancelled());
    if (entries_[i]) continue;
    auto entry = squeeze(i, journal, prepared);
    if (!entry.ok()) {
      Error error = std::move(entry).error();
      if (error.tensor.empty()) error.tensor = slots[i].name + ".weight";
      if (!error.layer) error.layer = static_cast<int>(slots[i].layer);
      return error;
    }
    entries_[i] = std::move(entry).value();
    done_weights_ += weights_of(i);
  }
  return {};
}

contract::MatrixOutcome Run::outcome_of(const MatrixSlot& slot, const JournalEntry& entry) const {
  std::size_t bytes = 0;
  for (const TensorView& tensor : entry.file.tensors()) bytes += tensor.bytes.size();
  return {.name = slot.name + ".weight",
          .layer = slot.layer,
          .role = slot.role,
          .bits = params_.recipe.bits,
          .sparse_count = entry.sparse_count,
          .bits_per_weight = 8.0 * static_cast<double>(bytes) / static_cast<double>(slot.rows * slot.cols),
          .objective = entry.objective,
          .relative_error = entry.relative_error};
}

Result<contract::QuantizationResult> Run::assemble() {
  context_.stage("Writing", kWriteWeight);
  const TensorStore& store = model_->store();
  contract::QuantizationResult out;
  ResultManifest manifest;
  manifest.recipe = params_.recipe;
  manifest.checkpoint_fingerprint = model_->fingerprint();
  if (calibration_) manifest.calibration_fingerprint = calibration_->fingerprint;

  std::set<std::string> replaced;
  std::vector<TensorSource> tensors;
  double matrix_bits = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const MatrixSlot& slot = model_->matrices()[i];
    replaced.insert(slot.name + ".weight");
    for (const TensorView& tensor : entries_[i]->file.tensors()) tensors.push_back(copy_of(tensor));
    manifest.matrices.push_back(outcome_of(slot, *entries_[i]));
    matrix_bits += manifest.matrices.back().bits_per_weight * weights_of(i);
    out.objective += entries_[i]->objective;
  }
  manifest.bits_per_weight = matrix_bits / total_weights_;
  std::int64_t parameters = 0;
  for (const std::string& name : store.names()) {
    const TensorView& tensor = *store.find(name);
    const bool second_head = model_->config().tied_embeddings && name == "lm_head.weight";
    if (!second_head) parameters += tensor.count();
    if (!replaced.contains(name)) tensors.push_back(copy_of(tensor));
  }

  // Built beside the journal, so that a run killed at any moment finds either all matrices or the finished folder.
  const fs::path folder = partial_of(params_.out) / "result";
  std::error_code code;
  fs::remove_all(folder, code);
  SQUEEZE_TRY(make_folder(folder));
  SQUEEZE_ASSIGN(out.size_bytes, write_model(folder, tensors, context_));
  SQUEEZE_TRY(copy_companions(model_->folder(), folder));
  SQUEEZE_TRY(write_result_config(model_->folder(), folder, manifest));
  SQUEEZE_TRY(write_manifest(folder, manifest));
  {
    SQUEEZE_ASSIGN(const auto result, Model::open(folder));  // what cannot be opened again is not published
    out.fingerprint = result->fingerprint();
  }
  SQUEEZE_TRY(publish(folder, params_.out));
  entries_.clear();
  // Only what is ours: somebody may have put something else there.
  fs::remove_all(partial_of(params_.out) / "matrices", code);
  fs::remove(partial_of(params_.out), code);

  out.out = params_.out;
  out.checkpoint_fingerprint = manifest.checkpoint_fingerprint;
  out.calibration_fingerprint = manifest.calibration_fingerprint;
  out.recipe = params_.recipe;
  out.bits_per_weight = manifest.bits_per_weight;
  out.checkpoint_size_bytes = store.size_bytes();
  out.fp16_size_bytes = 2 * parameters;
  out.matrices = std::move(manifest.matrices);
  out.resumed_matrices = resumed_;
  return out;
}

Result<contract::QuantizationResult> Run::operator()() {
  const auto begun = std::chrono::steady_clock::now();
  SQUEEZE_TRY(check_quantization(params_));
  SQUEEZE_ASSIGN(const OutputClaim claim, OutputClaim::take(params_.out));
  SQUEEZE_TRY(open_inputs());
  SQUEEZE_TRY(squeeze_matrices());
  SQUEEZE_ASSIGN(contract::QuantizationResult out, assemble());
  out.peak_memory_bytes = peak_memory_bytes();
  out.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  return out;
}

}  // namespace

Result<void> check_quantization(const contract::QuantizationStartParams& params) {
  SQUEEZE_ASSIGN(const Method* method, method_of(params.recipe));
  const bool needs_calibration =
      method->uses_sensitivity && params.recipe.weighting == contract::RecipeWeighting::kFisher;
  if (needs_calibration && !params.calibration)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "Method \"" + params.recipe.method + "\" with weighting \"fisher\" needs a calibration.",
                 .hint = "Calibrate first, or choose weighting \"none\"."};
  return check_output(params.out);
}

Result<contract::QuantizationResult> run_quantization(const contract::QuantizationStartParams& params,
                                                      RunContext& context) {
  return Run(params, context)();
}

}  // namespace squeeze
