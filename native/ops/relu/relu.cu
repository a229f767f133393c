#include <cassert>

#include "ops/pack_kernel.hpp"
#include "ops/relu/relu_cuda.hpp"

namespace squeeze {

namespace {

struct Relu {
  __device__ float operator()(float x) const { return x < 0 ? 0 : x; }
};
struct ReluBackward {
  __device__ float operator()(float x, float dy) const { return x > 0 ? dy : 0; }
};

}  // namespace

void relu(Stream& stream, DeviceView<const float> x, DeviceView<float> y) {
  assert(x.rows == y.rows && x.cols == y.cols);
  map(stream, Relu{}, x.size(), y.data, x.data);
}

void relu_backward(Stream& stream, DeviceView<const float> x, DeviceView<const float> dy, DeviceView<float> dx) {
  assert(x.rows == dy.rows && x.cols == dy.cols && x.rows == dx.rows && x.cols == dx.cols);
  map(stream, ReluBackward{}, x.size(), dx.data, x.data, dy.data);
}

}  // namespace squeeze
