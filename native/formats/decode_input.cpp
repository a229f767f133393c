#include "formats/decode_input.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/simd.hpp"

namespace squeeze {

namespace {

constexpr std::size_t kAlignment = 64;

template <typename T>
T* aligned(std::vector<T>& memory, std::size_t count) {
  constexpr std::size_t slack = kAlignment / sizeof(T);
  if (memory.size() < count + slack) memory.resize(count + slack);
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  return memory.data() + (kAlignment - address % kAlignment) % kAlignment / sizeof(T);
}

}  // namespace

// One group: words[i] = round(x[i] / scale), to even. Returns the scale: 0 for a group of zeros, NaN where x holds NaN
// or Inf, so that a model that has diverged still shows it.
SQUEEZE_HOT static float to_words(const float* x, std::int16_t* words) {
  float most = 0, poison = 0;
#pragma omp simd reduction(max : most) reduction(+ : poison)
  for (std::int64_t i = 0; i < kDecodeGroup; ++i) {
    most = most < std::fabs(x[i]) ? std::fabs(x[i]) : most;
    poison += x[i] * 0.0f;
  }
  const float inverse = most > 0 ? static_cast<float>(kDecodeLevels) / most : 0.0f;
#pragma omp simd
  for (std::int64_t i = 0; i < kDecodeGroup; ++i) {
    // Adding 1.5 · 2^23 leaves the rounded integer in the low bits of the mantissa.
    const float shifted = x[i] * inverse + 12582912.0f;
    words[i] = static_cast<std::int16_t>(__builtin_bit_cast(std::int32_t, shifted));
  }
  return most / static_cast<float>(kDecodeLevels) + poison;
}

void DecodeInput::assign(MatrixView<const float> x) {
  assert(x.rows >= 1 && x.rows <= kMaxDecodeTokens && x.cols > 0);
  tokens_ = x.rows;
  cols_ = x.cols;
  groups_ = (x.cols + kDecodeGroup - 1) / kDecodeGroup;
  const auto count = static_cast<std::size_t>(tokens_ * stride());
  floats_ = aligned(float_memory_, count);
  words_ = aligned(word_memory_, count);
  scales_.resize(static_cast<std::size_t>(tokens_ * groups_));
  for (std::int64_t t = 0; t < tokens_; ++t) {
    float* const floats = floats_ + t * stride();
    std::copy_n(x.row(t).data(), cols_, floats);
    std::fill_n(floats + cols_, stride() - cols_, 0.0f);
    for (std::int64_t g = 0; g < groups_; ++g)
      scales_[t * groups_ + g] = to_words(floats + g * kDecodeGroup, words_ + t * stride() + g * kDecodeGroup);
  }
}

}  // namespace squeeze
