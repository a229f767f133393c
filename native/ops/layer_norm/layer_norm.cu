#include <cassert>

#include "ops/layer_norm/layer_norm_cuda.hpp"
#include "ops/pack_kernel.hpp"

namespace squeeze {

namespace {

constexpr int kThreads = 256;  // a block takes one row

// Calls each(i, elements i .. i + Width − 1 of x) for a thread's share of a row.
template <int Width, typename Each>
__device__ __forceinline__ void for_row(const float* x, int cols, Each&& each) {
  for (int i = static_cast<int>(threadIdx.x) * Width; i < cols; i += kThreads * Width) each(i, load_pack<Width>(x + i));
}

struct Moments {
  float mean, r;
};

template <int Width>
__device__ __forceinline__ Moments moments_of(const float* x, int cols, float eps, float* room) {
  float sum = 0;
  for_row<Width>(x, cols, [&](int, const auto& values) {
#pragma unroll
    for (int j = 0; j < Width; ++j) sum += values.at[j];
  });
  const float mean = block_sum(sum, room) / static_cast<float>(cols);
  float squares = 0;
  for_row<Width>(x, cols, [&](int, const auto& values) {
#pragma unroll
    for (int j = 0; j < Width; ++j) squares += (values.at[j] - mean) * (values.at[j] - mean);
  });
  return {mean, 1.0f / sqrtf(block_sum(squares, room) / static_cast<float>(cols) + eps)};
}

template <int Width, typename T>
__global__ void layer_norm_kernel(const float* x, const float* weight, const float* bias, float eps, T* y, int cols) {
  __shared__ float room[32];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * cols;
  const Moments m = moments_of<Width>(x + row, cols, eps, room);
  for_row<Width>(x + row, cols, [&](int i, const auto& values) {
    const auto w = load_pack<Width>(weight + i), b = load_pack<Width>(bias + i);
    Pack<T, Width> result;
#pragma unroll
    for (int j = 0; j < Width; ++j) result.at[j] = from_float<T>((values.at[j] - m.mean) * m.r * w.at[j] + b.at[j]);
    store_pack(y + row + i, result);
  });
}

template <int Width>
__global__ void layer_norm_backward_kernel(const float* x, const float* weight, float eps, const float* dy, float* dx,
                                           int cols) {
  __shared__ float room[32];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * cols;
  const Moments m = moments_of<Width>(x + row, cols, eps, room);
  float sum = 0, along = 0;
  for_row<Width>(x + row, cols, [&](int i, const auto& values) {
    const auto w = load_pack<Width>(weight + i), d = load_pack<Width>(dy + row + i);
#pragma unroll
    for (int j = 0; j < Width; ++j) {
      const float g = w.at[j] * d.at[j];
      sum += g;
      along += g * (values.at[j] - m.mean) * m.r;
    }
  });
  const float mean_sum = block_sum(sum, room) / static_cast<float>(cols);
  const float mean_along = block_sum(along, room) / static_cast<float>(cols);
  for_row<Width>(x + row, cols, [&](int i, const auto& values) {
    const auto w = load_pack<Width>(weight + i), d = load_pack<Width>(dy + row + i);
    Pack<float, Width> result;
#pragma unroll
    for (int j = 0; j < Width; ++j)
      result.at[j] = m.r * (w.at[j] * d.at[j] - mean_sum - (values.at[j] - m.mean) * m.r * mean_along);
    store_pack(dx + row + i, result);
  });
}

}  // namespace

template <typename T>
void layer_norm(Stream& stream, DeviceView<const float> x, const float* weight, const float* bias, float eps,
                DeviceView<T> y) {
  assert(x.rows == y.rows && x.cols == y.cols);
  const bool fours = x.cols % 4 == 0 && fit_fours(x.data, weight, bias, y.data);
  launch(stream, {.grid = {blocks_for(x.rows, 1)}, .block = {kThreads}},
         fours ? layer_norm_kernel<4, T> : layer_norm_kernel<1, T>, x.data, weight, bias, eps, y.data, x.cols);
}
template void layer_norm(Stream&, DeviceView<const float>, const float*, const float*, float, DeviceView<float>);
template void layer_norm(Stream&, DeviceView<const float>, const float*, const float*, float, DeviceView<Half>);
template void layer_norm(Stream&, DeviceView<const float>, const float*, const float*, float, DeviceView<BFloat16>);

void layer_norm_backward(Stream& stream, DeviceView<const float> x, const float* weight, float eps,
                         DeviceView<const float> dy, DeviceView<float> dx) {
  assert(x.rows == dy.rows && x.cols == dy.cols && x.rows == dx.rows && x.cols == dx.cols);
  const bool fours = x.cols % 4 == 0 && fit_fours(x.data, weight, dy.data, dx.data);
  launch(stream, {.grid = {blocks_for(x.rows, 1)}, .block = {kThreads}},
         fours ? layer_norm_backward_kernel<4> : layer_norm_backward_kernel<1>, x.data, weight, eps, dy.data, dx.data,
         x.cols);
}

}  // namespace squeeze
