#include "jobs/quantization_journal.hpp"

#include <charconv>
#include <cstdio>
#include <iostream>

namespace squeeze {

namespace {

// Every double comes back as it was: a resumed run adds up to the same sums.
std::string exact_text(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.17g", value);
  return text;
}

template <typename T>
std::optional<T> number_in(const std::map<std::string, std::string>& metadata, const std::string& key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) return std::nullopt;
  const std::string& text = found->second;
  T value = 0;
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc() || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<JournalEntry> read_entry(const std::filesystem::path& path, const std::string& inputs,
                                       const std::string& name) {
  auto file = SafetensorsFile::open(path);
  if (!file.ok()) return std::nullopt;
  const auto& metadata = file.value().metadata();
  const auto is = [&](const std::string& key, const std::string& wanted) {
    const auto found = metadata.find(key);
    return found != metadata.end() && found->second == wanted;
  };
  if (!is("inputs", inputs) || !is("matrix", name)) return std::nullopt;
  const auto sparse_count = number_in<std::int64_t>(metadata, "sparse_count");
  const auto objective = number_in<double>(metadata, "objective");
  const auto relative_error = number_in<double>(metadata, "relative_error");
  if (!sparse_count || !objective || !relative_error) return std::nullopt;
  return JournalEntry{std::move(file).value(), *sparse_count, *objective, *relative_error};
}

}  // namespace

QuantizationJournal::QuantizationJournal(std::filesystem::path folder, std::string inputs)
    : folder_(std::move(folder)), inputs_(std::move(inputs)) {}

std::filesystem::path QuantizationJournal::path_of(std::size_t index) const {
  char name[40];
  std::snprintf(name, sizeof(name), "%05zu.safetensors", index);
  return folder_ / name;
}

std::optional<JournalEntry> QuantizationJournal::find(std::size_t index, const std::string& name) const {
  const std::filesystem::path path = path_of(index);
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return std::nullopt;
  auto entry = read_entry(path, inputs_, name);
  if (!entry) std::cerr << path.string() << " was made from other inputs and is made anew" << std::endl;
  return entry;
}

Result<JournalEntry> QuantizationJournal::add(std::size_t index, const std::string& name,
                                              const MatrixOutput& output) const {
  std::vector<TensorSource> sources;
  for (const OwnedTensor& tensor : output.tensors)
    sources.push_back(tensor_source(tensor.name, tensor.dtype, tensor.shape, std::span<const std::byte>(tensor.bytes)));
  SQUEEZE_TRY(write_safetensors(path_of(index), sources,
                                {{"inputs", inputs_},
                                 {"matrix", name},
                                 {"sparse_count", std::to_string(output.sparse_count)},
                                 {"objective", exact_text(output.objective)},
                                 {"relative_error", exact_text(output.relative_error)}}));
  auto entry = read_entry(path_of(index), inputs_, name);
  if (!entry)
    return Error{.code = ErrorCode::kInternal,
                 .message = path_of(index).string() + " cannot be read back.",
                 .tensor = name + ".weight"};
  return *std::move(entry);
}

}  // namespace squeeze
