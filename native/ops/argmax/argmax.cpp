#include "ops/argmax/argmax.hpp"

#include <algorithm>
#include <cassert>

#include "base/simd.hpp"

namespace squeeze {

SQUEEZE_HOT static float largest_value(const float* x, std::int64_t count) {
  float most = x[0];
#pragma omp simd reduction(max : most)
  for (std::int64_t i = 0; i < count; ++i) most = most < x[i] ? x[i] : most;
  return most;
}

float largest(std::span<const float> x) {
  assert(!x.empty());
  return largest_value(x.data(), static_cast<std::int64_t>(x.size()));
}

std::int64_t argmax(std::span<const float> x) { return std::ranges::find(x, largest(x)) - x.begin(); }

}  // namespace squeeze
