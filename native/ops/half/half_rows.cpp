#include "ops/half/half_rows.hpp"

#include "base/simd.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace squeeze {

namespace {

constexpr float kLargest = 65504.0f;

#if defined(__x86_64__)

// Each returns how many it converted: all but less than a vector.

[[gnu::target("avx512f")]] std::int64_t to_floats_avx512(const Half* x, std::int64_t count, float* y) {
  const __mmask16 all = 0xffff;  // the form without a mask makes GCC 12 warn of its own header
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16)
    _mm512_storeu_ps(y + i, _mm512_maskz_cvtph_ps(all, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i))));
  return i;
}

[[gnu::target("avx,f16c")]] std::int64_t to_floats_f16c(const Half* x, std::int64_t count, float* y) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
  return i;
}

[[gnu::target("avx,f16c")]] std::int64_t to_halves_f16c(const float* x, std::int64_t count, Half* y) {
  const __m256 most = _mm256_set1_ps(kLargest), least = _mm256_set1_ps(-kLargest);
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    // Of a NaN and a number, min and max give the second operand.
    const __m256 bounded = _mm256_max_ps(least, _mm256_min_ps(most, _mm256_loadu_ps(x + i)));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), _mm256_cvtps_ph(bounded, _MM_FROUND_TO_NEAREST_INT));
  }
  return i;
}

#endif

}  // namespace

Half to_half_saturated(float x) {
  // Comparisons with NaN are false, so it passes.
  return to_half(x > kLargest ? kLargest : x < -kLargest ? -kLargest : x);
}

void to_floats(const Half* x, std::int64_t count, float* y) {
  std::int64_t i = 0;
#if defined(__x86_64__)
  if (best_simd() == Simd::kAvx512) i = to_floats_avx512(x, count, y);
  if (best_simd() == Simd::kAvx2) i = to_floats_f16c(x, count, y);
#endif
  for (; i < count; ++i) y[i] = to_float(x[i]);
}

void to_halves_saturated(const float* x, std::int64_t count, Half* y) {
  std::int64_t i = 0;
#if defined(__x86_64__)
  if (best_simd() != Simd::kPortable) i = to_halves_f16c(x, count, y);
#endif
  for (; i < count; ++i) y[i] = to_half_saturated(x[i]);
}

}  // namespace squeeze
