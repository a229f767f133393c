#pragma once
// Inner products of one row of stored weights with a few vectors, at the speed at which the row is read. fp32
// accumulation in a fixed order, so the same result for every number of threads; between processors it may differ in
// the last bits. The weights' bytes need not be aligned.

#include <cstddef>
#include <cstdint>

#include "base/matrix.hpp"
#include "base/simd.hpp"

namespace squeeze {

// x[t] · weights for vectors of `count` floats that lie `stride` apart; out[t · out_stride] for t < tokens.
struct DotVectors {
  const float* x;
  std::int64_t stride, tokens, count;
  float* out;
  std::int64_t out_stride;
};

float dot(const float* a, const float* b, std::int64_t count);
// Of stored F32, F16, BF16 weights, converted in registers. A `simd` that the processor lacks must not be asked for.
void dot_f32(const std::byte* weights, const DotVectors& v, Simd simd = best_simd());
void dot_f16(const std::byte* weights, const DotVectors& v, Simd simd = best_simd());
void dot_bf16(const std::byte* weights, const DotVectors& v, Simd simd = best_simd());

// The same in intrinsics; null where they are not built or not wanted.
using DotKernel = void (*)(const std::byte* weights, const DotVectors& v);
struct DotKernels {
  DotKernel f32 = nullptr, f16 = nullptr, bf16 = nullptr;
};
DotKernels dot_kernels_x86(Simd simd);

}  // namespace squeeze
