// Llama 1, 2, 3 and what is built alike: Touvron et al., arXiv 2302.13971; "The Llama 3 herd", arXiv 2407.21783.

#include "archs/family.hpp"

namespace squeeze {

extern const Family kFamily_llama{
    .id = "llama",
    .architecture = "LlamaForCausalLM",
    .defaults = {.layers = 32,
                 .hidden = 4096,
                 .intermediate = 11008,
                 .heads = 32,
                 .vocabulary = 32000,
                 .context = 2048,
                 .norm_eps = 1e-6},
    .keys = {.attention_bias = "attention_bias", .output_bias = "attention_bias", .mlp_bias = "mlp_bias"},
    .embedding = "model.embed_tokens",
    .positions = nullptr,
    .final_norm = "model.norm",
    .layers = "model.layers.",
    .names = kLlamaNames,
    .finish = nullptr,
};

}  // namespace squeeze
