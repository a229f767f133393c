// Writing one safetensors file without ever holding it in memory.

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/atomic_file.hpp"
#include "tensor/safetensors.hpp"

namespace squeeze {

namespace {

std::int64_t byte_count(const TensorSource& tensor) {
  std::int64_t bytes = size_of(tensor.dtype);
  for (const std::int64_t side : tensor.shape) bytes *= side;
  return bytes;
}

}  // namespace

Result<void> write_safetensors(const std::filesystem::path& path, const std::vector<TensorSource>& tensors,
                               const std::map<std::string, std::string>& metadata) {
  // Wide elements first: with the header padded to 8 bytes, every tensor lies aligned to its own element.
  std::vector<const TensorSource*> order;
  for (const TensorSource& tensor : tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::greater{}, [](const TensorSource* t) { return size_of(t->dtype); });

  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::int64_t end = 0;
  for (const TensorSource* tensor : order) {
    if (header.contains(tensor->name))
      return Error{.code = ErrorCode::kInternal,
                   .message = "Tensor " + tensor->name + " was to be written twice into " + path.string() + ".",
                   .tensor = tensor->name};
    const std::int64_t begin = end;
    end += byte_count(*tensor);
    header[tensor->name] = {
        {"dtype", name_of(tensor->dtype)}, {"shape", tensor->shape}, {"data_offsets", {begin, end}}};
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t length = text.size();

  SQUEEZE_ASSIGN(AtomicFile file, AtomicFile::create(path));
  SQUEEZE_TRY(file.write(std::as_bytes(std::span(&length, 1))));
  SQUEEZE_TRY(file.write(std::as_bytes(std::span(text))));
  for (const TensorSource* tensor : order) {
    std::int64_t written = 0;
    SQUEEZE_TRY(tensor->write([&](std::span<const std::byte> bytes) -> Result<void> {
      written += static_cast<std::int64_t>(bytes.size());
      return file.write(bytes);
    }));
    if (written != byte_count(*tensor))
      return Error{.code = ErrorCode::kInternal,
                   .message = "Tensor " + tensor->name + " gave " + std::to_string(written) + " bytes for " +
                              std::to_string(byte_count(*tensor)) + ".",
                   .tensor = tensor->name};
  }
  return file.commit();
}

}  // namespace squeeze
