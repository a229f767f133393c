#include <cassert>

#include "ops/add/add_cuda.hpp"
#include "ops/pack_kernel.hpp"

namespace squeeze {

namespace {

struct Sum {
  __device__ float operator()(float x, float y) const { return x + y; }
};
struct SumOfSquare {
  float scale;
  __device__ float operator()(float sum, float x) const { return sum + x * x * scale; }
};
struct Product {
  float factor;
  __device__ float operator()(float x) const { return x * factor; }
};

// A block takes one row.
template <int Width>
__global__ void add_bias_kernel(float* x, const float* bias, int cols) {
  float* row = x + static_cast<std::int64_t>(blockIdx.x) * cols;
  for (int i = static_cast<int>(threadIdx.x) * Width; i < cols; i += static_cast<int>(kMapThreads) * Width) {
    auto values = load_pack<Width>(row + i);
    const auto added = load_pack<Width>(bias + i);
#pragma unroll
    for (int j = 0; j < Width; ++j) values.at[j] += added.at[j];
    store_pack(row + i, values);
  }
}

}  // namespace

void add(Stream& stream, DeviceView<float> x, DeviceView<const float> y) {
  assert(x.rows == y.rows && x.cols == y.cols);
  map(stream, Sum{}, x.size(), x.data, static_cast<const float*>(x.data), y.data);
}

void add_bias(Stream& stream, DeviceView<float> x, const float* bias) {
  if (bias == nullptr) return;
  const bool fours = x.cols % 4 == 0 && fit_fours(x.data, bias);
  launch(stream, {.grid = {blocks_for(x.rows, 1)}, .block = {kMapThreads}},
         fours ? add_bias_kernel<4> : add_bias_kernel<1>, x.data, bias, static_cast<int>(x.cols));
}

void add_squares(Stream& stream, DeviceView<float> sum, DeviceView<const float> x, float scale) {
  assert(sum.rows == x.rows && sum.cols == x.cols);
  map(stream, SumOfSquare{scale}, sum.size(), sum.data, static_cast<const float*>(sum.data), x.data);
}

void scale(Stream& stream, DeviceView<float> x, float factor) {
  map(stream, Product{factor}, x.size(), x.data, static_cast<const float*>(x.data));
}

}  // namespace squeeze
