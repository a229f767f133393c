#pragma once
// Evenly spaced values, with a scale and a zero point for every group of neighbouring weights in a row:
//   <name>.qweight  U32 [N, ceil(K·b/32)]  b-bit integers q, see formats/packed_indices.hpp
//   <name>.scales   F16 [N, G]             G groups of K/G weights; G = 1 is one group per output channel
//   <name>.zeros    F16 [N, G]             zero point, in units of q
// w = (q − zero) · scale in fp32. b = 2..8 follows from the words of a row, which tells them apart from K = 32 on.

#include "base/half.hpp"
#include "formats/format.hpp"

namespace squeeze {

inline constexpr std::int64_t kUniformMinCols = 32;

// q [N, K] < 2^bits with K ≥ kUniformMinCols, scales and zeros [N, G].
std::vector<OwnedTensor> uniform_group_tensors(const std::string& name, int bits, MatrixView<const std::uint8_t> q,
                                               MatrixView<const Half> scales, MatrixView<const Half> zeros);

}  // namespace squeeze
