#pragma once
// Memory for what is streamed again and again: aligned to cache lines, on huge pages, which small buffers share.

#include <cstddef>
#include <cstdint>
#include <memory>

namespace squeeze {

class PageBuffer {
 public:
  PageBuffer() = default;
  // Not initialised. Throws bad_alloc.
  explicit PageBuffer(std::size_t bytes);
  PageBuffer(PageBuffer&&) = default;
  PageBuffer& operator=(PageBuffer&&) = default;

  std::byte* data() const { return memory_.get(); }
  std::size_t size() const { return size_; }

 private:
  std::shared_ptr<std::byte> memory_;  // of others too, but no byte twice
  std::size_t size_ = 0;
};

// Of the machine, bytes.
std::int64_t physical_memory_bytes();

}  // namespace squeeze
