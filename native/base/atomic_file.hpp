#pragma once
// A file that appears whole or not at all: written beside its place, synced, renamed.

#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "base/result.hpp"

namespace squeeze {

// Writes "<path>.tmp" (replacing one that a killed run left) and renames it on commit(). Without a commit the
// temporary file is removed. Errors name the path: kDiskFull (also a quota), or kOutputUnwritable.
class AtomicFile {
 public:
  static Result<AtomicFile> create(const std::filesystem::path& path);

  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  Result<void> write(std::span<const std::byte> bytes);
  // Flushes to the disk itself, file and folder, and puts the file in its place.
  Result<void> commit();

 private:
  AtomicFile(std::filesystem::path path, int file);
  Result<void> flush();
  Error failure(int code) const;

  std::filesystem::path path_, temporary_;
  int file_ = -1;
  std::vector<std::byte> buffer_;  // gathers small pieces into large writes
};

}  // namespace squeeze
