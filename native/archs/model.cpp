#include "archs/model.hpp"

#include <algorithm>
#include <cassert>
#include <map>

#include "archs/family.hpp"
#include "archs/fingerprint.hpp"

namespace squeeze {

namespace fs = std::filesystem;

namespace {

constexpr const char* kOwnMethod = "squeeze-studio";

std::string layer_prefix(const Family& family, std::int64_t layer) {
  return family.layers + std::to_string(layer) + ".";
}

Result<void> check_vector(const TensorStore& store, const std::string& name, std::int64_t size) {
  SQUEEZE_ASSIGN(const TensorView tensor, store.require(name));
  if (!is_weight_dtype(tensor.dtype))
    return refused(tensor, "is " + std::string(name_of(tensor.dtype)) + "; F32, F16 or BF16 was expected");
  return expect_shape(tensor, {size});
}

bool is_stored(const TensorStore& store, const std::string& linear) {
  return std::ranges::any_of(all_formats(), [&](const Format* format) { return format->holds(store, linear); });
}

// A dense matrix is checked here; what another layout holds is checked by that layout when it is loaded.
Result<void> check_matrix(const TensorStore& store, const std::string& name, std::int64_t rows, std::int64_t cols) {
  if (const TensorView* tensor = store.find(name + ".weight")) {
    if (!is_weight_dtype(tensor->dtype))
      return refused(*tensor, "is " + std::string(name_of(tensor->dtype)) + "; F32, F16 or BF16 was expected");
    return expect_shape(*tensor, {rows, cols});
  }
  if (is_stored(store, name)) return {};
  return std::move(store.require(name + ".weight")).error();
}

Result<std::vector<float>> read_vector(const TensorStore& store, const std::string& name) {
  SQUEEZE_ASSIGN(const TensorView tensor, store.require(name));
  return read_finite_floats(tensor);
}

std::vector<MatrixSlot> slots_of(const Family& family, const ModelConfig& c) {
  const std::int64_t q = c.heads * c.head_dim, kv = c.kv_heads * c.head_dim;
  const bool gated = c.mlp == MlpKind::kGatedSilu;
  std::vector<MatrixSlot> slots;
  for (std::int64_t layer = 0; layer < c.layers; ++layer) {
    const std::string prefix = layer_prefix(family, layer);
    const auto add = [&](const char* name, const char* role, std::int64_t rows, std::int64_t cols) {
      slots.push_back({prefix + name, layer, role, rows, cols});
    };
    add(family.names.q, "q", q, c.hidden);
    add(family.names.k, "k", kv, c.hidden);
    add(family.names.v, "v", kv, c.hidden);
    add(family.names.o, "o", c.hidden, q);
    if (gated) add(family.names.gate, "gate", c.intermediate, c.hidden);
    add(family.names.up, gated ? "up" : "fc1", c.intermediate, c.hidden);
    add(family.names.down, gated ? "down" : "fc2", c.hidden, c.intermediate);
  }
  return slots;
}

bool has_bias(const ModelConfig& c, const std::string& role) {
  if (role == "q" || role == "k" || role == "v") return c.attention_bias;
  return role == "o" ? c.output_bias : c.mlp_bias;
}

Result<void> check_tensors(const TensorStore& store, const Family& family, const ModelConfig& c,
                           const std::vector<MatrixSlot>& slots) {
  const auto check_norm = [&](const std::string& name) -> Result<void> {
    SQUEEZE_TRY(check_vector(store, name + ".weight", c.hidden));
    if (c.norm == NormKind::kLayer) SQUEEZE_TRY(check_vector(store, name + ".bias", c.hidden));
    return {};
  };
  for (const MatrixSlot& slot : slots) {
    SQUEEZE_TRY(check_matrix(store, slot.name, slot.rows, slot.cols));
    if (has_bias(c, slot.role)) SQUEEZE_TRY(check_vector(store, slot.name + ".bias", slot.rows));
  }
  for (std::int64_t layer = 0; layer < c.layers; ++layer) {
    const std::string prefix = layer_prefix(family, layer);
    SQUEEZE_TRY(check_norm(prefix + family.names.attention_norm));
    SQUEEZE_TRY(check_norm(prefix + family.names.mlp_norm));
    if (!c.qk_norm) continue;
    SQUEEZE_TRY(check_vector(store, prefix + family.names.q_norm + ".weight", c.head_dim));
    SQUEEZE_TRY(check_vector(store, prefix + family.names.k_norm + ".weight", c.head_dim));
  }
  SQUEEZE_TRY(check_norm(family.final_norm));
  if (family.positions) SQUEEZE_TRY(check_matrix(store, family.positions, c.context + c.position_offset, c.hidden));
  return {};
}

// The parsed fields, not the file's text: the same model saved by another version of a library has the same name.
void add_config(Fingerprint& hash, const ModelConfig& c) {
  hash.add(c.family);
  for (const std::int64_t value :
       {c.layers, c.hidden, c.intermediate, c.heads, c.kv_heads, c.head_dim, c.vocabulary, c.context,
        c.sliding_window.value_or(0), c.position_offset, static_cast<std::int64_t>(c.tied_embeddings),
        static_cast<std::int64_t>(c.attention_bias), static_cast<std::int64_t>(c.output_bias),
        static_cast<std::int64_t>(c.mlp_bias), static_cast<std::int64_t>(c.qk_norm)})
    hash.add(value);
  hash.add(c.norm_eps);
  hash.add(c.rope_theta);
  if (!c.llama3_scaling) return;
  hash.add(c.llama3_scaling->factor);
  hash.add(c.llama3_scaling->low_freq_factor);
  hash.add(c.llama3_scaling->high_freq_factor);
  hash.add(c.llama3_scaling->original_context);
}

void add_tensor(Fingerprint& hash, const TensorView& tensor) {
  constexpr std::size_t pieces = 16, piece_bytes = 256;
  hash.add(tensor.name);
  hash.add(name_of(tensor.dtype));
  for (const std::int64_t size : tensor.shape) hash.add(size);
  const auto bytes = tensor.bytes;
  if (bytes.size() <= pieces * piece_bytes) return hash.add(bytes);
  for (std::size_t i = 0; i < pieces; ++i)
    hash.add(bytes.subspan((bytes.size() - piece_bytes) / (pieces - 1) * i, piece_bytes));
}

std::string fingerprint_of(const TensorStore& store, const ModelConfig& config) {
  Fingerprint hash;
  add_config(hash, config);
  for (const std::string& name : store.names()) add_tensor(hash, *store.find(name));
  return hash.hex();
}

}  // namespace

std::shared_ptr<const LinearWeight>& LayerWeights::linear(std::string_view role) {
  if (role == "q") return q;
  if (role == "k") return k;
  if (role == "v") return v;
  if (role == "o") return o;
  if (role == "gate") return gate;
  if (role == "up" || role == "fc1") return up;
  assert(role == "down" || role == "fc2");
  return down;
}

std::vector<const LinearWeight*> LayerWeights::linears() const {
  std::vector<const LinearWeight*> there;
  for (const auto& linear : {q, k, v, o, gate, up, down})
    if (linear) there.push_back(linear.get());
  return there;
}

bool LayerWeights::pack(const DecodePath& path) {
  bool any = false;
  for (auto* const linear : {&q, &k, &v, &o, &gate, &up, &down}) {
    if (!*linear) continue;
    if (auto packed = (*linear)->packed(path)) {
      *linear = std::move(packed);
      any = true;
    }
  }
  return any;
}

Result<std::shared_ptr<const Model>> Model::open(const fs::path& path) {
  std::error_code ignored;
  const bool is_file = fs::is_regular_file(path, ignored);
  const std::shared_ptr<Model> model(new Model);
  model->folder_ = is_file ? path.parent_path() : path;
  if (model->folder_.empty()) model->folder_ = ".";
  if (!fs::exists(path, ignored))
    return Error{.code = ErrorCode::kFileNotFound, .message = path.string() + " does not exist."};

  // Any of a folder's safetensors files stands for the folder. Another kind of file is refused for what it is, before
  // anything is missed beside it.
  const bool by_folder = !is_file || path.extension() == ".safetensors";
  if (!by_folder) {
    SQUEEZE_ASSIGN(model->store_, TensorStore::open(path));
  }
  SQUEEZE_ASSIGN(const ConfigFields fields, ConfigFields::read(model->folder_ / "config.json"));
  SQUEEZE_ASSIGN(model->family_, family_of(fields));
  const Family& family = *model->family_;
  SQUEEZE_ASSIGN(model->config_, read_config(family, fields));
  const ModelConfig& c = model->config_;

  if (fields.has("quantization_config")) {
    const std::string method = fields.object("quantization_config").text("quant_method", "unnamed");
    SQUEEZE_TRY(fields.status());
    if (method != kOwnMethod)
      return Error{.code = ErrorCode::kArchitectureUnsupported,
                   .message = "This model is already quantized by \"" + method +
                              "\"; full-precision checkpoints and results of this studio are supported.",
                   .hint = "Open the full-precision checkpoint that it was made from."};
    model->quantized_ = true;
    model->quantization_json_ = fields.json_text("quantization_config");
  }

  if (by_folder) {
    SQUEEZE_ASSIGN(model->store_, TensorStore::open(model->folder_));
  }
  const TensorStore& store = model->store_;
  model->matrices_ = slots_of(family, c);
  model->embedding_name_ = family.embedding;
  model->head_name_ = "lm_head";
  if (c.tied_embeddings) {
    // A file may hold either of a tied pair, or both; then the embedding is the one that counts.
    const bool only_head = !is_stored(store, model->embedding_name_) && is_stored(store, model->head_name_);
    (only_head ? model->embedding_name_ : model->head_name_) = only_head ? model->head_name_ : model->embedding_name_;
  }
  SQUEEZE_TRY(check_matrix(store, model->embedding_name_, c.vocabulary, c.hidden));
  SQUEEZE_TRY(check_matrix(store, model->head_name_, c.vocabulary, c.hidden));
  SQUEEZE_TRY(check_tensors(store, family, c, model->matrices_));
  model->fingerprint_ = fingerprint_of(store, c);
  return std::shared_ptr<const Model>(model);
}

Result<std::shared_ptr<const LinearWeight>> Model::linear(const MatrixSlot& slot) const {
  return load_linear(store_, slot.name, slot.rows, slot.cols);
}

Result<LayerWeights> Model::layer(std::int64_t index) const {
  LayerWeights w;
  const std::map<std::string_view, std::vector<float>*> biases = {
      {"q", &w.q_bias},   {"k", &w.k_bias},       {"v", &w.v_bias},    {"o", &w.o_bias},     {"gate", &w.gate_bias},
      {"up", &w.up_bias}, {"down", &w.down_bias}, {"fc1", &w.up_bias}, {"fc2", &w.down_bias}};
  const auto in_layer = static_cast<std::int64_t>(matrices_.size()) / config_.layers;
  for (const MatrixSlot& slot : std::span(matrices_).subspan(index * in_layer, in_layer)) {
    SQUEEZE_ASSIGN(w.linear(slot.role), linear(slot));
    if (!has_bias(config_, slot.role)) continue;
    SQUEEZE_ASSIGN(*biases.at(slot.role), read_vector(store_, slot.name + ".bias"));
  }

  const std::string prefix = layer_prefix(*family_, index);
  const LayerNames& names = family_->names;
  SQUEEZE_ASSIGN(w.attention_norm, read_vector(store_, prefix + names.attention_norm + ".weight"));
  SQUEEZE_ASSIGN(w.mlp_norm, read_vector(store_, prefix + names.mlp_norm + ".weight"));
  if (config_.norm == NormKind::kLayer) {
    SQUEEZE_ASSIGN(w.attention_norm_bias, read_vector(store_, prefix + names.attention_norm + ".bias"));
    SQUEEZE_ASSIGN(w.mlp_norm_bias, read_vector(store_, prefix + names.mlp_norm + ".bias"));
  }
  if (config_.qk_norm) {
    SQUEEZE_ASSIGN(w.q_norm, read_vector(store_, prefix + names.q_norm + ".weight"));
    SQUEEZE_ASSIGN(w.k_norm, read_vector(store_, prefix + names.k_norm + ".weight"));
  }
  return w;
}

Result<std::shared_ptr<const LinearWeight>> Model::embedding() const {
  return load_linear(store_, embedding_name_, config_.vocabulary, config_.hidden);
}

Result<std::shared_ptr<const LinearWeight>> Model::head() const {
  return load_linear(store_, head_name_, config_.vocabulary, config_.hidden);
}

Result<std::shared_ptr<const LinearWeight>> Model::positions() const {
  if (!family_->positions) return std::shared_ptr<const LinearWeight>();
  return load_linear(store_, family_->positions, config_.context + config_.position_offset, config_.hidden);
}

Result<std::vector<float>> Model::final_norm() const {
  return read_vector(store_, std::string(family_->final_norm) + ".weight");
}

Result<std::vector<float>> Model::final_norm_bias() const {
  if (config_.norm != NormKind::kLayer) return std::vector<float>();
  return read_vector(store_, std::string(family_->final_norm) + ".bias");
}

}  // namespace squeeze
