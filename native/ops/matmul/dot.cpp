#include "ops/matmul/dot.hpp"

#include <cstring>

#include "base/half.hpp"

namespace squeeze {

namespace {

constexpr int kLanes = 16;

template <typename T>
float dot_portable(const std::byte* weights, const float* x, std::int64_t count) {
  float sums[kLanes] = {};
  for (std::int64_t first = 0; first < count; first += kLanes) {
    const std::int64_t here = count - first < kLanes ? count - first : kLanes;
    T block[kLanes] = {};
    std::memcpy(block, weights + first * static_cast<std::int64_t>(sizeof(T)),
                static_cast<std::size_t>(here) * sizeof(T));
    for (int lane = 0; lane < here; ++lane) sums[lane] += to_float(block[lane]) * x[first + lane];
  }
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  return sums[0];
}

template <typename T>
void dot_few(const std::byte* weights, const DotVectors& v, DotKernel kernel) {
  if (kernel != nullptr) return kernel(weights, v);
  for (std::int64_t t = 0; t < v.tokens; ++t)
    v.out[t * v.out_stride] = dot_portable<T>(weights, v.x + t * v.stride, v.count);
}

}  // namespace

void dot_f32(const std::byte* weights, const DotVectors& v, Simd simd) {
  dot_few<float>(weights, v, dot_kernels_x86(simd).f32);
}

void dot_f16(const std::byte* weights, const DotVectors& v, Simd simd) {
  dot_few<Half>(weights, v, dot_kernels_x86(simd).f16);
}

void dot_bf16(const std::byte* weights, const DotVectors& v, Simd simd) {
  dot_few<BFloat16>(weights, v, dot_kernels_x86(simd).bf16);
}

float dot(const float* a, const float* b, std::int64_t count) {
  float out;
  dot_f32(reinterpret_cast<const std::byte*>(a), {b, count, 1, count, &out, 1});
  return out;
}

}  // namespace squeeze
