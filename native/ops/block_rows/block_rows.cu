#include <algorithm>
#include <cassert>

#include "device/kernel.hpp"
#include "ops/block_rows/block_rows_cuda.hpp"

namespace squeeze {

namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kBlocksEach = 16;  // for each multiprocessor

struct Places {
  BlockCut cut;
  std::int64_t across;
  const std::int64_t* blocks;
  unsigned count, width;  // of places in the rows; of one row
};

// Calls at(place, offset in the matrix, or -1 beyond its edge) for this thread's share of the places.
template <typename At>
__device__ __forceinline__ void for_each_place(const Places& p, const At& at) {
  for (unsigned i = blockIdx.x * kThreads + threadIdx.x; i < p.count; i += gridDim.x * kThreads) {
    const unsigned row_made = i / p.width, within = i - row_made * p.width;
    const auto block_cols = static_cast<unsigned>(p.cut.block_cols);
    const unsigned down = within / block_cols, along = within - down * block_cols;
    const std::int64_t block = p.blocks[row_made], block_row = block / p.across;
    const std::int64_t row = block_row * p.cut.block_rows + down;
    const std::int64_t col = (block - block_row * p.across) * p.cut.block_cols + along;
    at(i, row < p.cut.rows && col < p.cut.cols ? row * p.cut.cols + col : -1);
  }
}

template <typename T>
__global__ void __launch_bounds__(kThreads) gather_kernel(const T* matrix, Places places, T filling, T* to) {
  for_each_place(places, [&](unsigned i, std::int64_t at) { to[i] = at >= 0 ? matrix[at] : filling; });
}

template <typename T>
__global__ void __launch_bounds__(kThreads) scatter_kernel(const T* from, Places places, T* matrix) {
  for_each_place(places, [&](unsigned i, std::int64_t at) {
    if (at >= 0) matrix[at] = from[i];
  });
}

Places places_of(const BlockCut& cut, DeviceView<const std::int64_t> blocks) {
  assert(blocks.size() * cut.width() < std::int64_t{1} << 31);
  return {cut, cut.across(), blocks.data, static_cast<unsigned>(blocks.size() * cut.width()),
          static_cast<unsigned>(cut.width())};
}

Launch launch_for(const Stream& stream, const Places& places) {
  const std::int64_t most = kBlocksEach * std::max(1, stream.device().multiprocessors);
  return {.grid = {static_cast<unsigned>(std::min<std::int64_t>(most, blocks_for(places.count, kThreads)))},
          .block = {kThreads}};
}

}  // namespace

template <typename T>
void gather_blocks(Stream& stream, const T* matrix, const BlockCut& cut, DeviceView<const std::int64_t> blocks,
                   T filling, T* to) {
  const Places places = places_of(cut, blocks);
  launch(stream, launch_for(stream, places), gather_kernel<T>, matrix, places, filling, to);
}
template void gather_blocks(Stream&, const float*, const BlockCut&, DeviceView<const std::int64_t>, float, float*);
template void gather_blocks(Stream&, const std::uint8_t*, const BlockCut&, DeviceView<const std::int64_t>, std::uint8_t,
                            std::uint8_t*);

template <typename T>
void scatter_blocks(Stream& stream, const T* from, const BlockCut& cut, DeviceView<const std::int64_t> blocks,
                    T* matrix) {
  const Places places = places_of(cut, blocks);
  launch(stream, launch_for(stream, places), scatter_kernel<T>, from, places, matrix);
}
template void scatter_blocks(Stream&, const Half*, const BlockCut&, DeviceView<const std::int64_t>, Half*);
template void scatter_blocks(Stream&, const std::uint8_t*, const BlockCut&, DeviceView<const std::int64_t>,
                             std::uint8_t*);
template void scatter_blocks(Stream&, const double*, const BlockCut&, DeviceView<const std::int64_t>, double*);

}  // namespace squeeze
