#pragma once
// How fast this machine reads memory: what limits everything that reads each weight once.

#include <cstdint>
#include <vector>

namespace squeeze {

// Memory to be read from one end to the other, larger than the caches so that every pass comes from memory itself.
class ReadBandwidth {
 public:
  static constexpr std::int64_t kBytes = 384 << 20;

  ReadBandwidth();

  // GB/s (10⁹ bytes) by `threads` threads together, at least 1: the fastest of three passes, since one in which a core
  // was lent to another program says nothing of the memory. Leaves the thread count as it was.
  double measure(int threads) const;

 private:
  const std::uint64_t* words() const;  // [kBytes / 8]

  std::vector<std::uint64_t> memory_;  // all 1, so that a pass can be seen to have read every word
};

}  // namespace squeeze
