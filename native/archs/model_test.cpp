// What a folder must hold to be opened, and what is said when it does not.

#include "archs/model.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"

using namespace squeeze;
using nlohmann::json;

namespace {

json config_of(const std::string& family) { return json::parse(tiny_config(family)); }

void check_refused(const std::filesystem::path& folder, ErrorCode code, std::initializer_list<const char*> words) {
  const auto model = Model::open(folder);
  REQUIRE_FALSE(model.ok());
  CAPTURE(model.error().message);
  CHECK(model.error().code == code);
  for (const char* word : words) CHECK(model.error().message.find(word) != std::string::npos);
}

// A folder with this config and tensors of the family's usual one.
void check_config_refused(const json& config, ErrorCode code, std::initializer_list<const char*> words) {
  TestFolder folder;
  put_text(folder / "config.json", config.dump());
  check_refused(folder.path(), code, words);
}

Result<ModelConfig> read(const json& config) {
  TestFolder folder;
  put_text(folder / "config.json", config.dump());
  const auto fields = ConfigFields::read(folder / "config.json");
  REQUIRE(fields.ok());
  const auto family = family_of(fields.value());
  REQUIRE(family.ok());
  return read_config(*family.value(), fields.value());
}

}  // namespace

TEST_CASE("every family opens, with its matrices in order") {
  CHECK(supported_families() == std::vector<std::string>{"llama", "mistral", "opt", "qwen2", "qwen3"});
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    TestFolder folder;
    write_tiny_checkpoint(folder.path(), family);
    const auto model = Model::open(folder.path());
    REQUIRE(model.ok());
    CHECK(model.value()->config().family == family);
    std::string roles;
    for (const MatrixSlot& slot : model.value()->matrices()) {
      if (slot.layer == 1) roles += slot.role + " ";
      const auto linear = model.value()->linear(slot);
      REQUIRE(linear.ok());
      CHECK(linear.value()->rows() == slot.rows);
      CHECK(linear.value()->cols() == slot.cols);
      CHECK(linear.value()->size_bytes() == slot.rows * slot.cols * 4);
    }
    CHECK(roles == (family == "opt" ? "q k v o fc1 fc2 " : "q k v o gate up down "));
    CHECK(model.value()->layer(1).value().linears().size() == (family == "opt" ? 6 : 7));
    CHECK_FALSE(model.value()->quantized());
    // One file of the folder stands for it.
    CHECK(Model::open(folder / "model.safetensors").value()->fingerprint() == model.value()->fingerprint());
  }
}

TEST_CASE("fields that are missing mean what the family's configuration class says") {
  const auto llama = read({{"model_type", "llama"}}).value();
  CHECK(llama.hidden == 4096);
  CHECK(llama.intermediate == 11008);
  CHECK(llama.kv_heads == 32);
  CHECK(llama.head_dim == 128);
  CHECK(llama.norm_eps == 1e-6);
  CHECK_FALSE(llama.tied_embeddings);
  CHECK_FALSE(llama.sliding_window);
  CHECK(read({{"model_type", "mistral"}}).value().sliding_window == 4096);
  CHECK_FALSE(read({{"model_type", "mistral"}, {"sliding_window", nullptr}}).value().sliding_window);
  CHECK(read({{"model_type", "qwen2"}}).value().attention_bias);
  CHECK_FALSE(read({{"model_type", "qwen2"}}).value().output_bias);
  CHECK(read({{"model_type", "qwen3"}, {"num_attention_heads", 64}}).value().head_dim == 128);
  CHECK(read({{"model_type", "opt"}}).value().tied_embeddings);
}

TEST_CASE("rotary settings are read in both spellings") {
  const json scaling = {
      {"factor", 32}, {"low_freq_factor", 1}, {"high_freq_factor", 4}, {"original_max_position_embeddings", 64}};
  json old_style = {{"model_type", "llama"}, {"rope_theta", 500000}, {"rope_scaling", scaling}};
  old_style["rope_scaling"]["type"] = "llama3";
  json new_style = {{"model_type", "llama"}, {"rope_parameters", scaling}};
  new_style["rope_parameters"].update({{"rope_type", "llama3"}, {"rope_theta", 500000.0}});
  for (const json& config : {old_style, new_style}) {
    const auto c = read(config).value();
    CHECK(c.rope_theta == 500000);
    REQUIRE(c.llama3_scaling);
    CHECK(c.llama3_scaling->factor == 32);
    CHECK(c.llama3_scaling->original_context == 64);
  }
  CHECK_FALSE(read({{"model_type", "llama"}, {"rope_scaling", nullptr}}).value().llama3_scaling);
}

TEST_CASE("a window over all layers or none is computed, a mix is refused") {
  json config = {
      {"model_type", "qwen2"}, {"num_hidden_layers", 4}, {"use_sliding_window", true}, {"sliding_window", 100}};
  config["max_window_layers"] = 4;
  CHECK_FALSE(read(config).value().sliding_window);
  config["max_window_layers"] = 0;
  CHECK(read(config).value().sliding_window == 100);
  config["max_window_layers"] = 2;
  CHECK(read(config).error().code == ErrorCode::kArchitectureUnsupported);
  CHECK(read(config).error().message.find("2 of its 4 layers") != std::string::npos);
  config["layer_types"] = std::vector<std::string>(4, "full_attention");
  CHECK_FALSE(read(config).value().sliding_window);
  config["layer_types"][1] = "sliding_attention";
  CHECK(read(config).error().code == ErrorCode::kArchitectureUnsupported);
  config["use_sliding_window"] = false;
  CHECK_FALSE(read(config).value().sliding_window);
}

TEST_CASE("what cannot be computed is refused, naming it and what can") {
  const auto with = [](const char* family, const char* field, json value) {
    json config = config_of(family);
    config[field] = std::move(value);
    return config;
  };
  using enum ErrorCode;
  check_config_refused({{"model_type", "gpt2"}}, kArchitectureUnsupported,
                       {"gpt2", "llama, mistral, opt, qwen2, qwen3"});
  check_config_refused(json::object(), kArchitectureUnsupported, {"no model_type", "llama"});
  check_config_refused(with("llama", "hidden_act", "gelu"), kArchitectureUnsupported, {"gelu", "silu"});
  check_config_refused(with("llama", "rope_scaling", {{"rope_type", "yarn"}}), kArchitectureUnsupported,
                       {"yarn", "llama3"});
  check_config_refused(with("llama", "partial_rotary_factor", 0.5), kArchitectureUnsupported,
                       {"partial_rotary_factor"});
  check_config_refused(with("opt", "do_layer_norm_before", false), kArchitectureUnsupported, {"do_layer_norm_before"});
  check_config_refused(with("opt", "word_embed_proj_dim", 6), kArchitectureUnsupported, {"word_embed_proj_dim is 6"});
  check_config_refused(with("opt", "activation_function", "gelu"), kArchitectureUnsupported, {"gelu", "relu"});
  check_config_refused(with("llama", "quantization_config", {{"quant_method", "gptq"}}), kArchitectureUnsupported,
                       {"gptq"});
}

TEST_CASE("a config that makes no sense is refused, naming file and field") {
  const auto check = [](const char* field, json value, std::initializer_list<const char*> words) {
    json config = config_of("llama");
    config[field] = std::move(value);
    check_config_refused(config, ErrorCode::kFileMalformed, words);
  };
  check("hidden_size", "12", {"config.json", "hidden_size", "\"12\""});
  check("hidden_size", 3.7, {"hidden_size is 3.7"});
  check("hidden_size", -1, {"hidden_size is -1"});
  check("num_hidden_layers", 18446744073709551615u, {"num_hidden_layers"});
  check("vocab_size", 0, {"vocab_size"});
  check("rms_norm_eps", "small", {"rms_norm_eps"});
  check("rope_theta", -5, {"rope_theta"});
  check("rope_scaling", "llama3", {"rope_scaling"});
  check("rope_scaling", {{"rope_type", "llama3"}, {"factor", "8"}}, {"rope_scaling.factor"});
  check("rope_scaling", {{"rope_type", "llama3"}, {"low_freq_factor", 4}, {"high_freq_factor", 1}},
        {"high_freq_factor"});
  check("tie_word_embeddings", 1, {"tie_word_embeddings"});
  check("model_type", 5, {"model_type"});
  check("architectures", "LlamaForCausalLM", {"architectures"});
  check("num_key_value_heads", 3, {"num_key_value_heads"});
  check("num_attention_heads", 5, {"num_attention_heads"});
  check("head_dim", 7, {"odd"});
  check("quantization_config", 4, {"quantization_config"});
  check("hidden_size", std::string(500, 'x'), {"..."});

  TestFolder folder;
  check_refused(folder.path(), ErrorCode::kFileNotFound, {"config.json"});
  check_refused(folder / "nowhere", ErrorCode::kFileNotFound, {"nowhere"});
  for (const char* text : {"", "{", "[1]", "{\"model_type\": \"llama\",}"}) {
    put_text(folder / "config.json", text);
    check_refused(folder.path(), ErrorCode::kFileMalformed, {"config.json"});
  }
}

TEST_CASE("a tensor that is missing or of another shape or type is refused by name") {
  for (const std::string& family : supported_families()) {
    TestFolder folder;
    const auto tensors = tiny_tensors(folder.path(), tiny_config(family));
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      CAPTURE(tensors[i].name);
      auto changed = tensors;
      changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(i));
      write_tensors(folder / "model.safetensors", changed);
      check_refused(folder.path(), ErrorCode::kTensorMissing, {tensors[i].name.c_str()});
      changed = tensors;
      changed[i].shape.back() += 1;
      changed[i].values.resize(changed[i].values.size() / tensors[i].shape.back() * changed[i].shape.back());
      write_tensors(folder / "model.safetensors", changed);
      check_refused(folder.path(), ErrorCode::kTensorMalformed, {tensors[i].name.c_str()});
    }
  }
  TestFolder folder;
  const auto tensors = tiny_tensors(folder.path(), tiny_config("llama"));
  for (const char* name : {"model.layers.0.mlp.up_proj.weight", "model.norm.weight"}) {
    std::vector<TensorSource> sources;
    for (const TinyTensor& t : tensors)
      sources.push_back(
          tensor_source(t.name, t.name == name ? DType::kI32 : DType::kF32, t.shape, std::span(t.values)));
    REQUIRE(write_safetensors(folder / "model.safetensors", sources, {}).ok());
    check_refused(folder.path(), ErrorCode::kTensorMalformed, {name, "I32"});
  }
}

TEST_CASE("of tied embeddings either tensor will do, and the embedding counts") {
  TestFolder folder;
  auto tensors = tiny_tensors(folder.path(), tiny_config("qwen2"));
  const auto embedding = std::ranges::find(tensors, "model.embed_tokens.weight", &TinyTensor::name);
  const std::vector<float> first_row(embedding->values.begin(), embedding->values.begin() + 12);
  const auto head_row = [&] {
    std::vector<float> row(12);
    Model::open(folder.path()).value()->head().value()->dequantize_rows(0, {row.data(), 1, 12});
    return row;
  };
  auto both = tensors;
  both.push_back({"lm_head.weight", {23, 12}, std::vector<float>(23 * 12, 5.0f)});
  write_tensors(folder / "model.safetensors", both);
  CHECK(head_row() == first_row);
  embedding->name = "lm_head.weight";
  write_tensors(folder / "model.safetensors", tensors);
  CHECK(head_row() == first_row);
  CHECK(Model::open(folder.path()).value()->embedding_name() == "lm_head");
}

TEST_CASE("a fingerprint names the weights, not where or how they lie") {
  TestFolder folder, moved, sharded, tuned;
  auto tensors = write_tiny_checkpoint(folder.path(), "llama");
  const std::string fingerprint = Model::open(folder.path()).value()->fingerprint();
  CHECK(fingerprint.size() == 32);

  put_text(moved / "config.json", json::parse(tiny_config("llama")).dump(4));
  write_tensors(moved / "model.safetensors", tensors);
  CHECK(Model::open(moved.path()).value()->fingerprint() == fingerprint);

  put_text(sharded / "config.json", tiny_config("llama"));
  const auto half = tensors.begin() + static_cast<std::ptrdiff_t>(tensors.size() / 2);
  write_tensors(sharded / "a.safetensors", {half, tensors.end()});
  write_tensors(sharded / "b.safetensors", {tensors.begin(), half});
  CHECK(Model::open(sharded.path()).value()->fingerprint() == fingerprint);

  put_text(tuned / "config.json", tiny_config("llama"));
  tensors[4].values[2] += 0.001f;
  write_tensors(tuned / "model.safetensors", tensors);
  CHECK(Model::open(tuned.path()).value()->fingerprint() != fingerprint);
}

TEST_CASE("a quantized folder says so") {
  TestFolder folder;
  json config = config_of("llama");
  config["quantization_config"] = {{"quant_method", "squeeze-studio"}, {"bits", 4}};
  write_tensors(folder / "model.safetensors", tiny_tensors(folder.path(), config.dump()));
  const auto model = Model::open(folder.path());
  REQUIRE(model.ok());
  CHECK(model.value()->quantized());
  CHECK(json::parse(model.value()->quantization_json()).at("bits") == 4);
}
