#pragma once
// The JSON files of a result's folder: config.json, squeeze.json, the index of shards.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "jobs/contract.gen.hpp"

namespace squeeze {

// What a result says of itself: "quantization_config" in config.json, and at more length squeeze.json.
struct ResultManifest {
  contract::Recipe recipe;
  std::string checkpoint_fingerprint;
  std::optional<std::string> calibration_fingerprint;
  double bits_per_weight = 0;  // of the matrices
  std::vector<contract::MatrixOutcome> matrices;
  std::optional<std::vector<contract::OutsideOutcome>> outside;  // embedding and head, where they are squeezed
  std::optional<contract::Refinement> refinement;
};

// The checkpoint's config.json with the manifest's "quantization_config" put in.
Result<void> write_result_config(const std::filesystem::path& from, const std::filesystem::path& to,
                                 const ResultManifest& manifest);
// squeeze.json: recipe, fingerprints, what refinement did, one entry for each matrix. Holds no times, so that equal
// runs give equal files.
Result<void> write_manifest(const std::filesystem::path& folder, const ResultManifest& manifest);

// Reads back "quantization_config" (as Model::quantization_json gives it), without the matrices.
Result<ResultManifest> read_quantization_config(const std::string& json, const std::filesystem::path& folder);

// A result's config.json as that of a dense checkpoint: no "quantization_config", and the dtype ("float16") named.
// An empty dtype leaves it as it is.
Result<void> write_dense_config(const std::filesystem::path& from, const std::filesystem::path& to,
                                const std::string& dtype);

// config.json of a Llama of this shape whose weights are random, with the "quantization_config" of method "synthetic"
// where they have codebooks.
Result<void> write_synthetic_config(const std::filesystem::path& folder, const contract::ModelShape& shape,
                                    const contract::StoredLayout& weights);

// quant_config.json of the public SqueezeLLM code.
Result<void> write_squeezellm_config(const std::filesystem::path& folder, std::int64_t bits);

// model.safetensors.index.json: which shard holds which tensor.
Result<void> write_shard_index(const std::filesystem::path& folder, const std::map<std::string, std::string>& shard_of,
                               std::int64_t tensor_bytes);

}  // namespace squeeze
