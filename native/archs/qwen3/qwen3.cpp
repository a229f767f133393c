// Qwen3: arXiv 2505.09388. Llama with a head size of its own and an RMSNorm over each head of q and k.

#include "archs/family.hpp"

namespace squeeze {

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
    .names = {.q = "self_attn.q_proj",
              .k = "self_attn.k_proj",
              .v = "self_attn.v_proj",
              .o = "self_attn.o_proj",
              .gate = "mlp.gate_proj",
              .up = "mlp.up_proj",
              .down = "mlp.down_proj",
              .attention_norm = "input_layernorm",
              .mlp_norm = "post_attention_layernorm",
              .q_norm = "self_attn.q_norm",
              .k_norm = "self_attn.k_norm"},
    .finish = read_layer_windows,
};

}  // namespace squeeze
