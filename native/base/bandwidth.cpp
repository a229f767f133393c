#include "base/bandwidth.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/simd.hpp"
#include "base/threads.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kLineBytes = 64;
constexpr std::int64_t kWords = ReadBandwidth::kBytes / 8;
constexpr std::int64_t kChunkWords = 1 << 17;  // 1 MB: long runs for the prefetcher, small enough to share out evenly
static_assert(kWords % kChunkWords == 0);

// Four places of the chunk at once, each beginning on a cache line. One place alone, or loads across lines, keep too
// few reads under way: 31 GB/s each way against 40 (one thread of a Zen 5, 2026-11).
SQUEEZE_HOT std::uint64_t sum_chunk(const std::uint64_t* words) {
  constexpr std::int64_t apart = kChunkWords / 4;
  const std::uint64_t *a = words, *b = a + apart, *c = b + apart, *d = c + apart;
  std::uint64_t sum = 0;
  for (std::int64_t i = 0; i < apart; ++i) sum += a[i] + b[i] + c[i] + d[i];
  return sum;
}

// GB/s of one pass.
double read_once(const std::uint64_t* words) {
  std::atomic<std::uint64_t> total = 0;
  const auto start = std::chrono::steady_clock::now();
  parallel_for(kWords / kChunkWords, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t chunk = first; chunk < last; ++chunk) total += sum_chunk(words + chunk * kChunkWords);
  });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  // The sum is used, so that no compiler may leave the reading out.
  return total == kWords ? static_cast<double>(ReadBandwidth::kBytes) / seconds / 1e9 : 0;
}

}  // namespace

ReadBandwidth::ReadBandwidth() : memory_(kWords + kLineBytes / 8, 1) {}

const std::uint64_t* ReadBandwidth::words() const {
  const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
  return memory_.data() + (kLineBytes - address % kLineBytes) % kLineBytes / 8;
}

double ReadBandwidth::measure(int threads) const {
  const int before = thread_count();
  set_thread_count(threads);
  double fastest = 0;
  for (int pass = 0; pass < 3; ++pass) fastest = std::max(fastest, read_once(words()));
  set_thread_count(before);
  return fastest;
}

}  // namespace squeeze
