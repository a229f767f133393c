#include "ops/matmul/dot.hpp"

#if defined(SQUEEZE_X86_KERNELS)

#include <immintrin.h>

#include <cstring>

#include "base/half.hpp"

#define SQUEEZE_INLINE [[gnu::always_inline]] inline

namespace squeeze {

namespace {

constexpr std::int64_t kPrefetch = 3072;  // bytes ahead; a row's end is followed by the next row

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")
// GCC 12 takes the "undefined" operands inside its own intrinsics for uninitialised variables (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"

namespace avx512 {

// 16 weights, of which only those in `mask` are read.
template <typename T>
SQUEEZE_INLINE __m512 weights_at(const std::byte* from, __mmask16 mask) {
  if constexpr (sizeof(T) == 4)
    return _mm512_maskz_loadu_ps(mask, from);
  else {
    const __m256i bits = _mm256_maskz_loadu_epi16(mask, from);
    if constexpr (std::is_same_v<T, Half>)
      return _mm512_cvtph_ps(bits);
    else
      return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
}

template <typename T, int Tokens>
SQUEEZE_INLINE void dot_tokens(const std::byte* weights, const DotVectors& v, std::int64_t t0) {
  constexpr int apart = Tokens == 1 ? 4 : 2;  // sums under way for each token
  __m512 sums[Tokens][apart];
  const float* x[Tokens];
#pragma GCC unroll 4
  for (int t = 0; t < Tokens; ++t) {
    x[t] = v.x + (t0 + t) * v.stride;
#pragma GCC unroll 4
    for (int a = 0; a < apart; ++a) sums[t][a] = _mm512_setzero_ps();
  }
  std::int64_t i = 0;
  for (; i + 16 * apart <= v.count; i += 16 * apart) {
    const std::byte* const at = weights + i * static_cast<std::int64_t>(sizeof(T));
#pragma GCC unroll 4
    for (std::size_t line = 0; line < 16 * apart * sizeof(T); line += 64)
      _mm_prefetch(reinterpret_cast<const char*>(at + line + kPrefetch), _MM_HINT_T0);
#pragma GCC unroll 4
    for (int a = 0; a < apart; ++a) {
      const __m512 w = weights_at<T>(at + 16 * a * static_cast<std::int64_t>(sizeof(T)), 0xffff);
#pragma GCC unroll 4
      for (int t = 0; t < Tokens; ++t) sums[t][a] = _mm512_fmadd_ps(w, _mm512_loadu_ps(x[t] + i + 16 * a), sums[t][a]);
    }
  }
  for (; i < v.count; i += 16) {
    const std::int64_t left = v.count - i;
    const auto mask = static_cast<__mmask16>(left >= 16 ? 0xffff : (1 << left) - 1);
    const __m512 w = weights_at<T>(weights + i * static_cast<std::int64_t>(sizeof(T)), mask);
#pragma GCC unroll 4
    for (int t = 0; t < Tokens; ++t) sums[t][0] = _mm512_fmadd_ps(w, _mm512_maskz_loadu_ps(mask, x[t] + i), sums[t][0]);
  }
#pragma GCC unroll 4
  for (int t = 0; t < Tokens; ++t) {
    __m512 sum = _mm512_add_ps(sums[t][0], sums[t][1]);
    if constexpr (apart == 4) sum = _mm512_add_ps(sum, _mm512_add_ps(sums[t][2], sums[t][3]));
    v.out[(t0 + t) * v.out_stride] = _mm512_reduce_add_ps(sum);
  }
}

template <typename T>
void dot_few(const std::byte* weights, const DotVectors& v) {
  std::int64_t t = 0;
  for (; t + 4 <= v.tokens; t += 4) dot_tokens<T, 4>(weights, v, t);
  for (; t + 2 <= v.tokens; t += 2) dot_tokens<T, 2>(weights, v, t);
  if (t < v.tokens) dot_tokens<T, 1>(weights, v, t);
}

}  // namespace avx512

#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")

namespace avx2 {

template <typename T>
SQUEEZE_INLINE __m256 weights_at(const std::byte* from) {
  if constexpr (sizeof(T) == 4)
    return _mm256_loadu_ps(reinterpret_cast<const float*>(from));
  else {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    if constexpr (std::is_same_v<T, Half>)
      return _mm256_cvtph_ps(bits);
    else
      return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
}

template <typename T, int Tokens>
SQUEEZE_INLINE void dot_tokens(const std::byte* weights, const DotVectors& v, std::int64_t t0) {
  constexpr int apart = Tokens == 1 ? 4 : 2;
  __m256 sums[Tokens][apart];
  const float* x[Tokens];
#pragma GCC unroll 4
  for (int t = 0; t < Tokens; ++t) {
    x[t] = v.x + (t0 + t) * v.stride;
#pragma GCC unroll 4
    for (int a = 0; a < apart; ++a) sums[t][a] = _mm256_setzero_ps();
  }
  std::int64_t i = 0;
  for (; i + 8 * apart <= v.count; i += 8 * apart) {
    const std::byte* const at = weights + i * static_cast<std::int64_t>(sizeof(T));
    _mm_prefetch(reinterpret_cast<const char*>(at + kPrefetch), _MM_HINT_T0);
#pragma GCC unroll 4
    for (int a = 0; a < apart; ++a) {
      const __m256 w = weights_at<T>(at + 8 * a * static_cast<std::int64_t>(sizeof(T)));
#pragma GCC unroll 4
      for (int t = 0; t < Tokens; ++t) sums[t][a] = _mm256_fmadd_ps(w, _mm256_loadu_ps(x[t] + i + 8 * a), sums[t][a]);
    }
  }
#pragma GCC unroll 4
  for (int t = 0; t < Tokens; ++t) {
    __m256 sum = _mm256_add_ps(sums[t][0], sums[t][1]);
    if constexpr (apart == 4) sum = _mm256_add_ps(sum, _mm256_add_ps(sums[t][2], sums[t][3]));
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    float total = _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
    for (std::int64_t j = i; j < v.count; ++j) {
      T value;
      std::memcpy(&value, weights + j * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
      total += to_float(value) * x[t][j];
    }
    v.out[(t0 + t) * v.out_stride] = total;
  }
}

template <typename T>
void dot_few(const std::byte* weights, const DotVectors& v) {
  std::int64_t t = 0;
  for (; t + 4 <= v.tokens; t += 4) dot_tokens<T, 4>(weights, v, t);
  for (; t + 2 <= v.tokens; t += 2) dot_tokens<T, 2>(weights, v, t);
  if (t < v.tokens) dot_tokens<T, 1>(weights, v, t);
}

}  // namespace avx2

#pragma GCC pop_options

}  // namespace

DotKernels dot_kernels_x86(Simd simd) {
  switch (simd) {
    case Simd::kAvx512:
      return {avx512::dot_few<float>, avx512::dot_few<Half>, avx512::dot_few<BFloat16>};
    case Simd::kAvx2:
      return {avx2::dot_few<float>, avx2::dot_few<Half>, avx2::dot_few<BFloat16>};
    case Simd::kPortable:
      break;
  }
  return {};
}

}  // namespace squeeze

#else

namespace squeeze {

DotKernels dot_kernels_x86(Simd) { return {}; }

}  // namespace squeeze

#endif
