#pragma once
// safetensors: an 8-byte little-endian header length, a JSON header, then the tensors' bytes.
// Format: huggingface/safetensors, README "Format". Reading maps the file and never executes anything.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "tensor/tensor_view.hpp"

namespace squeeze {

// One file, mapped read-only. Checked on opening: header length against the file's size (and at most 100 MB), every
// dtype known, every range inside the file, size = product of the shape, no overlap, no duplicate name.
class SafetensorsFile {
 public:
  static Result<SafetensorsFile> open(const std::filesystem::path& path);

  const std::filesystem::path& path() const;
  const std::vector<TensorView>& tensors() const;              // in the order of their bytes
  const std::map<std::string, std::string>& metadata() const;  // "__metadata__"
  std::span<const std::byte> header() const;                   // the JSON text, for fingerprints
  std::int64_t size_bytes() const;                             // of the file
  void let_go() const;                                         // see MappedFile

 private:
  struct Mapping;
  explicit SafetensorsFile(std::shared_ptr<const Mapping> mapping);
  std::shared_ptr<const Mapping> mapping_;
};

// A tensor to be written: its bytes are asked for when they are needed, so that no file is built in memory.
struct TensorSource {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  // Hands the tensor's bytes to `sink`, in order, in pieces of any size.
  using Sink = std::function<Result<void>(std::span<const std::byte>)>;
  std::function<Result<void>(const Sink& sink)> write;
};

// All tensors of a model folder: model.safetensors, or the shards that model.safetensors.index.json names, or every
// *.safetensors file in it. Also takes the path of one .safetensors file. A folder that holds only pickle files
// (pytorch_model.bin) is refused with the reason. Copies are cheap, and share and keep the mappings.
class TensorStore {
 public:
  TensorStore();  // holds nothing
  static Result<TensorStore> open(const std::filesystem::path& path);
  // Asks every source for its bytes and keeps them in memory; the tensors belong to no file.
  static Result<TensorStore> in_memory(const std::vector<TensorSource>& tensors);

  const TensorView* find(const std::string& name) const;      // nullptr when absent
  Result<TensorView> require(const std::string& name) const;  // kTensorMissing, naming tensor and folder
  std::vector<std::string> names() const;                     // sorted
  const std::vector<SafetensorsFile>& files() const;
  std::int64_t size_bytes() const;
  // Of all files: the bytes leave memory until they are read again. For when tensors have been copied elsewhere.
  void let_go() const;

 private:
  struct Contents;
  std::shared_ptr<const Contents> contents_;
};

// A source over memory that outlives the call.
template <typename T>
TensorSource tensor_source(std::string name, DType dtype, std::vector<std::int64_t> shape, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {std::move(name), dtype, std::move(shape), [bytes](const TensorSource::Sink& sink) { return sink(bytes); }};
}

// Writes to "<path>.tmp", fsyncs, renames. kDiskFull and kOutputUnwritable name the path; the temporary file is
// removed.
Result<void> write_safetensors(const std::filesystem::path& path, const std::vector<TensorSource>& tensors,
                               const std::map<std::string, std::string>& metadata);

}  // namespace squeeze
