#pragma once
// For tests: random checkpoints of any family, small enough for gradients by differences.

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "archs/family.hpp"
#include "tensor/safetensors.hpp"

namespace squeeze {

// config.json of a small model; each has something of its own: grouped queries, windows, scaling, tied embeddings.
inline std::string tiny_config(const std::string& family) {
  const std::string sizes = R"("hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 23,
    "max_position_embeddings": 32, "initializer_range": 0.02, )";
  const std::string gated = sizes + R"("intermediate_size": 20, "num_key_value_heads": 1, "hidden_act": "silu", )";
  if (family == "llama")
    return "{\"model_type\": \"llama\", " + gated + R"("rms_norm_eps": 1e-5, "attention_bias": true, "mlp_bias": true,
      "rope_theta": 10000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
      "high_freq_factor": 4.0, "original_max_position_embeddings": 16}, "torch_dtype": "float32"})";
  if (family == "mistral") return "{\"model_type\": \"mistral\", " + gated + R"("head_dim": 8, "sliding_window": 3})";
  if (family == "qwen2")
    return "{\"model_type\": \"qwen2\", " + gated + R"("tie_word_embeddings": true, "use_sliding_window": false,
      "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}, "dtype": "float32"})";
  if (family == "qwen3") return "{\"model_type\": \"qwen3\", " + gated + R"("head_dim": 8})";
  return "{\"model_type\": \"opt\", " + sizes + R"("ffn_dim": 20, "word_embed_proj_dim": 12,
    "activation_function": "relu"})";
}

struct TinyTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

inline void put_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

inline void write_tensors(const std::filesystem::path& path, const std::vector<TinyTensor>& tensors) {
  std::vector<TensorSource> sources;
  for (const TinyTensor& t : tensors)
    sources.push_back(tensor_source(t.name, DType::kF32, t.shape, std::span(t.values)));
  const auto written = write_safetensors(path, sources, {});
  REQUIRE(written.ok());
}

// Writes config.json into `folder` and gives the tensors that the family then needs, filled at random.
inline std::vector<TinyTensor> tiny_tensors(const std::filesystem::path& folder, const std::string& config,
                                            std::uint32_t seed = 1) {
  put_text(folder / "config.json", config);
  const auto fields = ConfigFields::read(folder / "config.json");
  REQUIRE(fields.ok());
  const auto family = family_of(fields.value());
  REQUIRE(family.ok());
  const auto read = read_config(*family.value(), fields.value());
  REQUIRE(read.ok());
  const Family& f = *family.value();
  const ModelConfig& c = read.value();

  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<TinyTensor> tensors;
  const auto add = [&](const std::string& name, std::vector<std::int64_t> shape, float scale, float center = 0) {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = center + scale * uniform(random);
    tensors.push_back({name, std::move(shape), std::move(values)});
  };
  const auto norm = [&](const std::string& name, std::int64_t size, bool bias) {
    add(name + ".weight", {size}, 0.3f, 1);
    if (bias) add(name + ".bias", {size}, 0.3f);
  };
  const auto linear = [&](const std::string& name, std::int64_t rows, std::int64_t cols, bool bias) {
    add(name + ".weight", {rows, cols}, 0.6f);
    if (bias) add(name + ".bias", {rows}, 0.3f);
  };
  const bool layer_norm = c.norm == NormKind::kLayer;
  add(std::string(f.embedding) + ".weight", {c.vocabulary, c.hidden}, 1);
  if (f.positions) add(std::string(f.positions) + ".weight", {c.context + c.position_offset, c.hidden}, 1);
  for (std::int64_t i = 0; i < c.layers; ++i) {
    const std::string prefix = f.layers + std::to_string(i) + ".";
    const std::int64_t q = c.heads * c.head_dim, kv = c.kv_heads * c.head_dim;
    linear(prefix + f.names.q, q, c.hidden, c.attention_bias);
    linear(prefix + f.names.k, kv, c.hidden, c.attention_bias);
    linear(prefix + f.names.v, kv, c.hidden, c.attention_bias);
    linear(prefix + f.names.o, c.hidden, q, c.output_bias);
    if (f.names.gate) linear(prefix + f.names.gate, c.intermediate, c.hidden, c.mlp_bias);
    linear(prefix + f.names.up, c.intermediate, c.hidden, c.mlp_bias);
    linear(prefix + f.names.down, c.hidden, c.intermediate, c.mlp_bias);
    norm(prefix + f.names.attention_norm, c.hidden, layer_norm);
    norm(prefix + f.names.mlp_norm, c.hidden, layer_norm);
    if (c.qk_norm) norm(prefix + f.names.q_norm, c.head_dim, false);
    if (c.qk_norm) norm(prefix + f.names.k_norm, c.head_dim, false);
  }
  norm(f.final_norm, c.hidden, layer_norm);
  if (!c.tied_embeddings) add("lm_head.weight", {c.vocabulary, c.hidden}, 0.6f);
  return tensors;
}

inline std::vector<TinyTensor> write_tiny_checkpoint(const std::filesystem::path& folder, const std::string& family,
                                                     std::uint32_t seed = 1) {
  auto tensors = tiny_tensors(folder, tiny_config(family), seed);
  write_tensors(folder / "model.safetensors", tensors);
  return tensors;
}

}  // namespace squeeze
