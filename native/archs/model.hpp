#pragma once
// A checkpoint or a result, opened: its config, its tensors, and its weights ready for the one generic decoder.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "formats/format.hpp"
#include "ops/rope/rope.hpp"
#include "tensor/safetensors.hpp"

namespace squeeze {

enum class NormKind { kRms, kLayer };
enum class MlpKind { kGatedSilu, kRelu };
enum class PositionKind { kRotary, kLearned };

// Everything the decoder needs to know; filled by the family's spec from config.json.
struct ModelConfig {
  std::string family = {};        // model_type
  std::string architecture = {};  // class name
  std::int64_t layers = 0, hidden = 0, intermediate = 0;
  std::int64_t heads = 0, kv_heads = 0, head_dim = 0;
  std::int64_t vocabulary = 0, context = 0;
  double norm_eps = 1e-5;
  double rope_theta = 10000;
  std::optional<RopeScaling> llama3_scaling = {};
  std::optional<std::int64_t> sliding_window = {};  // a query sees itself and the window - 1 positions before it
  bool tied_embeddings = false;
  bool attention_bias = false;  // q, k, v
  bool output_bias = false;     // o
  bool mlp_bias = false;
  bool qk_norm = false;  // RMSNorm over each head of q and k before the rotation
  NormKind norm = NormKind::kRms;
  MlpKind mlp = MlpKind::kGatedSilu;
  PositionKind positions = PositionKind::kRotary;
  std::int64_t position_offset = 0;  // OPT's table begins at 2
};

// One linear inside a decoder layer. `name` has no ".weight".
struct MatrixSlot {
  std::string name;
  std::int64_t layer = 0;
  std::string role;  // q, k, v, o, gate, up, down, fc1, fc2
  std::int64_t rows = 0, cols = 0;
};

struct LayerWeights {
  // Absent parts are null or empty: gate is null in an ungated MLP (up = fc1, down = fc2).
  std::shared_ptr<const LinearWeight> q, k, v, o, gate, up, down;
  std::vector<float> q_bias, k_bias, v_bias, o_bias, gate_bias, up_bias, down_bias;
  std::vector<float> attention_norm, attention_norm_bias, mlp_norm, mlp_norm_bias, q_norm, k_norm;

  // Where the linear of a MatrixSlot's role stands.
  std::shared_ptr<const LinearWeight>& linear(std::string_view role);
  // The linears that are there, in the order of Model::matrices().
  std::vector<const LinearWeight*> linears() const;
  // Lays each linear out for products with few vectors, where its layout has such a form. True if any was made anew.
  bool pack(const DecodePath& path);
};

struct Family;

class Model {
 public:
  // Reads config.json and the tensors' headers of a folder (or of the folder around one .safetensors file), and checks
  // that every tensor that the family needs is there with the right shape. Reads no weights.
  static Result<std::shared_ptr<const Model>> open(const std::filesystem::path& path);

  const std::filesystem::path& folder() const { return folder_; }
  const ModelConfig& config() const { return config_; }
  const TensorStore& store() const { return store_; }
  bool quantized() const { return quantized_; }
  // The raw "quantization_config" object of config.json as JSON text, empty for a dense checkpoint.
  const std::string& quantization_json() const { return quantization_json_; }

  // Every linear inside the layers: layer by layer, q k v o gate up down (or fc1 fc2).
  const std::vector<MatrixSlot>& matrices() const { return matrices_; }
  Result<std::shared_ptr<const LinearWeight>> linear(const MatrixSlot& slot) const;
  // Loads one layer. Norms and biases become fp32; linears stay in their layout. NaN and Inf are refused by name.
  Result<LayerWeights> layer(std::int64_t index) const;

  // [V, hidden], read and checked by each call.
  Result<std::shared_ptr<const LinearWeight>> embedding() const;
  Result<std::shared_ptr<const LinearWeight>> head() const;  // of the embedding's tensor when tied
  Result<std::vector<float>> final_norm() const;
  Result<std::vector<float>> final_norm_bias() const;  // empty for RMSNorm
  // Learned positions [context + offset, hidden]; null for rotary ones.
  Result<std::shared_ptr<const LinearWeight>> positions() const;
  // Names without ".weight"; both the same when tied.
  const std::string& embedding_name() const { return embedding_name_; }
  const std::string& head_name() const { return head_name_; }

  // 128-bit hash, hex: config.json's model fields, every tensor's name, dtype, shape, and up to 4 KiB of each tensor's
  // bytes spread over it. Two fine-tunes of one base differ; moving or re-sharding a folder changes nothing.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  Model() = default;
  std::filesystem::path folder_;
  ModelConfig config_;
  TensorStore store_;
  bool quantized_ = false;
  std::string quantization_json_;
  std::vector<MatrixSlot> matrices_;
  const Family* family_ = nullptr;
  std::string embedding_name_, head_name_;
  std::string fingerprint_;
};

// Hugging Face model_type of every family there is a spec for.
std::vector<std::string> supported_families();

}  // namespace squeeze
