#include <algorithm>

#include "archs/device_model.hpp"

namespace squeeze {

namespace {

// Beside weights and cache: a decoded matrix, a prompt's activations, its logits, and what a matrix library takes.
std::int64_t working_bytes(const ModelConfig& c) {
  constexpr std::int64_t prompt_rows = 512, others = std::int64_t{160} << 20;
  const std::int64_t q_width = c.heads * c.head_dim, widest = std::max(c.intermediate, q_width);
  return 2 * widest * c.hidden + 4 * prompt_rows * (2 * c.hidden + 3 * q_width + 4 * c.intermediate) + others;
}

void upload(Stream& stream, const std::vector<float>& values, DeviceArray<float>& to) {
  if (!values.empty()) to.assign(stream, values);
}

Result<void> upload(Stream& stream, const std::shared_ptr<const LinearWeight>& weight, const std::vector<float>& bias,
                    DeviceLinear& to) {
  if (!weight) return {};
  SQUEEZE_ASSIGN(to.weight, upload_weight(stream, *weight));
  to.bfloat16 = weight->stored_as() == "BF16";
  upload(stream, bias, to.bias);
  return {};
}

Result<DeviceLayer> upload_layer(Stream& stream, const LayerWeights& w, const ModelConfig& c, std::int64_t context) {
  DeviceLayer layer{.cache = DeviceLayerCache(stream, c.kv_heads, context, c.head_dim)};
  SQUEEZE_TRY(upload(stream, w.q, w.q_bias, layer.q));
  SQUEEZE_TRY(upload(stream, w.k, w.k_bias, layer.k));
  SQUEEZE_TRY(upload(stream, w.v, w.v_bias, layer.v));
  SQUEEZE_TRY(upload(stream, w.o, w.o_bias, layer.o));
  SQUEEZE_TRY(upload(stream, w.gate, w.gate_bias, layer.gate));
  SQUEEZE_TRY(upload(stream, w.up, w.up_bias, layer.up));
  SQUEEZE_TRY(upload(stream, w.down, w.down_bias, layer.down));
  upload(stream, w.attention_norm, layer.attention_norm.weight);
  upload(stream, w.attention_norm_bias, layer.attention_norm.bias);
  upload(stream, w.mlp_norm, layer.mlp_norm.weight);
  upload(stream, w.mlp_norm_bias, layer.mlp_norm.bias);
  upload(stream, w.q_norm, layer.q_norm);
  upload(stream, w.k_norm, layer.k_norm);
  SQUEEZE_TRY(stream.finish());
  return layer;
}

std::int64_t size_of_linear(const DeviceLinear& linear) {
  return (linear ? linear.weight->size_bytes() : 0) + linear.bias.size_bytes();
}

// What a checkpoint's tensors come to on the device: 32-bit floats become 16-bit ones, all else stays as it is.
std::int64_t bytes_needed(const Model& model, std::int64_t context) {
  const ModelConfig& c = model.config();
  std::int64_t weights = 0;
  for (const std::string& name : model.store().names()) {
    const TensorView* tensor = model.store().find(name);
    const bool halved = tensor->dtype == DType::kF32 && tensor->shape.size() == 2 && !model.quantized();
    weights += static_cast<std::int64_t>(tensor->bytes.size()) / (halved ? 2 : 1);
  }
  return weights + c.layers * DeviceLayerCache::bytes_for(c.kv_heads, context, c.head_dim) + working_bytes(c);
}

std::string gigabytes(std::int64_t bytes) {
  const std::int64_t tenths = (bytes + 50'000'000) / 100'000'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GB";
}

}  // namespace

Result<std::unique_ptr<DeviceModel>> DeviceModel::upload(Stream& stream, const Model& model, std::int64_t context) {
  const std::int64_t needed = bytes_needed(model, context), free = stream.device().free_bytes;
  if (needed > free)
    return Error{.code = ErrorCode::kOutOfMemory,
                 .message = "The model needs " + gigabytes(needed) + " of the GPU's memory with a context of " +
                            std::to_string(context) + " tokens, and " + gigabytes(free) + " are free on " +
                            stream.device().name + ".",
                 .hint = "A shorter context or fewer bits need less; so does the processor instead of the GPU."};
  Source source{.config = model.config(),
                .layer = [&](std::int64_t i) { return model.layer(i); },
                .let_go = [&] { model.store().let_go(); }};
  SQUEEZE_ASSIGN(source.embedding, model.embedding());
  if (!model.config().tied_embeddings) {
    SQUEEZE_ASSIGN(source.head, model.head());
  }
  SQUEEZE_ASSIGN(source.positions, model.positions());
  SQUEEZE_ASSIGN(source.final_norm, model.final_norm());
  SQUEEZE_ASSIGN(source.final_norm_bias, model.final_norm_bias());
  return upload(stream, source, context);
}

Result<std::unique_ptr<DeviceModel>> DeviceModel::upload(Stream& stream, const Source& source, std::int64_t context) {
  const ModelConfig& c = source.config;
  if (c.positions == PositionKind::kLearned && context > c.context)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "The model has learned " + std::to_string(c.context) + " positions, and " +
                            std::to_string(context) + " were asked for."};
  std::unique_ptr<DeviceModel> model(new DeviceModel());
  model->config_ = c;
  model->context_ = context;
  SQUEEZE_TRY(model->take_embedding(stream, source));
  squeeze::upload(stream, source.final_norm, model->final_norm_.weight);
  squeeze::upload(stream, source.final_norm_bias, model->final_norm_.bias);
  if (c.positions == PositionKind::kRotary)
    model->rope_.emplace(stream, RopeTable(context, c.head_dim, c.rope_theta, c.llama3_scaling));
  for (std::int64_t i = 0; i < c.layers; ++i) {
    SQUEEZE_ASSIGN(const LayerWeights weights, source.layer(i));
    SQUEEZE_ASSIGN(auto layer, upload_layer(stream, weights, c, context));
    model->layers_.push_back(std::move(layer));
    source.let_go();
  }
  SQUEEZE_TRY(stream.finish());
  return model;
}

Result<void> DeviceModel::take_embedding(Stream& stream, const Source& source) {
  SQUEEZE_TRY(squeeze::upload(stream, source.embedding, {}, embedding_));
  SQUEEZE_TRY(squeeze::upload(stream, source.head, {}, head_));
  const DeviceWeight& rows = *embedding_.weight;
  table_ = {.halves = {rows.plain_half(), rows.rows(), rows.cols()},
            .bfloats = {rows.plain_bfloat16(), rows.rows(), rows.cols()}};
  if (table_.halves.data == nullptr && table_.bfloats.data == nullptr) {
    if (embedding_.bfloat16) {
      const auto own = own_bfloats_.matrix(stream, rows.rows(), rows.cols());
      rows.dequantize(stream, 0, own);
      table_.bfloats = own;
    } else {
      const auto own = own_halves_.matrix(stream, rows.rows(), rows.cols());
      rows.dequantize(stream, 0, own);
      table_.halves = own;
    }
  }
  if (source.positions) {
    const std::int64_t offset = source.config.position_offset;
    Matrix<float> host(source.positions->rows() - offset, source.positions->cols());
    source.positions->dequantize_rows(offset, host.view());
    const auto there = position_rows_.matrix(stream, host.rows, host.cols);
    stream.upload(there, host.values.data());
    positions_ = there;
  }
  return stream.finish();
}

std::int64_t DeviceModel::size_bytes() const {
  std::int64_t bytes = size_of_linear(embedding_) + size_of_linear(head_) + own_halves_.size_bytes() +
                       own_bfloats_.size_bytes() + position_rows_.size_bytes();
  for (const DeviceLayer& layer : layers_) {
    for (const DeviceLinear* linear : {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down})
      bytes += size_of_linear(*linear);
    bytes += layer.cache.size_bytes();
  }
  return bytes;
}

AttentionShape DeviceModel::attention_shape() const {
  return {.heads = config_.heads,
          .kv_heads = config_.kv_heads,
          .head_dim = config_.head_dim,
          .window = config_.sliding_window.value_or(0)};
}

DeviceHeadPreparation DeviceModel::preparation(const DeviceLayer& layer) const {
  return {.rope = rope(),
          .q_norm = layer.q_norm.data(),
          .k_norm = layer.k_norm.data(),
          .eps = static_cast<float>(config_.norm_eps)};
}

FewInput DeviceModel::normed(const DeviceNorm& norm, DeviceView<const float> x) const {
  return {.x = x,
          .norm_weight = norm.weight.data(),
          .norm_bias = norm.bias.data(),
          .eps = static_cast<float>(config_.norm_eps)};
}

}  // namespace squeeze
