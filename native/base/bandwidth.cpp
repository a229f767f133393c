#include "base/bandwidth.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>

#include "base/simd.hpp"
#include "base/threads.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kChunkWords = 1 << 17;  // 1 MB: long runs for the prefetcher, small enough to share out evenly

SQUEEZE_HOT std::uint64_t sum_words(const std::uint64_t* words, std::int64_t count) {
  std::uint64_t sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += words[i];
  return sum;
}

// GB/s of one pass.
double read_once(const std::vector<std::uint64_t>& words) {
  std::atomic<std::uint64_t> total = 0;
  const auto start = std::chrono::steady_clock::now();
  parallel_for(static_cast<std::int64_t>(words.size()), kChunkWords,
               [&](std::int64_t first, std::int64_t last) { total += sum_words(words.data() + first, last - first); });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  // The sum is used, so that no compiler may leave the reading out.
  return total == words.size() ? static_cast<double>(ReadBandwidth::kBytes) / seconds / 1e9 : 0;
}

}  // namespace

double ReadBandwidth::measure(int threads) const {
  const int before = thread_count();
  set_thread_count(threads);
  double fastest = 0;
  for (int pass = 0; pass < 3; ++pass) fastest = std::max(fastest, read_once(words_));
  set_thread_count(before);
  return fastest;
}

}  // namespace squeeze
