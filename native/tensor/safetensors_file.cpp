// Reading one safetensors file. Everything in it comes from outside, so everything is checked here, once.

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "base/mapped_file.hpp"
#include "tensor/safetensors.hpp"

namespace squeeze {

using nlohmann::json;

struct SafetensorsFile::Mapping {
  explicit Mapping(MappedFile mapped) : file(std::move(mapped)) {}
  MappedFile file;
  std::filesystem::path path;
  std::span<const std::byte> header;
  std::vector<TensorView> tensors;
  std::map<std::string, std::string> metadata;
};

namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // the format's own limit

Error malformed(const std::filesystem::path& path, const std::string& what) {
  return {.code = ErrorCode::kFileMalformed,
          .message = path.string() + " is not a valid safetensors file: " + what + "."};
}

Error bad_tensor(const std::filesystem::path& path, const std::string& name, const std::string& what) {
  return {.code = ErrorCode::kTensorMalformed,
          .message = path.string() + ": tensor " + name + " " + what + ".",
          .tensor = name};
}

// JSON lets a key come twice and nlohmann keeps the last; which of two tensors is meant cannot be known, so this
// refuses.
Result<json> parse_header(const std::filesystem::path& path, std::span<const std::byte> text) {
  std::vector<std::set<std::string>> open_objects;
  std::string twice;
  const auto watch = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::object_start) open_objects.emplace_back();
    if (event == json::parse_event_t::object_end) open_objects.pop_back();
    if (event == json::parse_event_t::key && !open_objects.back().insert(parsed.get<std::string>()).second)
      twice = parsed.get<std::string>();
    return true;
  };
  const auto* chars = reinterpret_cast<const char*>(text.data());
  json header = json::parse(chars, chars + text.size(), watch, /*allow_exceptions=*/false);
  if (header.is_discarded()) return malformed(path, "its header is not JSON");
  if (!header.is_object()) return malformed(path, "its header is not a JSON object");
  if (!twice.empty()) return malformed(path, "its header names \"" + twice + "\" twice");
  return header;
}

std::optional<std::int64_t> as_size(const json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto number = value.get<std::uint64_t>();
  if (number > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

Result<TensorView> parse_tensor(const std::filesystem::path& path, const std::string& name, const json& entry,
                                std::span<const std::byte> data) {
  if (!entry.is_object()) return bad_tensor(path, name, "is described by something else than an object");
  const auto dtype_text = entry.find("dtype"), shape = entry.find("shape"), offsets = entry.find("data_offsets");
  if (dtype_text == entry.end() || !dtype_text->is_string()) return bad_tensor(path, name, "has no dtype");
  if (shape == entry.end() || !shape->is_array()) return bad_tensor(path, name, "has no shape");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2)
    return bad_tensor(path, name, "has no pair of data_offsets");

  TensorView tensor;
  tensor.name = name;
  const auto dtype = dtype_named(dtype_text->get<std::string>());
  if (!dtype) return bad_tensor(path, name, "has the unknown dtype \"" + dtype_text->get<std::string>() + "\"");
  tensor.dtype = *dtype;

  std::int64_t bytes = size_of(*dtype);
  bool overflow = false, empty = false;
  for (const json& value : *shape) {
    const auto side = as_size(value);
    if (!side) return bad_tensor(path, name, "has a shape that is not made of whole numbers from 0 up");
    tensor.shape.push_back(*side);
    empty |= *side == 0;
    overflow |= __builtin_mul_overflow(bytes, *side, &bytes);
  }
  if (overflow && !empty) return bad_tensor(path, name, "has a shape too large to exist: " + shape_text(tensor.shape));
  if (empty) bytes = 0;

  const auto begin = as_size((*offsets)[0]), end = as_size((*offsets)[1]);
  const auto available = static_cast<std::int64_t>(data.size());
  if (!begin || !end || *begin > *end || *end > available)
    return bad_tensor(path, name,
                      "has data_offsets " + offsets->dump() + " outside the " + std::to_string(available) +
                          " bytes that the file holds (a download cut short?)");
  if (*end - *begin != bytes)
    return bad_tensor(path, name,
                      "takes " + std::to_string(*end - *begin) + " bytes, but " + shape_text(tensor.shape) + " " +
                          std::string(name_of(*dtype)) + " needs " + std::to_string(bytes));
  tensor.bytes = data.subspan(static_cast<std::size_t>(*begin), static_cast<std::size_t>(bytes));
  return tensor;
}

Result<std::map<std::string, std::string>> parse_metadata(const std::filesystem::path& path, const json& entry) {
  if (!entry.is_object()) return malformed(path, "its __metadata__ is not an object");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) return malformed(path, "its __metadata__ field \"" + key + "\" is not a string");
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

}  // namespace

SafetensorsFile::SafetensorsFile(std::shared_ptr<const Mapping> mapping) : mapping_(std::move(mapping)) {}

Result<SafetensorsFile> SafetensorsFile::open(const std::filesystem::path& path) {
  SQUEEZE_ASSIGN(MappedFile file, MappedFile::open(path));
  const auto mapping = std::make_shared<Mapping>(std::move(file));
  mapping->path = path;
  const auto bytes = mapping->file.bytes();

  std::uint64_t header_bytes = 0;
  if (bytes.size() < sizeof(header_bytes))
    return malformed(path, "it has only " + std::to_string(bytes.size()) + " bytes");
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  if (header_bytes > kMaxHeaderBytes)
    return malformed(path,
                     "it claims a header of " + std::to_string(header_bytes) + " bytes, over the limit of 100 MB");
  if (header_bytes > bytes.size() - sizeof(header_bytes))
    return malformed(path, "it claims a header of " + std::to_string(header_bytes) + " bytes, but has only " +
                               std::to_string(bytes.size()) + " in all");
  mapping->header = bytes.subspan(sizeof(header_bytes), header_bytes);
  const auto data = bytes.subspan(sizeof(header_bytes) + header_bytes);

  SQUEEZE_ASSIGN(const json header, parse_header(path, mapping->header));
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      SQUEEZE_ASSIGN(mapping->metadata, parse_metadata(path, entry));
      continue;
    }
    SQUEEZE_ASSIGN(TensorView tensor, parse_tensor(path, name, entry, data));
    mapping->tensors.push_back(std::move(tensor));
  }

  std::ranges::sort(mapping->tensors, {},
                    [](const TensorView& t) { return std::pair(t.bytes.data(), t.bytes.size()); });
  const TensorView* before = nullptr;
  for (const TensorView& tensor : mapping->tensors) {
    if (tensor.bytes.empty()) continue;
    if (before && tensor.bytes.data() < before->bytes.data() + before->bytes.size())
      return bad_tensor(path, tensor.name, "overlaps tensor " + before->name);
    before = &tensor;
  }
  return SafetensorsFile(mapping);
}

const std::filesystem::path& SafetensorsFile::path() const { return mapping_->path; }
const std::vector<TensorView>& SafetensorsFile::tensors() const { return mapping_->tensors; }
const std::map<std::string, std::string>& SafetensorsFile::metadata() const { return mapping_->metadata; }
std::span<const std::byte> SafetensorsFile::header() const { return mapping_->header; }
std::int64_t SafetensorsFile::size_bytes() const { return static_cast<std::int64_t>(mapping_->file.bytes().size()); }

void SafetensorsFile::let_go() const { mapping_->file.let_go(); }

}  // namespace squeeze
