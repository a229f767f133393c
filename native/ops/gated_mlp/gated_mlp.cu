#include <cassert>

#include "ops/gated_mlp/gated_mlp_cuda.hpp"
#include "ops/pack_kernel.hpp"

namespace squeeze {

namespace {

struct GatedSilu {
  __device__ float operator()(float gate, float up) const { return gate / (1.0f + expf(-gate)) * up; }
};

// A thread for each pack; what is left over at the end goes one by one.
template <int Width>
__global__ void gated_silu_backward_kernel(const float* gate, const float* up, const float* dy, float* d_gate,
                                           float* d_up, std::int64_t count) {
  const auto backward = [](float g, float u, float d, float& by_gate, float& by_up) {
    const float s = 1.0f / (1.0f + expf(-g));
    by_gate = d * u * s * (1.0f + g * (1.0f - s));
    by_up = d * g * s;
  };
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * kMapThreads + threadIdx.x) * Width;
  if (first + Width <= count) {
    const auto g = load_pack<Width>(gate + first), u = load_pack<Width>(up + first), d = load_pack<Width>(dy + first);
    Pack<float, Width> by_gate, by_up;
#pragma unroll
    for (int i = 0; i < Width; ++i) backward(g.at[i], u.at[i], d.at[i], by_gate.at[i], by_up.at[i]);
    store_pack(d_gate + first, by_gate);
    store_pack(d_up + first, by_up);
  } else {
    for (std::int64_t i = first; i < count; ++i) {
      float by_gate, by_up;
      backward(gate[i], up[i], dy[i], by_gate, by_up);
      d_gate[i] = by_gate;
      d_up[i] = by_up;
    }
  }
}

}  // namespace

void gated_silu(Stream& stream, DeviceView<const float> gate, DeviceView<const float> up, DeviceView<float> y) {
  assert(gate.rows == y.rows && gate.cols == y.cols && up.rows == y.rows && up.cols == y.cols);
  map(stream, GatedSilu{}, y.size(), y.data, gate.data, up.data);
}

void gated_silu_backward(Stream& stream, DeviceView<const float> gate, DeviceView<const float> up,
                         DeviceView<const float> dy, DeviceView<float> d_gate, DeviceView<float> d_up) {
  assert(gate.size() == dy.size() && up.size() == dy.size() && d_gate.size() == dy.size() && d_up.size() == dy.size());
  const bool fours = fit_fours(gate.data, up.data, dy.data, d_gate.data, d_up.data);
  launch(stream, {.grid = {blocks_for(dy.size(), (fours ? 4 : 1) * kMapThreads)}, .block = {kMapThreads}},
         fours ? gated_silu_backward_kernel<4> : gated_silu_backward_kernel<1>, gate.data, up.data, dy.data,
         d_gate.data, d_up.data, dy.size());
}

}  // namespace squeeze
