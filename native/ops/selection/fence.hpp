#pragma once
// How far beyond the quartiles a weight lies, and the bins in which that is counted.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace squeeze {

// |w| ≥ base + r · width  ⇔  w is beyond the larger fence at range r.
struct Fence {
  double base = 0, width = 0;
  // The largest r at which w still counts; negative inside the quartiles; 0 width: never (−1).
  double range_of(float w) const { return width > 0 ? (std::abs(static_cast<double>(w)) - base) / width : -1.0; }
};

inline constexpr int kRangeShift = 11;  // of a positive float's 31 bits, 20 are kept: 12 of mantissa
inline constexpr std::size_t kRangeBins = std::size_t{1} << (31 - kRangeShift);

// range ≥ 0
inline std::size_t range_bin(double range) {
  return std::bit_cast<std::uint32_t>(static_cast<float>(range)) >> kRangeShift;
}
// The lower edge.
inline double bin_range(std::size_t bin) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bin) << kRangeShift));
}

// Sums over a matrix in fp64, in the order of memory.
struct WeightSums {
  double values = 0, squares = 0;
};

}  // namespace squeeze
