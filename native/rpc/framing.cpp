#include "rpc/framing.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace squeeze {

namespace {

constexpr std::string_view kHeaderEnd = "\r\n\r\n";

Error malformed(std::string message) {
  return {.code = ErrorCode::kInvalidRequest, .message = "Malformed frame: " + std::move(message)};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// Other header fields, such as Content-Type, are allowed and ignored.
Result<std::size_t> content_length(std::string_view header) {
  std::optional<std::size_t> length;
  while (!header.empty()) {
    const std::size_t end = std::min(header.find("\r\n"), header.size());
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(std::min(header.size(), end + 2));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return malformed("a header line without a colon.");
    if (!equal_ignoring_case(trimmed(line.substr(0, colon)), "Content-Length")) continue;
    const std::string_view digits = trimmed(line.substr(colon + 1));
    std::size_t value = 0;
    const auto [rest, status] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (status != std::errc() || rest != digits.data() + digits.size() || length)
      return malformed("Content-Length must be one non-negative integer.");
    length = value;
  }
  if (!length) return malformed("no Content-Length in the header.");
  if (*length > kMaxBodyBytes)
    return malformed("a body of " + std::to_string(*length) + " bytes; at most " + std::to_string(kMaxBodyBytes) +
                     " are taken.");
  return *length;
}

}  // namespace

Result<bool> FrameReader::fill() {
  char chunk[64 * 1024];
  ssize_t count = 0;
  do count = ::read(fd_, chunk, sizeof(chunk));
  while (count < 0 && errno == EINTR);
  if (count < 0)
    return Error{.code = ErrorCode::kFileUnreadable,
                 .message = std::string("Reading requests: ") + std::strerror(errno)};
  buffer_.append(chunk, static_cast<std::size_t>(count));
  return count > 0;
}

Result<std::optional<std::string>> FrameReader::read() {
  std::size_t end = std::string::npos;
  std::size_t searched = 0;
  while ((end = buffer_.find(kHeaderEnd, searched)) == std::string::npos) {
    if (buffer_.size() > kMaxHeaderBytes)
      return malformed("a header of more than " + std::to_string(kMaxHeaderBytes) + " bytes.");
    searched = buffer_.size() - std::min(buffer_.size(), kHeaderEnd.size() - 1);
    SQUEEZE_ASSIGN(const bool more, fill());
    if (more) continue;
    if (buffer_.empty()) return std::optional<std::string>();
    return malformed("the stream ended inside a header.");
  }
  if (end > kMaxHeaderBytes) return malformed("a header of more than " + std::to_string(kMaxHeaderBytes) + " bytes.");
  SQUEEZE_ASSIGN(const std::size_t length, content_length(std::string_view(buffer_).substr(0, end)));
  const std::size_t begin = end + kHeaderEnd.size();
  while (buffer_.size() < begin + length) {
    SQUEEZE_ASSIGN(const bool more, fill());
    if (!more) return malformed("the stream ended inside a body.");
  }
  std::string body = buffer_.substr(begin, length);
  buffer_.erase(0, begin + length);
  return std::optional<std::string>(std::move(body));
}

bool FrameWriter::write(std::string_view body) {
  std::string frame = "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  frame += body;
  const std::lock_guard lock(mutex_);
  std::string_view rest = frame;
  while (!rest.empty()) {
    const ssize_t count = ::write(fd_, rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace squeeze
