#include "calib/calibration_journal.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <system_error>

#include "base/atomic_file.hpp"

namespace squeeze {

namespace fs = std::filesystem;

namespace {

constexpr const char* kGradient = "gradient.safetensors";
constexpr const char* kFisher = "fisher.safetensors";
constexpr const char* kDescription = "calibration.json";

Error unwritable(const fs::path& path, const std::error_code& code) {
  if (code == std::errc::no_space_on_device)
    return {.code = ErrorCode::kDiskFull,
            .message = "No space left on the disk while making " + path.string() + ".",
            .retryable = true,
            .hint = "Free some space, or choose another folder."};
  return {.code = ErrorCode::kOutputUnwritable, .message = path.string() + " cannot be made: " + code.message() + "."};
}

Error exists_already(const fs::path& out) {
  return {.code = ErrorCode::kOutputExists,
          .message = out.string() + " exists already.",
          .hint = "Choose another name, or remove it first."};
}

std::int64_t layers_of(const Model& model) { return model.config().layers; }

std::span<const MatrixSlot> slots_of(const Model& model, std::int64_t layer) {
  const auto in_layer = static_cast<std::int64_t>(model.matrices().size()) / layers_of(model);
  return std::span(model.matrices()).subspan(layer * in_layer, in_layer);
}

// Exact decimal text of a double, and back.
std::string exact(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.17g", value);
  return text;
}

std::string statistics_text(const MatrixSensitivity& m) {
  return exact(m.sum) + " " + exact(m.max) + " " + exact(m.weighted);
}

bool parse_statistics(const std::string& text, MatrixSensitivity& m) {
  return std::sscanf(text.c_str(), "%lf %lf %lf", &m.sum, &m.max, &m.weighted) == 3;
}

// The file of a finished layer, when it is whole and of these inputs.
std::optional<std::vector<MatrixSensitivity>> read_layer(const fs::path& path, const std::string& fingerprint,
                                                         std::span<const MatrixSlot> slots) {
  const auto file = SafetensorsFile::open(path);
  if (!file.ok()) return {};
  const auto& metadata = file.value().metadata();
  const auto named = metadata.find("fingerprint");
  if (named == metadata.end() || named->second != fingerprint) return {};
  std::vector<MatrixSensitivity> statistics;
  for (const MatrixSlot& slot : slots) {
    const std::string name = slot.name + ".weight";
    const auto entry = metadata.find(name);
    const bool there = std::ranges::any_of(file.value().tensors(), [&](const TensorView& t) {
      return t.name == name && t.dtype == DType::kF32 && t.shape == std::vector{slot.rows, slot.cols};
    });
    statistics.push_back({.slot = slot});
    if (!there || entry == metadata.end() || !parse_statistics(entry->second, statistics.back())) return {};
  }
  return statistics;
}

}  // namespace

fs::path CalibrationJournal::layer_path(std::int64_t layer) const {
  char name[32];
  std::snprintf(name, sizeof(name), "layer-%05lld.safetensors", static_cast<long long>(layer));
  return folder_ / name;
}

Result<CalibrationJournal> CalibrationJournal::open(const fs::path& out, const std::string& fingerprint,
                                                    const Model& model) {
  CalibrationJournal journal;
  journal.out_ = out.has_filename() ? out : out.parent_path();
  // A folder of our own inside: what else stands in "<out>.partial" is somebody's, and stays.
  journal.folder_ = fs::path(journal.out_.string() + ".partial") / "calibration";
  journal.fingerprint_ = fingerprint;
  std::error_code code;
  if (fs::exists(fs::symlink_status(journal.out_, code))) return exists_already(out);
  if (fs::exists(fs::symlink_status(journal.folder_, code)) && !journal.take_up(model)) {
    std::fprintf(stderr, "calibration: %s holds no finished layer of these inputs; beginning anew\n",
                 journal.folder_.c_str());
    fs::remove_all(journal.folder_, code);
    if (code) return unwritable(journal.folder_, code);
    journal.statistics_.clear();
  }
  if (journal.statistics_.empty()) {
    journal.first_finished_ = layers_of(model);
    journal.statistics_.resize(static_cast<std::size_t>(layers_of(model)));
  }
  fs::create_directories(journal.folder_, code);
  if (code) return unwritable(journal.folder_, code);
  return journal;
}

bool CalibrationJournal::take_up(const Model& model) {
  const auto gradient = SafetensorsFile::open(folder_ / kGradient);
  if (!gradient.ok()) return false;
  const auto& metadata = gradient.value().metadata();
  const auto field = [&](const char* name) {
    const auto entry = metadata.find(name);
    return entry == metadata.end() ? std::string() : entry->second;
  };
  if (field("fingerprint") != fingerprint_) return false;
  int layer = -1;
  if (std::sscanf(field("layer").c_str(), "%d", &layer) != 1 || layer < 0 || layer >= layers_of(model)) return false;
  if (std::sscanf(field("loss").c_str(), "%lf", &loss_) != 1) return false;
  statistics_.assign(static_cast<std::size_t>(layers_of(model)), {});
  for (std::int64_t i = layer; i < layers_of(model); ++i) {
    auto statistics = read_layer(layer_path(i), fingerprint_, slots_of(model, i));
    if (!statistics) return false;
    statistics_[i] = std::move(*statistics);
  }
  first_finished_ = layer;
  return true;
}

Result<void> CalibrationJournal::read_gradient(MatrixView<float> gradient) const {
  SQUEEZE_ASSIGN(const TensorStore store, TensorStore::open(folder_ / kGradient));
  SQUEEZE_ASSIGN(const TensorView tensor, store.require("gradient"));
  SQUEEZE_TRY(expect_shape(tensor, {gradient.rows, gradient.cols}));
  std::memcpy(gradient.data, tensor.bytes.data(), tensor.bytes.size());
  return {};
}

Result<void> CalibrationJournal::finish_layer(std::int64_t layer, std::span<const MatrixView<const float>> values,
                                              std::vector<MatrixSensitivity> statistics,
                                              MatrixView<const float> gradient, double loss) {
  std::map<std::string, std::string> metadata = {{"fingerprint", fingerprint_}};
  std::vector<TensorSource> sources;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string name = statistics[i].slot.name + ".weight";
    sources.push_back(tensor_source(name, DType::kF32, {values[i].rows, values[i].cols}, values[i].flat()));
    metadata[name] = statistics_text(statistics[i]);
  }
  SQUEEZE_TRY(write_safetensors(layer_path(layer), sources, metadata));
  SQUEEZE_TRY(write_safetensors(
      folder_ / kGradient, {tensor_source("gradient", DType::kF32, {gradient.rows, gradient.cols}, gradient.flat())},
      {{"fingerprint", fingerprint_}, {"layer", std::to_string(layer)}, {"loss", exact(loss)}}));
  first_finished_ = layer;
  loss_ = loss;
  statistics_[layer] = std::move(statistics);
  return {};
}

void CalibrationJournal::leave() const {
  std::error_code ignored;
  fs::remove(folder_, ignored);  // which fails while anything is in it
  fs::remove(folder_.parent_path(), ignored);
}

Result<std::int64_t> CalibrationJournal::publish(const std::string& checkpoint_fingerprint,
                                                 const CalibrationOptions& options,
                                                 MatrixView<const std::int32_t> tokens) {
  std::vector<SafetensorsFile> layers;
  std::vector<TensorSource> sources;
  nlohmann::json matrices = nlohmann::json::array();
  for (std::size_t i = 0; i < statistics_.size(); ++i) {
    SQUEEZE_ASSIGN(auto file, SafetensorsFile::open(layer_path(static_cast<std::int64_t>(i))));
    for (const TensorView& t : file.tensors()) sources.push_back(tensor_source(t.name, t.dtype, t.shape, t.bytes));
    layers.push_back(std::move(file));
    for (const MatrixSensitivity& m : statistics_[i])
      matrices.push_back({{"name", m.slot.name + ".weight"},
                          {"layer", m.slot.layer},
                          {"role", m.slot.role},
                          {"rows", m.slot.rows},
                          {"cols", m.slot.cols},
                          {"sum", m.sum},
                          {"max", m.max},
                          {"weighted", m.weighted}});
  }
  const std::string estimator_name = options.estimator == Estimator::kSample ? "sample" : "token";
  SQUEEZE_TRY(write_safetensors(folder_ / kFisher, sources,
                                {{"fingerprint", fingerprint_},
                                 {"checkpointFingerprint", checkpoint_fingerprint},
                                 {"estimator", estimator_name},
                                 {"precision", name_of(options.precision)}}));
  SQUEEZE_TRY(write_safetensors(folder_ / kCalibrationTokens,
                                {tensor_source("tokens", DType::kI32, {tokens.rows, tokens.cols}, tokens.flat())},
                                {{"fingerprint", fingerprint_}}));
  const std::string description = nlohmann::json{{"formatVersion", 1},
                                                 {"toolVersion", SQUEEZE_VERSION},
                                                 {"fingerprint", fingerprint_},
                                                 {"checkpointFingerprint", checkpoint_fingerprint},
                                                 {"estimator", estimator_name},
                                                 {"precision", name_of(options.precision)},
                                                 {"samples", tokens.rows},
                                                 {"length", tokens.cols},
                                                 {"loss", loss_},
                                                 {"matrices", std::move(matrices)}}
                                      .dump(2) +
                                  "\n";
  SQUEEZE_ASSIGN(AtomicFile file, AtomicFile::create(folder_ / kDescription));
  SQUEEZE_TRY(file.write(std::as_bytes(std::span(description))));
  SQUEEZE_TRY(file.commit());

  std::error_code code;
  std::int64_t bytes = 0;
  for (const char* name : {kFisher, kCalibrationTokens, kDescription})
    bytes += static_cast<std::int64_t>(fs::file_size(folder_ / name, code));
  if (fs::exists(fs::symlink_status(out_, code))) return exists_already(out_);
  for (std::size_t i = 0; i < statistics_.size(); ++i) fs::remove(layer_path(static_cast<std::int64_t>(i)), code);
  fs::remove(folder_ / kGradient, code);
  fs::rename(folder_, out_, code);
  if (code) return unwritable(out_, code);
  fs::remove(folder_.parent_path(), code);
  return bytes;
}

}  // namespace squeeze
