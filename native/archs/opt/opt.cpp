// OPT: Zhang et al., arXiv 2205.01068. Learned positions whose table begins with two unused rows, LayerNorm before each
// block, ReLU. The published 350M normalises after the blocks and projects its embedding: refused.

#include "archs/family.hpp"

namespace squeeze {

namespace {

Result<void> finish(const ConfigFields& fields, ModelConfig& config) {
  if (!fields.flag("do_layer_norm_before", true))
    return unsupported("layer norms after the blocks (do_layer_norm_before is false)");
  if (fields.flag("_remove_final_layer_norm", false)) return unsupported("no final layer norm");
  if (!fields.flag("layer_norm_elementwise_affine", true))
    return unsupported("layer norms without weights (layer_norm_elementwise_affine is false)");
  const std::int64_t projected = fields.integer("word_embed_proj_dim", config.hidden, 1, 1 << 20);
  if (projected != config.hidden)
    return unsupported("an embedding of another width than the model (word_embed_proj_dim is " +
                       std::to_string(projected) + ", hidden_size " + std::to_string(config.hidden) + ")");
  return {};
}

}  // namespace

extern const Family kFamily_opt{
    .id = "opt",
    .architecture = "OPTForCausalLM",
    .defaults = {.layers = 12,
                 .hidden = 768,
                 .intermediate = 3072,
                 .heads = 12,
                 .vocabulary = 50272,
                 .context = 2048,
                 .norm_eps = 1e-5,
                 .tied_embeddings = true,
                 .attention_bias = true,
                 .output_bias = true,
                 .mlp_bias = true,
                 .norm = NormKind::kLayer,
                 .mlp = MlpKind::kRelu,
                 .positions = PositionKind::kLearned,
                 .position_offset = 2},
    .keys = {.intermediate = "ffn_dim",
             .activation = "activation_function",
             .norm_eps = nullptr,
             .kv_heads = nullptr,
             .head_dim = nullptr,
             .attention_bias = "enable_bias",
             .output_bias = "enable_bias",
             .mlp_bias = "enable_bias"},
    .embedding = "model.decoder.embed_tokens",
    .positions = "model.decoder.embed_positions",
    .final_norm = "model.decoder.final_layer_norm",
    .layers = "model.decoder.layers.",
    .names = {.q = "self_attn.q_proj",
              .k = "self_attn.k_proj",
              .v = "self_attn.v_proj",
              .o = "self_attn.out_proj",
              .gate = nullptr,
              .up = "fc1",
              .down = "fc2",
              .attention_norm = "self_attn_layer_norm",
              .mlp_norm = "final_layer_norm"},
    .finish = finish,
};

}  // namespace squeeze
