#pragma once
// Memory for what is streamed again and again: aligned to cache lines, on huge pages as far as whole ones are filled.

#include <cstddef>
#include <cstdint>
#include <memory>

namespace squeeze {

class PageBuffer {
 public:
  PageBuffer() = default;
  // Not initialised. Throws bad_alloc.
  explicit PageBuffer(std::size_t bytes);

  std::byte* data() const { return memory_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Free> memory_;
  std::size_t size_ = 0;
};

// Of the machine, bytes.
std::int64_t physical_memory_bytes();

}  // namespace squeeze
