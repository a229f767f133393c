#pragma once
// Content-Length frames, as the Language Server Protocol has them: "Content-Length: <bytes>\r\n\r\n<body>".

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace squeeze {

inline constexpr std::size_t kMaxHeaderBytes = 8 * 1024;
inline constexpr std::size_t kMaxBodyBytes = 64 * 1024 * 1024;

// Reads bodies from a file descriptor. Not for two threads at once.
class FrameReader {
 public:
  explicit FrameReader(int fd) : fd_(fd) {}
  // The next body; nullopt when the stream ended between two frames. A frame that is malformed, too large or cut short
  // is an error after which the stream cannot be followed any more (kInvalidRequest, or kFileUnreadable for the
  // stream).
  Result<std::optional<std::string>> read();

 private:
  Result<bool> fill();  // false at the end of the stream

  int fd_;
  std::string buffer_;
};

// Writes bodies to a file descriptor, whole frames at a time, from any thread.
class FrameWriter {
 public:
  explicit FrameWriter(int fd) : fd_(fd) {}
  // False when the other side is gone.
  bool write(std::string_view body);

 private:
  int fd_;
  std::mutex mutex_;
};

}  // namespace squeeze
