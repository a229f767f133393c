#include "jobs/output.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/atomic_file.hpp"
#include "base/mapped_file.hpp"

namespace squeeze {

namespace fs = std::filesystem;

namespace {

constexpr const char* kCompanions[] = {
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "merges.txt",
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
    "LICENSE",
    "LICENSE.txt",
    "NOTICE",
    "USE_POLICY.md",
};

Error unwritable(const fs::path& path, const std::string& why) {
  return {.code = ErrorCode::kOutputUnwritable,
          .message = path.string() + " cannot be made: " + why + ".",
          .hint = "Choose another folder for the output."};
}

Error already_there(const fs::path& path) {
  return {.code = ErrorCode::kOutputExists,
          .message = path.string() + " exists already.",
          .hint = "Choose another name, or remove it first."};
}

}  // namespace

Result<void> check_output(const fs::path& out) {
  if (out.empty()) return unwritable(out, "its name is empty");
  std::error_code code;
  if (fs::exists(fs::symlink_status(out, code))) return already_there(out);
  // The nearest folder above that is there.
  fs::path parent = fs::absolute(out, code).lexically_normal();
  if (!parent.has_filename()) parent = parent.parent_path();
  do parent = parent.parent_path();
  while (!fs::exists(parent, code) && parent != parent.root_path());
  if (!fs::is_directory(parent, code)) return unwritable(out, parent.string() + " is not a folder");
  if (::access(parent.c_str(), W_OK | X_OK) != 0)
    return unwritable(out, parent.string() + ": " + std::generic_category().message(errno));
  return {};
}

Result<OutputClaim> OutputClaim::take(const fs::path& out) {
  SQUEEZE_TRY(check_output(out));
  const fs::path path = partial_of(out).string() + ".lock";
  if (path.has_parent_path()) SQUEEZE_TRY(make_folder(path.parent_path()));
  while (true) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (file < 0) return unwritable(out, std::generic_category().message(errno));
    OutputClaim claim(path, file);
    if (::flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      claim.path_.clear();
      return Error{.code = ErrorCode::kBusy,
                   .message = out.string() + " is being written by another command at this moment.",
                   .retryable = true,
                   .hint = "Wait until that has ended, or choose another name."};
    }
    // Whoever held it before may have removed it between our opening and our locking.
    struct stat ours = {}, named = {};
    const bool same = ::fstat(file, &ours) == 0 && ::stat(path.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
                      ours.st_dev == named.st_dev;
    if (!same) {
      claim.path_.clear();
      continue;
    }
    SQUEEZE_TRY(check_output(out));  // which may have been finished meanwhile
    return claim;
  }
}

OutputClaim::OutputClaim(OutputClaim&& other) noexcept
    : path_(std::exchange(other.path_, {})), file_(std::exchange(other.file_, -1)) {}

OutputClaim::~OutputClaim() {
  if (!path_.empty()) ::unlink(path_.c_str());
  if (file_ >= 0) ::close(file_);
}

fs::path partial_of(const fs::path& out) {
  const fs::path name = out.has_filename() ? out : out.parent_path();  // "a/b/" names the same folder as "a/b"
  return fs::path(name.string() + ".partial");
}

Result<void> make_folder(const fs::path& folder) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (!code) return {};
  if (code == std::errc::no_space_on_device)
    return Error{.code = ErrorCode::kDiskFull,
                 .message = "No space left on the disk while making " + folder.string() + ".",
                 .retryable = true,
                 .hint = "Free some space, or choose another folder."};
  return unwritable(folder, code.message());
}

Result<void> publish(const fs::path& folder, const fs::path& out) {
  std::error_code code;
  if (fs::exists(fs::symlink_status(out, code))) return already_there(out);
  fs::rename(folder, out.has_filename() ? out : out.parent_path(), code);
  if (code) return unwritable(out, code.message());
  return {};
}

Result<void> write_text(const fs::path& path, const std::string& text) {
  SQUEEZE_ASSIGN(AtomicFile file, AtomicFile::create(path));
  SQUEEZE_TRY(file.write(std::as_bytes(std::span(text))));
  return file.commit();
}

Result<std::string> read_text(const fs::path& path) {
  SQUEEZE_ASSIGN(const MappedFile file, MappedFile::open(path));
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
}

Result<void> copy_companions(const fs::path& from, const fs::path& to) {
  for (const char* name : kCompanions) {
    std::error_code code;
    if (!fs::is_regular_file(from / name, code)) continue;
    SQUEEZE_ASSIGN(const MappedFile source, MappedFile::open(from / name));
    SQUEEZE_ASSIGN(AtomicFile target, AtomicFile::create(to / name));
    SQUEEZE_TRY(target.write(source.bytes()));
    SQUEEZE_TRY(target.commit());
  }
  return {};
}

}  // namespace squeeze
