#include "base/page_buffer.hpp"

#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace squeeze {

namespace {

constexpr std::size_t kCacheLine = 64, kHugePage = std::size_t{1} << 21;
constexpr std::size_t kSlabBytes = 16 * kHugePage;

constexpr std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

// Memory of huge pages as far as it reaches; pages that are never written cost nothing.
std::shared_ptr<std::byte> allocate(std::size_t bytes) {
  const std::size_t whole = round_up(bytes, kHugePage);
  auto* const memory = static_cast<std::byte*>(std::aligned_alloc(kHugePage, whole));
  if (memory == nullptr) throw std::bad_alloc();
#ifdef __linux__
  // Only those that are needed whole: what is behind the last would be cleared and kept for nothing.
  ::madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
#endif
  return {memory, [](std::byte* p) { std::free(p); }};
}

// Buffers smaller than a slab come one behind the other, so that they fill huge pages together. The last of them to go
// frees the slab.
std::shared_ptr<std::byte> take_from_slab(std::size_t bytes) {
  static std::mutex mutex;
  static std::weak_ptr<std::byte> current;
  static std::size_t taken = 0;
  const std::scoped_lock lock(mutex);
  std::shared_ptr<std::byte> slab = current.lock();
  if (!slab || taken + bytes > kSlabBytes) {
    current = slab = allocate(kSlabBytes);
    taken = 0;
  }
  std::byte* const begin = slab.get() + taken;
  taken += round_up(bytes, kCacheLine);
  return {std::move(slab), begin};
}

}  // namespace

PageBuffer::PageBuffer(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  memory_ = bytes < kSlabBytes / 2 ? take_from_slab(bytes) : allocate(bytes);
}

std::int64_t physical_memory_bytes() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::int64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace squeeze
