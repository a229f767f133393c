#include "jobs/quantization_job.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <set>

#include "base/part_context.hpp"
#include "calib/refine.hpp"
#include "formats/lut/lut.hpp"
#include "jobs/machine.hpp"
#include "jobs/manifest.hpp"
#include "jobs/matrix_error.hpp"
#include "jobs/matrix_source.hpp"
#include "jobs/model_writer.hpp"
#include "jobs/output.hpp"
#include "jobs/outside.hpp"
#include "jobs/quantization_journal.hpp"
#include "jobs/recipe.hpp"
#include "jobs/tokens.hpp"

namespace squeeze {

namespace fs = std::filesystem;

namespace {

// Shares of the job's time. Finding what all matrices have in common reads every one of them once.
constexpr double kPrepareWeight = 0.2;
constexpr double kWriteWeight = 0.05;
constexpr double kOutsideWeight = 0.05;  // where the recipe squeezes embedding or head
constexpr double kRefineWeight = 0.8;    // where the recipe refines

bool uses_calibration(const contract::QuantizationStartParams& params) {
  return params.recipe.weighting == contract::RecipeWeighting::kFisher && params.calibration.has_value();
}

class Run {
 public:
  Run(const contract::QuantizationStartParams& params, const Device& device, RunContext& context)
      : params_(params), device_(device), context_(context) {}

  Result<contract::QuantizationResult> operator()();

 private:
  Result<void> open_inputs();
  Result<void> open_tokens();
  Result<void> check_copied() const;
  Result<void> squeeze_matrices();
  Result<void> squeeze_outside_matrices();
  Result<JournalEntry> squeeze(std::size_t index, const std::any& prepared);
  Result<void> refine_codebooks();
  Result<void> measure_refined(const Model& squeezed, std::size_t index);
  Result<contract::QuantizationResult> assemble();
  ResultManifest manifest_of_inputs() const;
  Result<std::int64_t> write(const fs::path& folder, const ResultManifest& manifest);
  double squeeze_share() const {
    return 1 - kWriteWeight - (outside_.empty() ? 0 : kOutsideWeight) - (refines() ? kRefineWeight : 0);
  }
  bool refines() const { return refinement_steps(params_.recipe) > 0; }
  contract::MatrixOutcome outcome_of(const MatrixSlot& slot, const MethodOptions& options,
                                     const JournalEntry& entry) const;
  Result<contract::MatrixOutcome> kept_outcome(const MatrixSlot& slot) const;
  std::string inputs_text() const;
  const Model& model() const { return source_->model(); }

  const contract::QuantizationStartParams& params_;
  const Device& device_;
  RunContext& context_;
  const Method* method_ = nullptr;
  std::optional<MatrixSource> source_;
  std::vector<std::optional<MethodOptions>> plan_;  // of each matrix; nothing: it is kept as it is
  std::vector<OutsideMatrix> outside_;
  std::optional<QuantizationJournal> journal_;
  std::vector<std::optional<JournalEntry>> entries_;  // of each matrix that is squeezed and done
  std::vector<JournalEntry> outside_entries_;
  Matrix<std::int32_t> tokens_;  // where the recipe refines
  std::optional<Refinement> refinement_;
  double done_weights_ = 0;
  std::int64_t resumed_ = 0;
};

Result<void> Run::open_inputs() {
  SQUEEZE_ASSIGN(method_, method_of(params_.recipe));
  const bool weighted = uses_calibration(params_);
  SQUEEZE_ASSIGN(source_,
                 MatrixSource::open(params_.checkpoint, weighted ? params_.calibration : std::nullopt, device_));
  for (const MatrixSlot& slot : model().matrices()) {
    plan_.push_back(options_of(params_.recipe, slot.name));
    if (plan_.back() && !weighted) plan_.back()->weighting = Weighting::kNone;
  }
  SQUEEZE_ASSIGN(outside_, outside_of(params_.recipe, model()));
  if (refines()) SQUEEZE_TRY(open_tokens());
  return check_copied();
}

Result<void> Run::open_tokens() {
  const fs::path path =
      uses_calibration(params_) ? fs::path(*params_.calibration) / kCalibrationTokens : fs::path(*params_.tokens);
  SQUEEZE_ASSIGN(tokens_, read_tokens(path, model().config()));
  return check_refinement(model(), tokens_.view());
}

// What is copied as it is makes a result useless just as well: found now, and not after hours.
Result<void> Run::check_copied() const {
  std::set<std::string> squeezed;
  for (std::size_t i = 0; i < plan_.size(); ++i)
    if (plan_[i]) squeezed.insert(model().matrices()[i].name + ".weight");
  for (const OutsideMatrix& matrix : outside_) squeezed.insert(matrix.name + ".weight");
  const TensorStore& store = model().store();
  for (const std::string& name : store.names()) {
    const TensorView& tensor = *store.find(name);
    if (squeezed.contains(name) || !is_weight_dtype(tensor.dtype)) continue;
    SQUEEZE_TRY(context_.check_cancelled());
    SQUEEZE_TRY(expect_finite(tensor));
  }
  return {};
}

std::string Run::inputs_text() const {
  return "squeeze-studio " SQUEEZE_VERSION "; checkpoint=" + model().fingerprint() +
         "; calibration=" + (source_->calibration() ? source_->calibration()->fingerprint : "none") + "; " +
         recipe_text(params_.recipe);
}

Result<JournalEntry> Run::squeeze(std::size_t index, const std::any& prepared) {
  const MatrixSlot& slot = model().matrices()[index];
  PartContext part(context_, done_weights_, weights_of(slot), source_->total_weights(), "weights", slot.name);
  part.report({});
  SQUEEZE_ASSIGN(const LoadedMatrix loaded, source_->load(slot));
  SQUEEZE_ASSIGN(const MatrixOutput output, method_->quantize(loaded.input, *plan_[index], prepared, part));
  return journal_->add(index, slot.name, output);
}

Result<void> Run::squeeze_matrices() {
  const fs::path folder = partial_of(params_.out) / "matrices";
  SQUEEZE_TRY(make_folder(folder));
  journal_.emplace(folder, inputs_text());
  const auto& slots = model().matrices();
  entries_.resize(slots.size());
  std::vector<MethodOptions> wanted;  // of what is to be done
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (plan_[i]) entries_[i] = journal_->find(i, slots[i].name);
    if (plan_[i] && !entries_[i]) wanted.push_back(*plan_[i]);
    if (entries_[i]) ++resumed_;
    if (entries_[i] || !plan_[i]) done_weights_ += weights_of(slots[i]);
  }
  if (resumed_ > 0) std::cerr << "taking over " << resumed_ << " of " << slots.size() << " matrices" << std::endl;

  SQUEEZE_ASSIGN(const Preparations prepared,
                 Preparations::make(*source_, *method_, wanted, kPrepareWeight * squeeze_share(), context_));
  context_.stage("Squeezing", squeeze_share() - prepared.used_weight());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    SQUEEZE_TRY(context_.check_cancelled());
    if (entries_[i] || !plan_[i]) continue;
    auto entry = squeeze(i, prepared.of(*plan_[i]));
    if (!entry.ok()) {
      Error error = std::move(entry).error();
      if (error.tensor.empty()) error.tensor = slots[i].name + ".weight";
      if (!error.layer) error.layer = static_cast<int>(slots[i].layer);
      return error;
    }
    entries_[i] = std::move(entry).value();
    done_weights_ += weights_of(slots[i]);
  }
  return {};
}

// Their places in the journal follow those of the matrices.
Result<void> Run::squeeze_outside_matrices() {
  if (outside_.empty()) return {};
  context_.stage("Squeezing embedding and head", kOutsideWeight);
  const double each = 1.0 / static_cast<double>(outside_.size());
  for (std::size_t i = 0; i < outside_.size(); ++i) {
    SQUEEZE_TRY(context_.check_cancelled());
    const std::string& name = outside_[i].name;
    const std::size_t place = entries_.size() + i;
    auto entry = journal_->find(place, name);
    if (!entry) {
      PartContext part(context_, each * static_cast<double>(i), each, 1, "", name);
      SQUEEZE_ASSIGN(const MatrixOutput output, squeeze_outside(*source_, outside_[i], part));
      SQUEEZE_ASSIGN(entry, journal_->add(place, name, output));
    }
    outside_entries_.push_back(*std::move(entry));
  }
  return {};
}

namespace {

std::int64_t bytes_of(const JournalEntry& entry) {
  std::size_t bytes = 0;
  for (const TensorView& tensor : entry.file.tensors()) bytes += tensor.bytes.size();
  return static_cast<std::int64_t>(bytes);
}

contract::OutsideOutcome outcome_of(const OutsideMatrix& matrix, const JournalEntry& entry, const ModelConfig& config) {
  const std::int64_t bytes = bytes_of(entry);
  return {.name = matrix.name + ".weight",
          .embedding = matrix.embedding,
          .head = matrix.head,
          .bits = matrix.bits,
          .bits_per_weight = 8.0 * static_cast<double>(bytes) / static_cast<double>(config.vocabulary * config.hidden),
          .size_bytes = bytes,
          .relative_error = entry.relative_error};
}

}  // namespace

contract::MatrixOutcome Run::outcome_of(const MatrixSlot& slot, const MethodOptions& options,
                                        const JournalEntry& entry) const {
  return {.name = slot.name + ".weight",
          .layer = slot.layer,
          .role = slot.role,
          .bits = options.bits,
          .sparse_count = entry.sparse_count,
          .bits_per_weight = 8.0 * static_cast<double>(bytes_of(entry)) / weights_of(slot),
          .objective = entry.objective,
          .relative_error = entry.relative_error};
}

Result<contract::MatrixOutcome> Run::kept_outcome(const MatrixSlot& slot) const {
  SQUEEZE_ASSIGN(const TensorView tensor, model().store().require(slot.name + ".weight"));
  return contract::MatrixOutcome{.name = tensor.name,
                                 .layer = slot.layer,
                                 .role = slot.role,
                                 .bits = 16,
                                 .sparse_count = 0,
                                 .bits_per_weight = 8.0 * static_cast<double>(tensor.bytes.size()) / weights_of(slot),
                                 .objective = 0,
                                 .relative_error = 0};
}

ResultManifest Run::manifest_of_inputs() const {
  ResultManifest manifest;
  manifest.recipe = params_.recipe;
  manifest.checkpoint_fingerprint = model().fingerprint();
  if (source_->calibration()) manifest.calibration_fingerprint = source_->calibration()->fingerprint;
  return manifest;
}

// A folder of what is squeezed so far, and the bytes of its weight files.
Result<std::int64_t> Run::write(const fs::path& folder, const ResultManifest& manifest) {
  std::set<std::string> replaced;
  std::vector<TensorSource> tensors;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!plan_[i]) continue;
    const std::string& name = model().matrices()[i].name;
    replaced.insert(name + ".weight");
    for (const TensorView& tensor : entries_[i]->file.tensors()) {
      const bool moved = refinement_ && tensor.name == name + ".lookup_table";
      tensors.push_back(moved ? tensor_source(tensor.name, tensor.dtype, tensor.shape,
                                              std::span<const Half>(refinement_->tables.at(name)))
                              : copy_of(tensor));
    }
  }
  for (std::size_t i = 0; i < outside_entries_.size(); ++i) {
    replaced.insert(outside_[i].name + ".weight");
    // A tied head that is stored once more all the same would be read instead.
    if (outside_[i].embedding && outside_[i].head) replaced.insert("lm_head.weight");
    for (const TensorView& tensor : outside_entries_[i].file.tensors()) tensors.push_back(copy_of(tensor));
  }
  const TensorStore& store = model().store();
  for (const std::string& name : store.names())
    if (!replaced.contains(name)) tensors.push_back(copy_of(*store.find(name)));
  std::error_code code;
  fs::remove_all(folder, code);
  SQUEEZE_TRY(make_folder(folder));
  SQUEEZE_ASSIGN(const std::int64_t bytes, write_model(folder, tensors, context_));
  SQUEEZE_TRY(copy_companions(model().folder(), folder));
  SQUEEZE_TRY(write_result_config(model().folder(), folder, manifest));
  return bytes;
}

// Codebooks of the squeezed model moved down the loss. It is written as it is for that, and read layer by layer.
Result<void> Run::refine_codebooks() {
  const fs::path folder = partial_of(params_.out) / "refinement";
  SQUEEZE_TRY(make_folder(folder));
  SQUEEZE_TRY(write(folder / "start", manifest_of_inputs()));
  SQUEEZE_ASSIGN(const auto squeezed, Model::open(folder / "start"));
  context_.stage("Refining codebooks", kRefineWeight);
  SQUEEZE_ASSIGN(
      refinement_,
      refine(model(), *squeezed, tokens_.view(),
             {.steps = refinement_steps(params_.recipe), .folder = folder, .engine = device_.gradient_engine()},
             context_));
  if (refinement_->best_step == 0) return {};
  for (std::size_t i = 0; i < entries_.size(); ++i)
    if (plan_[i]) SQUEEZE_TRY(measure_refined(*squeezed, i));
  return {};
}

// Objective and error of the clustering hold no longer.
Result<void> Run::measure_refined(const Model& squeezed, std::size_t index) {
  const MatrixSlot& slot = model().matrices()[index];
  SQUEEZE_TRY(context_.check_cancelled());
  SQUEEZE_ASSIGN(LoadedMatrix loaded, source_->load(slot));
  if (plan_[index]->weighting == Weighting::kNone) loaded.input.sensitivity = {};
  SQUEEZE_ASSIGN(const auto linear, squeezed.linear(slot));
  const auto refined = static_cast<const LutWeight&>(*linear).with_tables(refinement_->tables.at(slot.name));
  const MatrixError error = matrix_error(loaded.input, *refined);
  entries_[index]->objective = error.objective;
  entries_[index]->relative_error = error.relative_error;
  return {};
}

Result<contract::QuantizationResult> Run::assemble() {
  context_.stage("Writing", kWriteWeight);
  const TensorStore& store = model().store();
  contract::QuantizationResult out;
  ResultManifest manifest = manifest_of_inputs();
  if (refinement_)
    manifest.refinement = contract::Refinement{.steps = refinement_->steps,
                                               .best_step = refinement_->best_step,
                                               .samples = refinement_->samples,
                                               .held_out = refinement_->held_out,
                                               .before = std::max(0.0, refinement_->before),
                                               .after = std::max(0.0, refinement_->after)};
  double matrix_bits = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const MatrixSlot& slot = model().matrices()[i];
    if (plan_[i]) {
      manifest.matrices.push_back(outcome_of(slot, *plan_[i], *entries_[i]));
    } else {
      SQUEEZE_ASSIGN(contract::MatrixOutcome kept, kept_outcome(slot));
      manifest.matrices.push_back(std::move(kept));
    }
    matrix_bits += manifest.matrices.back().bits_per_weight * weights_of(slot);
    out.objective += manifest.matrices.back().objective;
  }
  for (std::size_t i = 0; i < outside_.size(); ++i) {
    if (!out.outside) out.outside.emplace();
    out.outside->push_back(squeeze::outcome_of(outside_[i], outside_entries_[i], model().config()));
  }
  manifest.outside = out.outside;
  manifest.bits_per_weight = matrix_bits / source_->total_weights();
  std::int64_t parameters = 0;
  for (const std::string& name : store.names()) {
    const bool second_head = model().config().tied_embeddings && name == "lm_head.weight";
    if (!second_head) parameters += store.find(name)->count();
  }

  // Built beside the journal, so that a run killed at any moment finds either all matrices or the finished folder.
  const fs::path folder = partial_of(params_.out) / "result";
  SQUEEZE_ASSIGN(out.size_bytes, write(folder, manifest));
  SQUEEZE_TRY(write_manifest(folder, manifest));
  {
    SQUEEZE_ASSIGN(const auto result, Model::open(folder));  // what cannot be opened again is not published
    out.fingerprint = result->fingerprint();
  }
  SQUEEZE_TRY(publish(folder, params_.out));
  entries_.clear();
  outside_entries_.clear();
  // Only what is ours: somebody may have put something else there.
  std::error_code code;
  for (const char* ours : {"matrices", "refinement"}) fs::remove_all(partial_of(params_.out) / ours, code);
  fs::remove(partial_of(params_.out), code);

  out.out = params_.out;
  out.checkpoint_fingerprint = manifest.checkpoint_fingerprint;
  out.calibration_fingerprint = manifest.calibration_fingerprint;
  out.recipe = params_.recipe;
  out.bits_per_weight = manifest.bits_per_weight;
  out.checkpoint_size_bytes = store.size_bytes();
  out.fp16_size_bytes = 2 * parameters;
  out.matrices = std::move(manifest.matrices);
  out.refinement = manifest.refinement;
  out.resumed_matrices = resumed_;
  return out;
}

Result<contract::QuantizationResult> Run::operator()() {
  const auto begun = std::chrono::steady_clock::now();
  SQUEEZE_TRY(check_quantization(params_));
  SQUEEZE_ASSIGN(const OutputClaim claim, OutputClaim::take(params_.out));
  SQUEEZE_TRY(open_inputs());
  SQUEEZE_TRY(squeeze_matrices());
  if (refines()) SQUEEZE_TRY(refine_codebooks());
  SQUEEZE_TRY(squeeze_outside_matrices());
  SQUEEZE_ASSIGN(contract::QuantizationResult out, assemble());
  out.peak_memory_bytes = peak_memory_bytes();
  out.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count();
  return out;
}

}  // namespace

Result<void> check_quantization(const contract::QuantizationStartParams& params) {
  SQUEEZE_ASSIGN(const Method* method, method_of(params.recipe));
  SQUEEZE_TRY(check_recipe(params.recipe));
  const bool needs_calibration =
      method->uses_sensitivity && params.recipe.weighting == contract::RecipeWeighting::kFisher;
  if (needs_calibration && !params.calibration)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "Method \"" + params.recipe.method + "\" with weighting \"fisher\" needs a calibration.",
                 .hint = "Calibrate first, or choose weighting \"none\"."};
  if (refinement_steps(params.recipe) > 0) {
    if (!method->has_codebooks)
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = "Method \"" + params.recipe.method + "\" has no codebooks that could be refined."};
    if (params.recipe.group.value_or(0) > 0 || params.recipe.share.value_or(1) > 1)
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = "Only codebooks of one row each can be refined; the recipe has a group or a share."};
    if (!params.tokens && !uses_calibration(params))
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = "The recipe refines its codebooks, and no tokens to do so on are named."};
  }
  return check_output(params.out);
}

Result<contract::QuantizationResult> run_quantization(const contract::QuantizationStartParams& params,
                                                      const Device& device, RunContext& context) {
  return Run(params, device, context)();
}

}  // namespace squeeze
