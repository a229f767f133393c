#include "base/atomic_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

namespace squeeze {

namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

// Some file systems refuse to sync (EINVAL, ENOTSUP); only a failed write is a failure.
int sync_error(int file) { return ::fsync(file) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : errno; }

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path, int file) : path_(std::move(path)), file_(file) {
  temporary_ = path_;
  temporary_ += ".tmp";
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      file_(std::exchange(other.file_, -1)),
      buffer_(std::move(other.buffer_)) {}

AtomicFile::~AtomicFile() {
  if (file_ < 0) return;
  ::close(file_);
  ::unlink(temporary_.c_str());
}

Error AtomicFile::failure(int code) const {
  if (code == ENOSPC || code == EDQUOT)
    return {.code = ErrorCode::kDiskFull,
            .message = "No space left on the disk while writing " + path_.string() + ".",
            .retryable = true,
            .hint = "Free some space, or choose another folder."};
  return {.code = ErrorCode::kOutputUnwritable,
          .message = path_.string() + " cannot be written: " + std::generic_category().message(code) + "."};
}

Result<AtomicFile> AtomicFile::create(const std::filesystem::path& path) {
  AtomicFile file(path, -1);
  file.file_ = ::open(file.temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file.file_ < 0) return file.failure(errno);
  file.buffer_.reserve(kBufferBytes);
  return file;
}

Result<void> AtomicFile::flush() {
  const std::byte* next = buffer_.data();
  std::size_t left = buffer_.size();
  while (left > 0) {
    const ::ssize_t written = ::write(file_, next, left);
    if (written < 0) {
      if (errno == EINTR) continue;
      return failure(errno);
    }
    next += written;
    left -= static_cast<std::size_t>(written);
  }
  buffer_.clear();
  return {};
}

Result<void> AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kBufferBytes - buffer_.size()));
    buffer_.insert(buffer_.end(), piece.begin(), piece.end());
    bytes = bytes.subspan(piece.size());
    if (buffer_.size() == kBufferBytes) SQUEEZE_TRY(flush());
  }
  return {};
}

Result<void> AtomicFile::commit() {
  SQUEEZE_TRY(flush());
  if (const int code = sync_error(file_)) return failure(code);
  // Some file systems report a failed write only now.
  if (::close(std::exchange(file_, -1)) != 0) {
    const int code = errno;
    ::unlink(temporary_.c_str());
    return failure(code);
  }
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int code = errno;
    ::unlink(temporary_.c_str());
    return failure(code);
  }
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle >= 0) {
    sync_error(handle);
    ::close(handle);
  }
  return {};
}

}  // namespace squeeze
