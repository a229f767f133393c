#pragma once
// The weight files of a folder in Hugging Face layout, streamed: no file is built in memory.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/progress.hpp"
#include "tensor/safetensors.hpp"

namespace squeeze {

inline constexpr std::int64_t kMaxShardBytes = 4'000'000'000;

// Writes model.safetensors, or above `max_shard_bytes` model-00001-of-0000N.safetensors and their index. Reports within
// the current stage, and stops between tensors when cancelled. Gives the bytes of the files.
Result<std::int64_t> write_model(const std::filesystem::path& folder, const std::vector<TensorSource>& tensors,
                                 RunContext& context, std::int64_t max_shard_bytes = kMaxShardBytes);

// A source that copies a tensor out of a mapped file, which must stay open.
TensorSource copy_of(const TensorView& tensor);

// The tensors that make up the linear `name`, in whatever layout: all under "<name>." but its bias. `names` are the
// store's, sorted.
std::vector<TensorView> tensors_of_linear(const TensorStore& store, std::span<const std::string> names,
                                          const std::string& name);

// True when the store holds the linear `name` as a dense matrix.
bool is_dense(const TensorStore& store, const std::string& name);

}  // namespace squeeze
