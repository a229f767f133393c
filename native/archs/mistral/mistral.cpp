// Mistral 7B: Jiang et al., arXiv 2310.06825. Llama with grouped queries and, in the first release, a sliding window.

#include "archs/family.hpp"

namespace squeeze {

namespace {

// Absent means the first release's 4096; later ones say null, which is no window.
Result<void> finish(const ConfigFields& fields, ModelConfig& config) {
  config.sliding_window = fields.maybe_integer("sliding_window", 1, 1 << 28);
  if (!config.sliding_window && !fields.is_null("sliding_window")) config.sliding_window = 4096;
  return {};
}

}  // namespace

extern const Family kFamily_mistral{
    .id = "mistral",
    .architecture = "MistralForCausalLM",
    .defaults = {.layers = 32,
                 .hidden = 4096,
                 .intermediate = 14336,
                 .heads = 32,
                 .kv_heads = 8,
                 .vocabulary = 32000,
                 .context = 131072,
                 .norm_eps = 1e-6},
    .keys = {},
    .embedding = "model.embed_tokens",
    .positions = nullptr,
    .final_norm = "model.norm",
    .layers = "model.layers.",
    .names = kLlamaNames,
    .finish = finish,
};

}  // namespace squeeze
