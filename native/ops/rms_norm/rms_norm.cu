#include "device/kernel.hpp"
#include "ops/rms_norm/rms_norm_cuda.hpp"

namespace squeeze {

namespace {

constexpr unsigned kThreads = 256;  // a block takes one row

template <typename T>
__global__ void rms_norm_kernel(const float* x, const float* weight, float eps, T* y, int cols) {
  __shared__ float room[32];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * cols;
  float squares = 0;
  for (int i = static_cast<int>(threadIdx.x); i < cols; i += kThreads) squares += x[row + i] * x[row + i];
  const float r = 1.0f / sqrtf(block_sum(squares, room) / static_cast<float>(cols) + eps);
  for (int i = static_cast<int>(threadIdx.x); i < cols; i += kThreads)
    y[row + i] = from_float<T>(x[row + i] * r * weight[i]);
}

__global__ void rms_norm_backward_kernel(const float* x, const float* weight, float eps, const float* dy, float* dx,
                                         int cols) {
  __shared__ float room[32];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * cols;
  float squares = 0, product = 0;
  for (int i = static_cast<int>(threadIdx.x); i < cols; i += kThreads) {
    squares += x[row + i] * x[row + i];
    product += weight[i] * dy[row + i] * x[row + i];
  }
  const float n = static_cast<float>(cols);
  const float r = 1.0f / sqrtf(block_sum(squares, room) / n + eps);
  const float pull = block_sum(product, room) / n * r * r;
  for (int i = static_cast<int>(threadIdx.x); i < cols; i += kThreads)
    dx[row + i] = r * (weight[i] * dy[row + i] - x[row + i] * pull);
}

}  // namespace

template <typename T>
void rms_norm(Stream& stream, DeviceView<const float> x, const float* weight, float eps, DeviceView<T> y) {
  launch(stream, {.grid = {blocks_for(x.rows, 1)}, .block = {kThreads}}, rms_norm_kernel<T>, x.data, weight, eps,
         y.data, static_cast<int>(x.cols));
}
template void rms_norm(Stream&, DeviceView<const float>, const float*, float, DeviceView<float>);
template void rms_norm(Stream&, DeviceView<const float>, const float*, float, DeviceView<Half>);
template void rms_norm(Stream&, DeviceView<const float>, const float*, float, DeviceView<BFloat16>);

void rms_norm_backward(Stream& stream, DeviceView<const float> x, const float* weight, float eps,
                       DeviceView<const float> dy, DeviceView<float> dx) {
  launch(stream, {.grid = {blocks_for(x.rows, 1)}, .block = {kThreads}}, rms_norm_backward_kernel, x.data, weight, eps,
         dy.data, dx.data, static_cast<int>(x.cols));
}

}  // namespace squeeze
