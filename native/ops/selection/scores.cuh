#pragma once
// What the kernels of a selection compare: each weight's score, and its bits in numeric order.

#include "device/kernel.hpp"
#include "ops/selection/selection_cuda.hpp"

namespace squeeze::selection_device {

constexpr float kLargest = 3.402823466e+38f;

// One piece, with what is of the whole matrix moved on to its first weight.
struct Scored {
  const float* weights;
  const float* sensitivity;
  unsigned count;
  const std::uint8_t* marked;
  const std::uint8_t* indices;
  const Half* tables;
  std::int64_t first_row, block_rows, across;
  unsigned cols, block_cols, entries;
  bool weighted;
  float unit;
};

inline Scored scored(const WeightPiece& piece, const WeightScores& scores) {
  const auto moved = [&](const std::uint8_t* whole) { return whole == nullptr ? nullptr : whole + piece.first(); };
  return {.weights = piece.weights,
          .sensitivity = piece.sensitivity,
          .count = static_cast<unsigned>(piece.size()),
          .marked = moved(scores.marked),
          .indices = moved(scores.indices),
          .tables = scores.tables,
          .first_row = piece.first_row,
          .block_rows = scores.block_rows,
          .across = (piece.cols + scores.block_cols - 1) / scores.block_cols,
          .cols = static_cast<unsigned>(piece.cols),
          .block_cols = static_cast<unsigned>(scores.block_cols),
          .entries = static_cast<unsigned>(scores.entries),
          .weighted = scores.weighted,
          .unit = scores.unit};
}

// As the processor makes it: each operation is rounded, none is fused with the next.
template <WeightOrder kBy>
__device__ __forceinline__ float score_of(const Scored& in, unsigned i) {
  if constexpr (kBy == WeightOrder::kValue) {
    return in.weights[i];
  } else if constexpr (kBy == WeightOrder::kSensitivity) {
    return in.sensitivity[i];
  } else if constexpr (kBy == WeightOrder::kSize) {
    return in.marked[i] != 0 ? kLargest : fabsf(in.weights[i]);
  } else {
    const unsigned row = i / in.cols, col = i - row * in.cols;
    const std::int64_t block = (in.first_row + row) / in.block_rows * in.across + col / in.block_cols;
    const float error = __fsub_rn(in.weights[i], as_float(in.tables[block * in.entries + in.indices[i]]));
    const float weight = in.weighted ? __fmul_rn(in.sensitivity[i], in.unit) : 1.0f;
    return __fmul_rn(__fmul_rn(weight, error), error);
  }
}

template <WeightOrder kBy>
__device__ __forceinline__ unsigned key_of_score(const Scored& in, unsigned i) {
  unsigned bits = __float_as_uint(score_of<kBy>(in, i));
  if (bits == 0x80000000u) bits = 0;  // −0 and 0 are one value
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

}  // namespace squeeze::selection_device
