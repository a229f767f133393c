#include <cassert>

#include "ops/pack_kernel.hpp"
#include "ops/rms_norm/rms_norm_cuda.hpp"

namespace squeeze {

namespace {

constexpr int kThreads = 256;  // a block takes one row

template <int Width, typename T>
__global__ void rms_norm_kernel(const float* x, const float* weight, float eps, T* y, int cols) {
  __shared__ float room[32];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * cols;
  const int first = static_cast<int>(threadIdx.x) * Width;
  float squares = 0;
  for (int i = first; i < cols; i += kThreads * Width) {
    const auto values = load_pack<Width>(x + row + i);
#pragma unroll
    for (int j = 0; j < Width; ++j) squares += values.at[j] * values.at[j];
  }
  const float r = 1.0f / sqrtf(block_sum(squares, room) / static_cast<float>(cols) + eps);
  for (int i = first; i < cols; i += kThreads * Width) {
    const auto values = load_pack<Width>(x + row + i), w = load_pack<Width>(weight + i);
    Pack<T, Width> result;
#pragma unroll
    for (int j = 0; j < Width; ++j) result.at[j] = from_float<T>(values.at[j] * r * w.at[j]);
    store_pack(y + row + i, result);
  }
}

template <int Width>
__global__ void rms_norm_backward_kernel(const float* x, const float* weight, float eps, const float* dy, float* dx,
                                         int cols) {
  __shared__ float room[32];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * cols;
  const int first = static_cast<int>(threadIdx.x) * Width;
  float squares = 0, product = 0;
  for (int i = first; i < cols; i += kThreads * Width) {
    const auto values = load_pack<Width>(x + row + i), w = load_pack<Width>(weight + i),
               d = load_pack<Width>(dy + row + i);
#pragma unroll
    for (int j = 0; j < Width; ++j) {
      squares += values.at[j] * values.at[j];
      product += w.at[j] * d.at[j] * values.at[j];
    }
  }
  const float n = static_cast<float>(cols);
  const float r = 1.0f / sqrtf(block_sum(squares, room) / n + eps);
  const float pull = block_sum(product, room) / n * r * r;
  for (int i = first; i < cols; i += kThreads * Width) {
    const auto values = load_pack<Width>(x + row + i), w = load_pack<Width>(weight + i),
               d = load_pack<Width>(dy + row + i);
    Pack<float, Width> result;
#pragma unroll
    for (int j = 0; j < Width; ++j) result.at[j] = r * (w.at[j] * d.at[j] - values.at[j] * pull);
    store_pack(dx + row + i, result);
  }
}

}  // namespace

template <typename T>
void rms_norm(Stream& stream, DeviceView<const float> x, const float* weight, float eps, DeviceView<T> y) {
  assert(x.rows == y.rows && x.cols == y.cols);
  const bool fours = x.cols % 4 == 0 && fit_fours(x.data, weight, y.data);
  launch(stream, {.grid = {blocks_for(x.rows, 1)}, .block = {kThreads}},
         fours ? rms_norm_kernel<4, T> : rms_norm_kernel<1, T>, x.data, weight, eps, y.data, x.cols);
}
template void rms_norm(Stream&, DeviceView<const float>, const float*, float, DeviceView<float>);
template void rms_norm(Stream&, DeviceView<const float>, const float*, float, DeviceView<Half>);
template void rms_norm(Stream&, DeviceView<const float>, const float*, float, DeviceView<BFloat16>);

void rms_norm_backward(Stream& stream, DeviceView<const float> x, const float* weight, float eps,
                       DeviceView<const float> dy, DeviceView<float> dx) {
  assert(x.rows == dy.rows && x.cols == dy.cols && x.rows == dx.rows && x.cols == dx.cols);
  const bool fours = x.cols % 4 == 0 && fit_fours(x.data, weight, dy.data, dx.data);
  launch(stream, {.grid = {blocks_for(x.rows, 1)}, .block = {kThreads}},
         fours ? rms_norm_backward_kernel<4> : rms_norm_backward_kernel<1>, x.data, weight, eps, dy.data, dx.data,
         x.cols);
}

}  // namespace squeeze
