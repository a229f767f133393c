#pragma once
// A file seen as memory, read-only. All that is particular to the operating system is in mapped_file.cpp (POSIX).

#include <cstddef>
#include <filesystem>
#include <span>

#include "base/result.hpp"

namespace squeeze {

// Owns one mapping; the bytes live as long as it does. A file that another program shortens while it is mapped kills
// the process on access (SIGBUS): checkpoints are replaced by renaming, never written in place.
class MappedFile {
 public:
  // kFileNotFound or kFileUnreadable, naming the path. An empty file is an empty span.
  static Result<MappedFile> open(const std::filesystem::path& path);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  // Says that the bytes won't be read soon: they leave this process's memory, and come back from the file when read.
  void let_go() const;

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace squeeze
