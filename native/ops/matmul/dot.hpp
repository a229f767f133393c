#pragma once
// Inner products with fp32 accumulation in a fixed order (kLanes partial sums, then pairwise), so the same result for
// every number of threads. Between processors it may differ in the last bits: those with FMA round a product and its
// addition once, others twice. The weights' bytes need not be aligned.

#include <cstddef>
#include <cstdint>

namespace squeeze {

float dot(const float* a, const float* b, std::int64_t count);
// Of stored F32, F16, BF16 weights with an fp32 vector, converting in registers.
float dot_f32(const std::byte* weights, const float* x, std::int64_t count);
float dot_f16(const std::byte* weights, const float* x, std::int64_t count);
float dot_bf16(const std::byte* weights, const float* x, std::int64_t count);

}  // namespace squeeze
