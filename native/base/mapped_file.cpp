#include "base/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace squeeze {

namespace {

Error cannot_open(const std::filesystem::path& path, int code) {
  if (code == ENOENT || code == ENOTDIR)
    return {.code = ErrorCode::kFileNotFound, .message = path.string() + " does not exist."};
  return {.code = ErrorCode::kFileUnreadable,
          .message = path.string() + " cannot be read: " + std::generic_category().message(code) + "."};
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  // A named pipe would otherwise wait here for somebody to write into it.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return cannot_open(path, errno);
  struct stat status = {};
  const bool known = ::fstat(file, &status) == 0;
  int code = known ? 0 : errno;
  if (known && S_ISDIR(status.st_mode)) code = EISDIR;
  if (code == 0 && !S_ISREG(status.st_mode)) code = EINVAL;
  void* memory = nullptr;
  if (code == 0 && status.st_size > 0) {
    memory = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
    if (memory == MAP_FAILED) code = errno;
  }
  ::close(file);
  if (code != 0) return cannot_open(path, code);
  return MappedFile({static_cast<const std::byte*>(memory), static_cast<std::size_t>(status.st_size)});
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

void MappedFile::let_go() const {
  // A hint: where it is refused, the pages merely stay.
  if (!bytes_.empty()) ::madvise(const_cast<std::byte*>(bytes_.data()), bytes_.size(), MADV_DONTNEED);
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace squeeze
