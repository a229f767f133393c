#include "base/page_buffer.hpp"

#include <unistd.h>

#include <cstdlib>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace squeeze {

namespace {

constexpr std::size_t kCacheLine = 64, kHugePage = std::size_t{1} << 21;

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

PageBuffer::PageBuffer(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  const std::size_t alignment = bytes < kHugePage ? kCacheLine : kHugePage;
  memory_.reset(static_cast<std::byte*>(std::aligned_alloc(alignment, round_up(bytes, alignment))));
  if (!memory_) throw std::bad_alloc();
#ifdef __linux__
  // Only whole ones: a model has hundreds of matrices, and each would waste half a huge page at its end.
  if (const std::size_t whole = bytes / kHugePage * kHugePage; whole > 0)
    ::madvise(memory_.get(), whole, MADV_HUGEPAGE);
#endif
}

std::int64_t physical_memory_bytes() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::int64_t>(sysconf(_SC_PAGESIZE));
}

void PageBuffer::Free::operator()(std::byte* memory) const { std::free(memory); }

}  // namespace squeeze
