#include <cassert>

#include "device/kernel.hpp"
#include "ops/sum_words/sum_words_cuda.hpp"

namespace squeeze {

namespace {

constexpr int kThreads = 256;
constexpr int kBlocksEach = 8;  // of a multiprocessor: all the threads that it has room for
// Loads of 16 bytes that a thread has under way: 128 KB a multiprocessor, several times what memory needs to be busy
// (on an H200 4.8 TB/s · 0.8 µs / 132 = 29 KB).
constexpr int kLoads = 4;
constexpr std::int64_t kTile = std::int64_t{kThreads} * kLoads;

__global__ void __launch_bounds__(kThreads, kBlocksEach)
    sum_words_kernel(const uint4* words, std::int64_t count, std::uint32_t* sums) {
  __shared__ unsigned room[32];
  unsigned sum = 0;
  for (std::int64_t tile = blockIdx.x * kTile; tile < count; tile += gridDim.x * kTile) {
    uint4 read[kLoads];
#pragma unroll
    for (int i = 0; i < kLoads; ++i) {
      const std::int64_t at = tile + i * kThreads + threadIdx.x;
      read[i] = at < count ? load_once(words + at) : make_uint4(0, 0, 0, 0);
    }
#pragma unroll
    for (int i = 0; i < kLoads; ++i) sum += read[i].x + read[i].y + read[i].z + read[i].w;
  }
  sum = block_sum(sum, room);
  if (threadIdx.x == 0) sums[blockIdx.x] = sum;
}

}  // namespace

void sum_words(Stream& stream, DeviceView<const std::uint32_t> words, DeviceView<std::uint32_t> sums) {
  assert(words.size() % 4 == 0 && reinterpret_cast<std::uintptr_t>(words.data) % 16 == 0);
  launch(stream, {.grid = {static_cast<unsigned>(sums.size())}, .block = {kThreads}}, sum_words_kernel,
         reinterpret_cast<const uint4*>(words.data), words.size() / 4, sums.data);
}

std::int64_t sum_words_blocks(const DeviceProperties& device) {
  return std::int64_t{kBlocksEach} * device.multiprocessors;
}

}  // namespace squeeze
