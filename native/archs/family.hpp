#pragma once
// What tells one family of models from another, as data: one small file in a folder of its own for each. The decoder
// itself is the same for all.

#include <span>
#include <string>

#include "archs/config_fields.hpp"
#include "archs/model.hpp"

namespace squeeze {

// Names of the tensors in a layer, after its prefix and without ".weight"; nullptr for what the family has not.
struct LayerNames {
  const char *q, *k, *v, *o;
  const char *gate, *up, *down;
  const char *attention_norm, *mlp_norm;
  const char *q_norm = nullptr, *k_norm = nullptr;
};

// Llama's names, which most families took over.
inline constexpr LayerNames kLlamaNames = {.q = "self_attn.q_proj",
                                           .k = "self_attn.k_proj",
                                           .v = "self_attn.v_proj",
                                           .o = "self_attn.o_proj",
                                           .gate = "mlp.gate_proj",
                                           .up = "mlp.up_proj",
                                           .down = "mlp.down_proj",
                                           .attention_norm = "input_layernorm",
                                           .mlp_norm = "post_attention_layernorm"};

// Fields of config.json that are not called the same everywhere; nullptr: the family has no such field, and the default
// below holds.
struct ConfigKeys {
  const char* intermediate = "intermediate_size";
  const char* activation = "hidden_act";
  const char* norm_eps = "rms_norm_eps";
  const char* kv_heads = "num_key_value_heads";
  const char* head_dim = "head_dim";
  const char* attention_bias = nullptr;
  const char* output_bias = nullptr;
  const char* mlp_bias = nullptr;
};

struct Family {
  const char* id;            // model_type
  const char* architecture;  // class name
  // What holds when config.json does not say, as in the family's configuration class; heads of 0 mean "as the query
  // heads", a head_dim of 0 means hidden / heads.
  ModelConfig defaults;
  ConfigKeys keys;
  const char* embedding;  // "model.embed_tokens"
  const char* positions;  // learned positions, or nullptr
  const char* final_norm;
  const char* layers;  // what stands before "<index>."
  LayerNames names;
  // Reads what only this family has, and refuses the variants that the decoder does not compute. nullptr: nothing.
  Result<void> (*finish)(const ConfigFields& fields, ModelConfig& config);
};

// Every folder of archs/, from the list that the build makes.
std::span<const Family* const> all_archs();

// kArchitectureUnsupported: names what was found and the families there are.
Error unsupported(const std::string& found);

// The family that config.json names, and its config, checked. kFileMalformed or kArchitectureUnsupported.
Result<const Family*> family_of(const ConfigFields& fields);
Result<ModelConfig> read_config(const Family& family, const ConfigFields& fields);

// Settings of a sliding window that begins at some layer, as Qwen2 and Qwen3 have it ("use_sliding_window",
// "max_window_layers", "layer_types"). A window over every layer and a window over none are supported; a mix is
// refused.
Result<void> read_layer_windows(const ConfigFields& fields, ModelConfig& config);

}  // namespace squeeze
