#include "jobs/model_writer.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

#include "jobs/manifest.hpp"

namespace squeeze {

namespace {

std::int64_t byte_count(const TensorSource& tensor) {
  std::int64_t bytes = size_of(tensor.dtype);
  for (const std::int64_t side : tensor.shape) bytes *= side;
  return bytes;
}

// Says after each piece how far all of the tensors are.
TensorSource watched(const TensorSource& tensor, std::int64_t total, std::int64_t& done, RunContext& context) {
  TensorSource out = tensor;
  out.write = [&tensor, total, &done, &context](const TensorSource::Sink& sink) -> Result<void> {
    SQUEEZE_TRY(context.check_cancelled());
    return tensor.write([&](std::span<const std::byte> bytes) -> Result<void> {
      SQUEEZE_TRY(sink(bytes));
      done += static_cast<std::int64_t>(bytes.size());
      const double written = static_cast<double>(done);
      context.report({.fraction = total > 0 ? written / static_cast<double>(total) : 1,
                      .work_done = written,
                      .unit = "bytes",
                      .detail = tensor.name});
      return context.check_cancelled();
    });
  };
  return out;
}

std::string shard_name(std::size_t index, std::size_t count) {
  if (count == 1) return "model.safetensors";
  char text[48];
  std::snprintf(text, sizeof(text), "model-%05zu-of-%05zu.safetensors", index + 1, count);
  return text;
}

}  // namespace

Result<std::int64_t> write_model(const std::filesystem::path& folder, const std::vector<TensorSource>& tensors,
                                 RunContext& context, std::int64_t max_shard_bytes) {
  std::int64_t total = 0, done = 0, shard_bytes = 0;
  std::vector<std::vector<TensorSource>> shards(1);
  for (const TensorSource& tensor : tensors) total += byte_count(tensor);
  for (const TensorSource& tensor : tensors) {
    const std::int64_t bytes = byte_count(tensor);
    if (!shards.back().empty() && shard_bytes + bytes > max_shard_bytes) {
      shards.emplace_back();
      shard_bytes = 0;
    }
    shard_bytes += bytes;
    shards.back().push_back(watched(tensor, total, done, context));
  }

  std::int64_t file_bytes = 0;
  std::map<std::string, std::string> shard_of;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shard_name(i, shards.size());
    // Readers of this layout refuse files that do not say where they come from.
    SQUEEZE_TRY(write_safetensors(folder / name, shards[i], {{"format", "pt"}}));
    for (const TensorSource& tensor : shards[i]) shard_of[tensor.name] = name;
    std::error_code code;
    file_bytes += static_cast<std::int64_t>(std::filesystem::file_size(folder / name, code));
  }
  if (shards.size() > 1) SQUEEZE_TRY(write_shard_index(folder, shard_of, total));
  return file_bytes;
}

TensorSource copy_of(const TensorView& tensor) {
  const auto bytes = tensor.bytes;
  return {tensor.name, tensor.dtype, tensor.shape, [bytes](const TensorSource::Sink& sink) -> Result<void> {
            // In pieces, so that a cancelled job stops within one.
            constexpr std::size_t kPiece = 16 << 20;
            for (std::size_t at = 0; at < bytes.size(); at += kPiece)
              SQUEEZE_TRY(sink(bytes.subspan(at, std::min(kPiece, bytes.size() - at))));
            return {};
          }};
}

bool is_dense(const TensorStore& store, const std::string& name) { return store.find(name + ".weight") != nullptr; }

std::vector<TensorView> tensors_of_linear(const TensorStore& store, std::span<const std::string> names,
                                          const std::string& name) {
  std::vector<TensorView> found;
  const std::string prefix = name + ".";
  for (auto at = std::ranges::lower_bound(names, prefix); at != names.end() && at->starts_with(prefix); ++at)
    if (*at != prefix + "bias") found.push_back(*store.find(*at));
  return found;
}

}  // namespace squeeze
