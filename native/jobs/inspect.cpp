#include "jobs/inspect.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>

#include "archs/model.hpp"
#include "jobs/manifest.hpp"
#include "jobs/model_writer.hpp"

namespace squeeze {

namespace fs = std::filesystem;

namespace {

std::string stored_as(const TensorStore& store, const std::string& linear) {
  if (const TensorView* dense = store.find(linear + ".weight")) return std::string(name_of(dense->dtype));
  for (const Format* format : all_formats())
    if (format->holds(store, linear)) return format->id;
  return "unknown";
}

// The F32, F16 or BF16 that most elements have.
std::string main_dtype(const TensorStore& store, const std::vector<std::string>& names) {
  std::map<DType, std::int64_t> counts;
  for (const std::string& name : names) {
    const TensorView& tensor = *store.find(name);
    if (is_weight_dtype(tensor.dtype)) counts[tensor.dtype] += tensor.count();
  }
  const auto most = std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
  return most == counts.end() ? "unknown" : std::string(name_of(most->first));
}

std::string percent(double fraction) {
  char text[24];
  std::snprintf(text, sizeof(text), "%.0f%%", 100 * fraction);
  return text;
}

struct Sizes {
  std::int64_t tensors = 0, matrices = 0, weights = 0, shortest_row = 0;
};

std::vector<contract::CheckpointWarning> warnings_of(const Model& model, const Sizes& sizes, bool float32,
                                                     std::int64_t embedding_bytes) {
  std::vector<contract::CheckpointWarning> out;
  if (embedding_bytes > sizes.matrices && is_dense(model.store(), model.embedding_name()))
    out.push_back({"embedding-large", "Embedding and head take " +
                                          percent(double(embedding_bytes) / double(sizes.tensors)) +
                                          " of the bytes, more than all matrices, and are not squeezed."});
  if (float32 && !model.quantized())
    out.push_back({"stored-float32", "The weights are stored as F32: half of the size is won by 16 bits alone."});
  // A 4-bit codebook of fp16 costs 256 / K bits for each weight.
  if (!model.quantized() && sizes.shortest_row < 1024) {
    char share[16];
    std::snprintf(share, sizeof(share), "%.2f", 256.0 / static_cast<double>(sizes.shortest_row));
    out.push_back({"rows-short", "Rows are as short as " + std::to_string(sizes.shortest_row) +
                                     " weights: there a 4-bit codebook costs " + share + " bits for each of them."});
  }
  if (model.config().tied_embeddings && model.store().find("lm_head.weight") != nullptr)
    out.push_back({"head-twice", "The head is tied to the embedding, and stored once more all the same."});
  return out;
}

}  // namespace

Result<contract::CheckpointInspectResult> inspect_checkpoint(const contract::CheckpointInspectParams& params) {
  SQUEEZE_ASSIGN(const auto model, Model::open(params.path));
  const ModelConfig& config = model->config();
  const TensorStore& store = model->store();
  const std::vector<std::string> names = store.names();

  contract::CheckpointInspectResult out;
  std::error_code code;
  out.path = fs::absolute(model->folder(), code).lexically_normal().string();
  out.kind = model->quantized() ? contract::CheckpointInspectResultKind::kQuantized
                                : contract::CheckpointInspectResultKind::kDense;
  out.family = config.family;
  out.architecture = config.architecture;
  out.dtype = main_dtype(store, names);
  out.layers = config.layers;
  out.hidden_size = config.hidden;
  out.intermediate_size = config.intermediate;
  out.heads = config.heads;
  out.kv_heads = config.kv_heads;
  out.head_dim = config.head_dim;
  out.vocabulary_size = config.vocabulary;
  out.context_length = config.context;
  out.sliding_window = config.sliding_window;
  out.tied_embeddings = config.tied_embeddings;
  out.size_bytes = store.size_bytes();
  out.fingerprint = model->fingerprint();

  Sizes sizes;
  std::int64_t all_elements = 0, matrix_elements = 0, outer_elements = 0;
  for (const std::string& name : names) {
    const TensorView& tensor = *store.find(name);
    sizes.tensors += static_cast<std::int64_t>(tensor.bytes.size());
    all_elements += tensor.count();
  }
  for (const MatrixSlot& slot : model->matrices()) {
    std::int64_t bytes = 0;
    for (const TensorView& tensor : tensors_of_linear(store, names, slot.name)) {
      bytes += static_cast<std::int64_t>(tensor.bytes.size());
      matrix_elements += tensor.count();
    }
    out.matrices.push_back({.name = slot.name + ".weight",
                            .layer = slot.layer,
                            .role = slot.role,
                            .rows = slot.rows,
                            .cols = slot.cols,
                            .stored_as = stored_as(store, slot.name),
                            .size_bytes = bytes});
    sizes.matrices += bytes;
    sizes.weights += slot.rows * slot.cols;
    sizes.shortest_row = sizes.shortest_row == 0 ? slot.cols : std::min(sizes.shortest_row, slot.cols);
  }
  const std::set<std::string> outer = {model->embedding_name(), model->head_name()};
  for (const std::string& name : outer)
    for (const TensorView& tensor : tensors_of_linear(store, names, name)) {
      out.embedding_bytes += static_cast<std::int64_t>(tensor.bytes.size());
      outer_elements += tensor.count();
    }
  out.other_bytes = sizes.tensors - sizes.matrices - out.embedding_bytes;
  out.bits_per_weight = 8.0 * static_cast<double>(sizes.matrices) / static_cast<double>(sizes.weights);
  // Of a packed matrix the weights count, not the words that hold them.
  out.parameters = all_elements - matrix_elements - outer_elements + sizes.weights +
                   static_cast<std::int64_t>(outer.size()) * config.vocabulary * config.hidden;
  if (const TensorView* head = store.find("lm_head.weight"); config.tied_embeddings && head != nullptr)
    out.parameters -= head->count();
  out.warnings = warnings_of(*model, sizes, out.dtype == "F32", out.embedding_bytes);
  if (model->quantized()) {
    SQUEEZE_ASSIGN(const ResultManifest manifest,
                   read_quantization_config(model->quantization_json(), model->folder()));
    out.recipe = manifest.recipe;
    if (!manifest.checkpoint_fingerprint.empty()) out.base_fingerprint = manifest.checkpoint_fingerprint;
  }
  return out;
}

}  // namespace squeeze
