#pragma once
// Memory that starts at a cache line, so that no vector of any width straddles two of them.

#include <cstddef>
#include <memory>
#include <new>

namespace squeeze {

inline constexpr std::size_t kCacheLine = 64;

struct AlignedDelete {
  void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t(kCacheLine)); }
};

using AlignedBytes = std::unique_ptr<std::byte[], AlignedDelete>;

// Uninitialised: pages that nobody writes to are never in memory.
inline AlignedBytes aligned_bytes(std::size_t count) {
  return AlignedBytes(static_cast<std::byte*>(::operator new[](count, std::align_val_t(kCacheLine))));
}

}  // namespace squeeze
