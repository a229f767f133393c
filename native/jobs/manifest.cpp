#include "jobs/manifest.hpp"

#include <nlohmann/json.hpp>

#include "jobs/output.hpp"
#include "jobs/recipe.hpp"

namespace squeeze {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;  // keeps the order of a config.json that a person may compare

namespace {

constexpr const char* kConfig = "config.json";
constexpr const char* kQuantization = "quantization_config";
constexpr int kFormatVersion = 1;
constexpr double kMostField = 1 << 20;  // of a recipe's whole numbers

Error malformed(const fs::path& path, const std::string& why) {
  return {.code = ErrorCode::kFileMalformed, .message = path.string() + ": " + why + "."};
}

Result<Json> read_config(const fs::path& folder) {
  const fs::path path = folder / kConfig;
  SQUEEZE_ASSIGN(const std::string text, read_text(path));
  Json config = Json::parse(text, nullptr, false);
  if (!config.is_object()) return malformed(path, "not a JSON object");
  return config;
}

Result<void> write_json(const fs::path& path, const Json& json) {
  return write_text(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

Json recipe_json(const contract::Recipe& recipe) {
  Json json = {{"method", recipe.method},          {"bits", recipe.bits},
               {"sparsity", recipe.sparsity},      {"outliers", name_of(recipe.outliers)},
               {"solver", name_of(recipe.solver)}, {"weighting", name_of(recipe.weighting)}};
  const auto add = [&](const char* field, const std::optional<std::int64_t>& value) {
    if (value) json[field] = *value;
  };
  add("group", recipe.group);
  add("share", recipe.share);
  add("embedding_bits", recipe.embedding_bits);
  add("head_bits", recipe.head_bits);
  add("refine", recipe.refine);
  if (!recipe.overrides) return json;
  Json& overrides = json["overrides"] = Json::array();
  for (const contract::RecipeOverride& override : *recipe.overrides) {
    Json entry = {{"match", override.match}};
    if (override.bits) entry["bits"] = *override.bits;
    if (override.sparsity) entry["sparsity"] = *override.sparsity;
    overrides.push_back(std::move(entry));
  }
  return json;
}

// The overrides of a recipe, or nothing where they are not what the studio writes.
std::optional<std::vector<contract::RecipeOverride>> overrides_in(const Json& json) {
  if (!json.is_array()) return std::nullopt;
  std::vector<contract::RecipeOverride> overrides;
  for (const Json& entry : json) {
    const auto number_at = [&](const char* key) {
      const auto found = entry.find(key);
      return found != entry.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
    };
    if (!entry.is_object() || !entry.contains("match") || !entry["match"].is_string()) return std::nullopt;
    contract::RecipeOverride override = {.match = entry["match"].get<std::string>()};
    if (const auto bits = number_at("bits")) {
      if (!(*bits >= 2 && *bits <= 16)) return std::nullopt;
      override.bits = static_cast<std::int64_t>(*bits);
    }
    if (const auto sparsity = number_at("sparsity")) {
      if (!(*sparsity >= 0 && *sparsity <= 0.2)) return std::nullopt;
      override.sparsity = *sparsity;
    }
    overrides.push_back(std::move(override));
  }
  return overrides;
}

void add_provenance(Json& json, const ResultManifest& manifest) {
  json["bits_per_weight"] = manifest.bits_per_weight;
  json["checkpoint_fingerprint"] = manifest.checkpoint_fingerprint;
  if (manifest.calibration_fingerprint) json["calibration_fingerprint"] = *manifest.calibration_fingerprint;
}

}  // namespace

Result<void> write_result_config(const fs::path& from, const fs::path& to, const ResultManifest& manifest) {
  SQUEEZE_ASSIGN(Json config, read_config(from));
  Json quantization = {{"quant_method", "squeeze-studio"}, {"format_version", kFormatVersion}};
  quantization.update(recipe_json(manifest.recipe));
  add_provenance(quantization, manifest);
  config[kQuantization] = std::move(quantization);
  return write_json(to / kConfig, config);
}

Result<void> write_manifest(const fs::path& folder, const ResultManifest& manifest) {
  Json json = {{"tool", "squeeze-studio"}, {"version", SQUEEZE_VERSION}, {"format_version", kFormatVersion}};
  json["recipe"] = recipe_json(manifest.recipe);
  add_provenance(json, manifest);
  if (const auto& refinement = manifest.refinement)
    json["refinement"] = {{"steps", refinement->steps},      {"best_step", refinement->best_step},
                          {"samples", refinement->samples},  {"held_out", refinement->held_out},
                          {"kl_before", refinement->before}, {"kl_after", refinement->after}};
  json["matrices"] = Json::array();
  for (const contract::MatrixOutcome& matrix : manifest.matrices)
    json["matrices"].push_back({{"name", matrix.name},
                                {"layer", matrix.layer},
                                {"role", matrix.role},
                                {"bits", matrix.bits},
                                {"sparse_count", matrix.sparse_count},
                                {"bits_per_weight", matrix.bits_per_weight},
                                {"objective", matrix.objective},
                                {"relative_error", matrix.relative_error}});
  if (manifest.outside)
    for (const contract::OutsideOutcome& matrix : *manifest.outside)
      json["outside"].push_back({{"name", matrix.name},
                                 {"bits", matrix.bits},
                                 {"bits_per_weight", matrix.bits_per_weight},
                                 {"size_bytes", matrix.size_bytes},
                                 {"relative_error", matrix.relative_error}});
  return write_json(folder / "squeeze.json", json);
}

Result<ResultManifest> read_quantization_config(const std::string& text, const fs::path& folder) {
  const fs::path path = folder / kConfig;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return malformed(path, "quantization_config is not a JSON object");
  const auto string_at = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
  };
  const auto number_at = [&](const char* key) {
    const auto found = json.find(key);
    return found != json.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
  };
  const auto method = string_at("method");
  const auto bits = number_at("bits"), sparsity = number_at("sparsity");
  const auto outliers = contract::recipe_outliers_named(string_at("outliers").value_or(""));
  const auto solver = contract::recipe_solver_named(string_at("solver").value_or(""));
  const auto weighting = contract::recipe_weighting_named(string_at("weighting").value_or(""));
  if (!method || !bits || *bits < 2 || *bits > 8 || !sparsity || *sparsity < 0 || *sparsity > 0.2 || !outliers ||
      !solver || !weighting)
    return malformed(path, "quantization_config does not hold a recipe of the studio");
  ResultManifest manifest;
  manifest.recipe = {.method = *method,
                     .bits = static_cast<std::int64_t>(*bits),
                     .sparsity = *sparsity,
                     .outliers = *outliers,
                     .solver = *solver,
                     .weighting = *weighting};
  if (json.contains("overrides")) {
    manifest.recipe.overrides = overrides_in(json["overrides"]);
    if (!manifest.recipe.overrides)
      return malformed(path, "quantization_config holds overrides that are not the studio's");
  }
  for (const auto& [field, to] : {std::pair{"group", &manifest.recipe.group},
                                  {"share", &manifest.recipe.share},
                                  {"embedding_bits", &manifest.recipe.embedding_bits},
                                  {"head_bits", &manifest.recipe.head_bits},
                                  {"refine", &manifest.recipe.refine}}) {
    const auto value = number_at(field);
    if (!value) continue;
    if (!(*value >= 0 && *value <= kMostField))
      return malformed(path, std::string("quantization_config holds a ") + field + " that is not the studio's");
    *to = static_cast<std::int64_t>(*value);
  }
  if (const auto sound = check_recipe(manifest.recipe); !sound.ok()) return malformed(path, sound.error().message);
  manifest.checkpoint_fingerprint = string_at("checkpoint_fingerprint").value_or("");
  manifest.calibration_fingerprint = string_at("calibration_fingerprint");
  manifest.bits_per_weight = number_at("bits_per_weight").value_or(0);
  return manifest;
}

Result<void> write_dense_config(const fs::path& from, const fs::path& to, const std::string& dtype) {
  SQUEEZE_ASSIGN(Json config, read_config(from));
  config.erase(kQuantization);
  if (!dtype.empty()) {
    // transformers 5 writes "dtype", what came before it "torch_dtype"; both are read by all.
    config[config.contains("dtype") ? "dtype" : "torch_dtype"] = dtype;
    if (config.contains("torch_dtype")) config["torch_dtype"] = dtype;
  }
  return write_json(to / kConfig, config);
}

Result<void> write_synthetic_config(const fs::path& folder, const contract::ModelShape& shape,
                                    const contract::StoredLayout& weights) {
  Json config = {{"architectures", {"LlamaForCausalLM"}},
                 {"model_type", "llama"},
                 {"hidden_size", shape.hidden},
                 {"intermediate_size", shape.intermediate},
                 {"num_hidden_layers", shape.layers},
                 {"num_attention_heads", shape.heads},
                 {"num_key_value_heads", shape.kv_heads},
                 {"vocab_size", shape.vocabulary},
                 {"max_position_embeddings", shape.context},
                 {"rms_norm_eps", 1e-5},
                 {"rope_theta", 10000.0},
                 {"hidden_act", "silu"},
                 {"tie_word_embeddings", false},
                 {"torch_dtype", weights.type == contract::StoredType::kBf16 ? "bfloat16" : "float16"}};
  if (weights.type == contract::StoredType::kLut) {
    Json quantization = {{"quant_method", "squeeze-studio"}, {"format_version", kFormatVersion}};
    quantization.update(recipe_json({.method = "synthetic",
                                     .bits = *weights.bits,
                                     .sparsity = weights.sparsity,
                                     .outliers = contract::RecipeOutliers::kPaper,
                                     .solver = contract::RecipeSolver::kLloyd,
                                     .weighting = contract::RecipeWeighting::kNone}));
    config[kQuantization] = std::move(quantization);
  }
  return write_json(folder / kConfig, config);
}

Result<void> write_squeezellm_config(const fs::path& folder, std::int64_t bits) {
  return write_json(folder / "quant_config.json", {{"wbits", bits}});
}

Result<void> write_shard_index(const fs::path& folder, const std::map<std::string, std::string>& shard_of,
                               std::int64_t tensor_bytes) {
  return write_json(folder / "model.safetensors.index.json",
                    {{"metadata", {{"total_size", tensor_bytes}}}, {"weight_map", shard_of}});
}

}  // namespace squeeze
