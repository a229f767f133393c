#include "calib/activation_store.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

namespace squeeze {

namespace {

Result<int> make_scratch(const std::filesystem::path& folder, std::int64_t bytes) {
  std::string path = (folder / "activations-XXXXXX").string();
  const int file = ::mkostemp(path.data(), O_CLOEXEC);
  int code = file < 0 ? errno : 0;
  if (file >= 0) ::unlink(path.c_str());
  if (code == 0) code = ::posix_fallocate(file, 0, bytes);
  if (code == 0) return file;
  if (file >= 0) ::close(file);
  if (code == ENOSPC || code == EDQUOT)
    return Error{.code = ErrorCode::kDiskFull,
                 .message = "The activations need " + std::to_string(bytes >> 20) + " MB of disk in " +
                            folder.string() + ", which is not there.",
                 .retryable = true,
                 .hint = "Free some space, allow more memory, or calibrate on fewer or shorter samples."};
  return Error{.code = ErrorCode::kOutputUnwritable,
               .message = "A scratch file cannot be made in " + folder.string() + ": " +
                          std::generic_category().message(code) + "."};
}

}  // namespace

std::int64_t free_memory_bytes() {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  for (std::int64_t kilobytes = 0; file >> name >> kilobytes; std::getline(file, unit))
    if (name == "MemAvailable:") return kilobytes * 1024;
  return 0;
}

std::int64_t usual_budget(std::int64_t asked_bytes) { return asked_bytes > 0 ? asked_bytes : free_memory_bytes() / 2; }

Result<ActivationStore> ActivationStore::make(std::int64_t slots, std::int64_t rows, std::int64_t cols,
                                              std::int64_t memory_limit, const std::filesystem::path& folder) {
  const std::int64_t floats = slots * rows * cols, bytes = floats * static_cast<std::int64_t>(sizeof(float));
  const bool in_file = bytes > memory_limit;
  int file = -1;
  if (in_file) {
    SQUEEZE_ASSIGN(file, make_scratch(folder, bytes));
  }
  void* memory = ::mmap(nullptr, static_cast<std::size_t>(bytes), PROT_READ | PROT_WRITE,
                        in_file ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, file, 0);
  if (file >= 0) ::close(file);
  if (memory == MAP_FAILED)
    return Error{.code = ErrorCode::kOutOfMemory,
                 .message = "The activations need " + std::to_string(bytes >> 20) + " MB, which the system refused.",
                 .hint = "Calibrate on fewer or shorter samples."};
  return ActivationStore({static_cast<float*>(memory), static_cast<std::size_t>(floats)}, rows, cols, in_file);
}

ActivationStore::ActivationStore(ActivationStore&& other) noexcept
    : values_(std::exchange(other.values_, {})), rows_(other.rows_), cols_(other.cols_), in_file_(other.in_file_) {}

ActivationStore::~ActivationStore() {
  if (!values_.empty()) ::munmap(values_.data(), values_.size_bytes());
}

}  // namespace squeeze
