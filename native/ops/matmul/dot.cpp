#include "ops/matmul/dot.hpp"

#include <cstring>

#include "base/half.hpp"
#include "base/simd.hpp"

namespace squeeze {

namespace {

constexpr int kLanes = 32;  // enough independent sums to hide the latency of an addition with 8-wide vectors

template <typename T>
[[gnu::always_inline]] inline float dot_body(const std::byte* weights, const float* x, std::int64_t count) {
  float sums[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    T block[kLanes];
    std::memcpy(block, weights + i * static_cast<std::int64_t>(sizeof(T)), sizeof(block));
    for (int lane = 0; lane < kLanes; ++lane) sums[lane] += to_float(block[lane]) * x[i + lane];
  }
  for (int lane = 0; i < count; ++i, ++lane) {
    T value;
    std::memcpy(&value, weights + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    sums[lane] += to_float(value) * x[i];
  }
  for (int width = kLanes / 2; width > 0; width /= 2)
    for (int lane = 0; lane < width; ++lane) sums[lane] += sums[lane + width];
  return sums[0];
}

}  // namespace

SQUEEZE_HOT float dot_f32(const std::byte* weights, const float* x, std::int64_t count) {
  return dot_body<float>(weights, x, count);
}

SQUEEZE_HOT float dot_f16(const std::byte* weights, const float* x, std::int64_t count) {
  return dot_body<Half>(weights, x, count);
}

SQUEEZE_HOT float dot_bf16(const std::byte* weights, const float* x, std::int64_t count) {
  return dot_body<BFloat16>(weights, x, count);
}

float dot(const float* a, const float* b, std::int64_t count) {
  return dot_f32(reinterpret_cast<const std::byte*>(a), b, count);
}

}  // namespace squeeze
