#pragma once
// The input of products with few vectors, in the forms that the kernels read. Made once for all matrices that share an
// input (q, k, v; gate, up).

#include <cstdint>
#include <vector>

#include "base/matrix.hpp"

namespace squeeze {

// Vectors that the direct kernels take at once; more go through the matrix library.
inline constexpr std::int64_t kMaxDecodeTokens = 32;
// Inputs that share one scale in their int16 form. 512 products of two numbers of up to kDecodeLevels, added in pairs
// into the 16 lanes of a vector, stay below 2^31: 2 · 16 · 8191² = 2,146,959,...
inline constexpr std::int64_t kDecodeGroup = 512;
inline constexpr int kDecodeLevels = 8191;

// x[T, K], T ≤ kMaxDecodeTokens: as fp32, and as int16 with a scale per group, x ≈ scale · word with
// |word| ≤ kDecodeLevels. Both in natural order, followed by zeros up to a multiple of kDecodeGroup, aligned to 64
// bytes. Belongs to one thread; grows to the largest input it was given.
class DecodeInput {
 public:
  void assign(MatrixView<const float> x);

  std::int64_t tokens() const { return tokens_; }
  std::int64_t cols() const { return cols_; }
  std::int64_t groups() const { return groups_; }
  std::int64_t stride() const { return groups_ * kDecodeGroup; }  // from one token's values to the next one's
  const float* floats(std::int64_t token) const { return floats_ + token * stride(); }        // [groups · 512]
  const std::int16_t* words(std::int64_t token) const { return words_ + token * stride(); }   // [groups · 512]
  const float* scales(std::int64_t token) const { return scales_.data() + token * groups_; }  // [groups]

 private:
  std::int64_t tokens_ = 0, cols_ = 0, groups_ = 0;
  std::vector<float> float_memory_, scales_;
  std::vector<std::int16_t> word_memory_;
  float* floats_ = nullptr;
  std::int16_t* words_ = nullptr;
};

}  // namespace squeeze
