#pragma once
// e^x in a form that compilers turn into vector code, which calls of std::exp are not.

#include <bit>
#include <cstdint>

namespace squeeze {

// Range reduction by ln 2 in two parts and the degree-5 polynomial of Cephes' expf (S. Moshier). Relative error below
// 2e-7 over [-87, 88]. Outside, the argument is moved to that range's end: it never overflows, and underflows to 1e-38
// rather than to zero. NaN stays NaN.
inline float exp_approx(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  constexpr float magic = 12582912.0f;  // 1.5 · 2^23: adding it rounds to a whole number, in the low bits
  const float shifted = x * 1.44269504f + magic;
  const float n = shifted - magic;
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(magic) + 127u;
  return p * std::bit_cast<float>(exponent << 23);
}

}  // namespace squeeze
