#include <cassert>

#include "ops/embed/embed_cuda.hpp"
#include "ops/pack_kernel.hpp"

namespace squeeze {

namespace {

// A block takes one row.
template <int Width, typename T, typename P>
__global__ void embed_kernel(const T* table, const std::int32_t* tokens, const P* positions, std::int64_t first,
                             std::int64_t length, float* x, int cols) {
  const std::int64_t row = blockIdx.x;
  const T* from = table + static_cast<std::int64_t>(tokens[row]) * cols;
  const P* position = positions == nullptr ? nullptr : positions + (first + row % length) * cols;
  for (int i = static_cast<int>(threadIdx.x) * Width; i < cols; i += static_cast<int>(kMapThreads) * Width) {
    const auto values = load_pack<Width>(from + i);
    Pack<float, Width> result;
#pragma unroll
    for (int j = 0; j < Width; ++j) result.at[j] = as_float(values.at[j]);
    if (position != nullptr) {
      const auto added = load_pack<Width>(position + i);
#pragma unroll
      for (int j = 0; j < Width; ++j) result.at[j] += as_float(added.at[j]);
    }
    store_pack(x + row * cols + i, result);
  }
}

}  // namespace

template <typename T, typename P>
void embed(Stream& stream, DeviceView<const T> table, const std::int32_t* tokens, DeviceView<float> x,
           const DevicePositions<P>& positions) {
  assert(table.cols == x.cols && (positions.table.data == nullptr || positions.table.cols == x.cols));
  assert(positions.length > 0);
  const bool fours = x.cols % 4 == 0 && fit_fours(table.data, positions.table.data, x.data);
  launch(stream, {.grid = {blocks_for(x.rows, 1)}, .block = {kMapThreads}},
         fours ? embed_kernel<4, T, P> : embed_kernel<1, T, P>, table.data, tokens, positions.table.data,
         positions.first, positions.length, x.data, x.cols);
}

#define SQUEEZE_EMBED(T, P) \
  template void embed(Stream&, DeviceView<const T>, const std::int32_t*, DeviceView<float>, const DevicePositions<P>&);
SQUEEZE_EMBED(float, float)
SQUEEZE_EMBED(float, Half)
SQUEEZE_EMBED(float, BFloat16)
SQUEEZE_EMBED(Half, float)
SQUEEZE_EMBED(Half, Half)
SQUEEZE_EMBED(Half, BFloat16)
SQUEEZE_EMBED(BFloat16, float)
SQUEEZE_EMBED(BFloat16, Half)
SQUEEZE_EMBED(BFloat16, BFloat16)
#undef SQUEEZE_EMBED

}  // namespace squeeze
