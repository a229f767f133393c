#include "archs/family.hpp"

#include <algorithm>

namespace squeeze {

namespace {

// Larger than any model there is; what lies beyond would only overflow a product of sizes somewhere.
constexpr std::int64_t kMostLayers = 4096, kMostHeads = 4096, kMostHeadDim = 4096;
constexpr std::int64_t kMostWidth = 1 << 20, kMostVocabulary = 1 << 24, kMostContext = 1 << 28;

// Rotary settings: "rope_parameters" since transformers 5, "rope_theta" and "rope_scaling" before.
Result<void> read_rope(const ConfigFields& fields, ModelConfig& config) {
  const bool renamed = fields.has("rope_parameters");
  const ConfigFields rope = fields.object(renamed ? "rope_parameters" : "rope_scaling");
  config.rope_theta = fields.number("rope_theta", config.rope_theta, 1, 1e12);
  if (renamed) config.rope_theta = rope.number("rope_theta", config.rope_theta, 1, 1e12);
  for (const ConfigFields* at : {&fields, &rope})
    if (at->number("partial_rotary_factor", 1, 0, 1) != 1)
      return unsupported("rotary positions on a part of each head (partial_rotary_factor)");
  const std::string type = rope.text("rope_type", rope.text("type", "default"));
  if (type == "llama3") {
    RopeScaling scaling{};
    scaling.factor = rope.number("factor", 8, 1, 1e6);
    scaling.low_freq_factor = rope.number("low_freq_factor", 1, 1e-6, 1e6);
    scaling.high_freq_factor = rope.number("high_freq_factor", 4, 1e-6, 1e6);
    scaling.original_context = rope.integer("original_max_position_embeddings", 8192, 1, kMostContext);
    if (scaling.high_freq_factor <= scaling.low_freq_factor)
      return Error{.code = ErrorCode::kFileMalformed,
                   .message = "config.json: high_freq_factor of the rotary scaling must be above low_freq_factor."};
    config.llama3_scaling = scaling;
  } else if (type != "default") {
    return unsupported("rotary scaling \"" + type + "\" (supported: default, llama3)");
  }
  return {};
}

}  // namespace

std::vector<std::string> supported_families() {
  std::vector<std::string> ids;
  for (const Family* family : all_archs()) ids.emplace_back(family->id);
  return ids;
}

Error unsupported(const std::string& found) {
  std::string list;
  for (const std::string& id : supported_families()) list += (list.empty() ? "" : ", ") + id;
  return {.code = ErrorCode::kArchitectureUnsupported,
          .message = "This model cannot be computed yet: it has " + found + ". Supported families: " + list + "."};
}

Result<const Family*> family_of(const ConfigFields& fields) {
  const std::string type = fields.text("model_type", "");
  SQUEEZE_TRY(fields.status());
  for (const Family* family : all_archs())
    if (type == family->id) return family;
  return unsupported(type.empty() ? "no model_type in its config.json" : "the architecture \"" + type + "\"");
}

Result<ModelConfig> read_config(const Family& family, const ConfigFields& fields) {
  const ConfigKeys& keys = family.keys;
  ModelConfig c = family.defaults;
  c.family = family.id;
  const auto classes = fields.texts("architectures");
  c.architecture = classes.empty() ? family.architecture : classes.front();
  c.layers = fields.integer("num_hidden_layers", c.layers, 1, kMostLayers);
  c.hidden = fields.integer("hidden_size", c.hidden, 1, kMostWidth);
  c.intermediate = fields.integer(keys.intermediate, c.intermediate, 1, kMostWidth);
  c.heads = fields.integer("num_attention_heads", c.heads, 1, kMostHeads);
  c.vocabulary = fields.integer("vocab_size", c.vocabulary, 1, kMostVocabulary);
  c.context = fields.integer("max_position_embeddings", c.context, 1, kMostContext);
  c.tied_embeddings = fields.flag("tie_word_embeddings", c.tied_embeddings);
  if (keys.kv_heads) c.kv_heads = fields.integer(keys.kv_heads, c.kv_heads, 1, kMostHeads);
  if (keys.head_dim) c.head_dim = fields.integer(keys.head_dim, c.head_dim, 1, kMostHeadDim);
  if (keys.norm_eps) c.norm_eps = fields.number(keys.norm_eps, c.norm_eps, 0, 1);
  if (keys.attention_bias) c.attention_bias = fields.flag(keys.attention_bias, c.attention_bias);
  if (keys.output_bias) c.output_bias = fields.flag(keys.output_bias, c.output_bias);
  if (keys.mlp_bias) c.mlp_bias = fields.flag(keys.mlp_bias, c.mlp_bias);
  if (c.kv_heads == 0) c.kv_heads = c.heads;

  const std::string wanted = c.mlp == MlpKind::kGatedSilu ? "silu" : "relu";
  const std::string activation = fields.text(keys.activation, wanted);
  if (activation != wanted && !(wanted == "silu" && activation == "swish"))
    return unsupported("the activation \"" + activation + "\" (supported for " + c.family + ": " + wanted + ")");
  if (c.positions == PositionKind::kRotary) SQUEEZE_TRY(read_rope(fields, c));
  if (family.finish) SQUEEZE_TRY(family.finish(fields, c));
  SQUEEZE_TRY(fields.status());

  const auto malformed = [](const std::string& what) {
    return Error{.code = ErrorCode::kFileMalformed, .message = "config.json: " + what + "."};
  };
  if (c.head_dim == 0) {
    if (c.hidden % c.heads != 0) return malformed("hidden_size is not a multiple of num_attention_heads");
    c.head_dim = c.hidden / c.heads;
  }
  if (c.heads % c.kv_heads != 0) return malformed("num_attention_heads is not a multiple of num_key_value_heads");
  if (c.positions == PositionKind::kRotary && c.head_dim % 2 != 0)
    return malformed("the size of a head is odd, and rotary positions turn pairs");
  return c;
}

Result<void> read_layer_windows(const ConfigFields& fields, ModelConfig& config) {
  config.sliding_window = {};
  if (!fields.flag("use_sliding_window", false)) return {};
  std::optional<std::int64_t> window = fields.maybe_integer("sliding_window", 1, kMostContext);
  if (!window && !fields.is_null("sliding_window")) window = 4096;
  if (!window) return {};
  std::int64_t windowed = 0;
  if (fields.has("layer_types")) {
    const auto types = fields.texts("layer_types");
    windowed = std::ranges::count(types, "sliding_attention");
    if (windowed + std::ranges::count(types, "full_attention") != config.layers)
      return unsupported("a \"layer_types\" that does not name sliding_attention or full_attention for each layer");
  } else {
    windowed = std::max<std::int64_t>(0, config.layers - fields.integer("max_window_layers", 28, 0, kMostLayers));
  }
  if (windowed == config.layers) config.sliding_window = window;
  if (windowed > 0 && windowed < config.layers)
    return unsupported("a sliding window in " + std::to_string(windowed) + " of its " + std::to_string(config.layers) +
                       " layers, and layers of both kinds in one model are not computed");
  return {};
}

}  // namespace squeeze
