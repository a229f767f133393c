// Which files make up a model, and their tensors by name.

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <set>

#include "base/mapped_file.hpp"
#include "tensor/safetensors.hpp"

namespace squeeze {

namespace fs = std::filesystem;
using nlohmann::json;

struct TensorStore::Contents {
  std::vector<SafetensorsFile> files;
  std::vector<std::vector<std::byte>> memory;  // of tensors that are in no file
  std::vector<TensorView> views;               // of that memory
  std::map<std::string, const TensorView*> by_name;
};

namespace {

constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

bool is_pickle(const fs::path& path) {
  static const std::set<std::string> endings = {".bin", ".pt", ".pth", ".ckpt", ".pkl"};
  return endings.contains(path.extension().string());
}

Error refuse_pickle(const fs::path& path) {
  return {
      .code = ErrorCode::kFileUnreadable,
      .message = path.string() +
                 " is a pickle file, and reading one can run any program inside it; only safetensors are read.",
      .hint = "Convert the checkpoint to safetensors where you trust it (save_pretrained with safe_serialization)."};
}

bool is_gguf(const fs::path& path) {
  std::string ending = path.extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending == ".gguf";
}

Error refuse_gguf(const fs::path& path) {
  return {.code = ErrorCode::kFileUnreadable,
          .message = path.string() + " is a GGUF file, most of which are quantized already; only safetensors are read.",
          .hint = "Open the folder of the full-precision checkpoint that it was made from."};
}

// The shards that the index names, each a plain file name in the index's own folder.
Result<std::map<std::string, std::string>> read_weight_map(const fs::path& path) {
  const auto malformed = [&](const std::string& what) {
    return Error{.code = ErrorCode::kFileMalformed, .message = path.string() + " " + what + "."};
  };
  SQUEEZE_ASSIGN(const MappedFile file, MappedFile::open(path));
  const auto* chars = reinterpret_cast<const char*>(file.bytes().data());
  const json index = json::parse(chars, chars + file.bytes().size(), nullptr, /*allow_exceptions=*/false);
  if (index.is_discarded()) return malformed("is not JSON");
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (map == index.end() || !map->is_object()) return malformed("has no weight_map");
  std::map<std::string, std::string> files;
  for (const auto& [tensor, value] : map->items()) {
    if (!value.is_string()) return malformed("does not say in which file tensor " + tensor + " is");
    const auto name = value.get<std::string>();
    // What Windows reads as a path is refused everywhere, so that a folder means the same on every machine.
    if (name.empty() || name == "." || name == ".." || name.find_first_of(std::string_view("/\\:\0", 4)) != name.npos)
      return malformed("puts tensor " + tensor + " into \"" + name + "\", which is not a file of this folder");
    files.emplace(tensor, name);
  }
  return files;
}

}  // namespace

TensorStore::TensorStore() : contents_(std::make_shared<Contents>()) {}

Result<TensorStore> TensorStore::open(const fs::path& path) {
  std::error_code ignored;
  std::vector<fs::path> paths;
  std::map<std::string, std::string> weight_map;  // tensor → shard; empty without an index

  if (fs::is_directory(path, ignored)) {
    if (fs::exists(path / kSingle, ignored)) {
      paths = {path / kSingle};
    } else if (fs::exists(path / kIndex, ignored)) {
      SQUEEZE_ASSIGN(weight_map, read_weight_map(path / kIndex));
      std::set<std::string> shards;
      for (const auto& [tensor, shard] : weight_map) shards.insert(shard);
      for (const std::string& shard : shards) {
        if (!fs::exists(path / shard, ignored))
          return Error{.code = ErrorCode::kFileNotFound,
                       .message = "The shard " + (path / shard).string() + ", which " + kIndex + " names, is missing.",
                       .hint = "Download the checkpoint again, all of its files."};
        paths.push_back(path / shard);
      }
    } else {
      fs::path pickle;
      fs::directory_iterator entries(path, ignored);
      if (ignored)
        return Error{.code = ErrorCode::kFileUnreadable,
                     .message = path.string() + " cannot be read: " + ignored.message() + "."};
      for (const auto& entry : entries) {
        if (entry.path().extension() == ".safetensors") paths.push_back(entry.path());
        if (is_pickle(entry.path())) pickle = entry.path();
      }
      std::ranges::sort(paths);
      if (paths.empty() && !pickle.empty()) return refuse_pickle(pickle);
    }
    if (paths.empty())
      return Error{.code = ErrorCode::kFileNotFound, .message = path.string() + " holds no .safetensors file."};
  } else {
    if (is_pickle(path) && fs::exists(path, ignored)) return refuse_pickle(path);
    if (is_gguf(path) && fs::exists(path, ignored)) return refuse_gguf(path);
    paths = {path};
  }

  const auto contents = std::make_shared<Contents>();
  for (const fs::path& file : paths) {
    SQUEEZE_ASSIGN(auto opened, SafetensorsFile::open(file));
    contents->files.push_back(std::move(opened));
  }
  std::map<std::string, const SafetensorsFile*> owner;
  for (const SafetensorsFile& file : contents->files) {
    for (const TensorView& tensor : file.tensors()) {
      const auto [entry, is_new] = owner.emplace(tensor.name, &file);
      if (!is_new)
        return Error{.code = ErrorCode::kFileMalformed,
                     .message = "Tensor " + tensor.name + " is both in " + entry->second->path().string() + " and in " +
                                file.path().string() + ".",
                     .tensor = tensor.name};
      contents->by_name.emplace(tensor.name, &tensor);
    }
  }
  for (const auto& [tensor, shard] : weight_map) {
    const auto found = owner.find(tensor);
    if (found == owner.end() || found->second->path().filename() != shard)
      return Error{.code = ErrorCode::kTensorMissing,
                   .message = "Tensor " + tensor + " is not in " + (path / shard).string() + ", where " + kIndex +
                              " says it is.",
                   .tensor = tensor};
  }
  TensorStore store;
  store.contents_ = contents;
  return store;
}

Result<TensorStore> TensorStore::in_memory(const std::vector<TensorSource>& tensors) {
  const auto contents = std::make_shared<Contents>();
  contents->views.reserve(tensors.size());  // by_name points into it
  for (const TensorSource& tensor : tensors) {
    std::vector<std::byte>& bytes = contents->memory.emplace_back();
    SQUEEZE_TRY(tensor.write([&](std::span<const std::byte> piece) -> Result<void> {
      bytes.insert(bytes.end(), piece.begin(), piece.end());
      return {};
    }));
    contents->views.push_back(
        {.name = tensor.name, .dtype = tensor.dtype, .shape = tensor.shape, .bytes = std::span(bytes)});
    contents->by_name.emplace(tensor.name, &contents->views.back());
  }
  TensorStore store;
  store.contents_ = contents;
  return store;
}

const TensorView* TensorStore::find(const std::string& name) const {
  const auto entry = contents_->by_name.find(name);
  return entry == contents_->by_name.end() ? nullptr : entry->second;
}

Result<TensorView> TensorStore::require(const std::string& name) const {
  if (const TensorView* tensor = find(name)) return *tensor;
  const std::string where = contents_->files.empty()       ? "nothing"
                            : contents_->files.size() == 1 ? contents_->files.front().path().string()
                                                           : contents_->files.front().path().parent_path().string();
  return Error{
      .code = ErrorCode::kTensorMissing, .message = "Tensor " + name + " is missing in " + where + ".", .tensor = name};
}

std::vector<std::string> TensorStore::names() const {
  std::vector<std::string> names;
  names.reserve(contents_->by_name.size());
  for (const auto& [name, tensor] : contents_->by_name) names.push_back(name);
  return names;
}

const std::vector<SafetensorsFile>& TensorStore::files() const { return contents_->files; }

void TensorStore::let_go() const {
  for (const SafetensorsFile& file : contents_->files) file.let_go();
}

std::int64_t TensorStore::size_bytes() const {
  std::int64_t total = 0;
  for (const SafetensorsFile& file : contents_->files) total += file.size_bytes();
  for (const std::vector<std::byte>& bytes : contents_->memory) total += static_cast<std::int64_t>(bytes.size());
  return total;
}

}  // namespace squeeze
