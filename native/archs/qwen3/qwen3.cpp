// Qwen3: arXiv 2505.09388. Llama with a head size of its own and an RMSNorm over each head of q and k.

#include "archs/family.hpp"

namespace squeeze {

namespace {

constexpr LayerNames names() {
  LayerNames names = kLlamaNames;
  names.q_norm = "self_attn.q_norm";
  names.k_norm = "self_attn.k_norm";
  return names;
}

}  // namespace

extern const Family kFamily_qwen3{
    .id = "qwen3",
    .architecture = "Qwen3ForCausalLM",
    .defaults = {.layers = 32,
                 .hidden = 4096,
                 .intermediate = 22016,
                 .heads = 32,
                 .kv_heads = 32,
                 .head_dim = 128,
                 .vocabulary = 151936,
                 .context = 32768,
                 .norm_eps = 1e-6,
                 .qk_norm = true},
    .keys = {.attention_bias = "attention_bias", .output_bias = "attention_bias"},
    .embedding = "model.embed_tokens",
    .positions = nullptr,
    .final_norm = "model.norm",
    .layers = "model.layers.",
    .names = names(),
    .finish = read_layer_windows,
};

}  // namespace squeeze
