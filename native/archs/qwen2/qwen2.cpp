// Qwen2 and Qwen2.5: arXiv 2407.10671, arXiv 2412.15115. Llama with biases on q, k and v.

#include "archs/family.hpp"

namespace squeeze {

extern const Family kFamily_qwen2{
    .id = "qwen2",
    .architecture = "Qwen2ForCausalLM",
    .defaults = {.layers = 32,
                 .hidden = 4096,
                 .intermediate = 22016,
                 .heads = 32,
                 .kv_heads = 32,
                 .vocabulary = 151936,
                 .context = 32768,
                 .norm_eps = 1e-6,
                 .attention_bias = true},
    .keys = {},
    .embedding = "model.embed_tokens",
    .positions = nullptr,
    .final_norm = "model.norm",
    .layers = "model.layers.",
    .names = kLlamaNames,
    .finish = read_layer_windows,
};

}  // namespace squeeze
