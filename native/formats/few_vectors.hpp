#pragma once
// The vectors that a launch multiplies, as its blocks have them. For .cu files. One vector is made ready by each block
// for itself, in dynamic shared memory, from the numbers it stands for or from those before the norm; several lie ready
// in the device's memory.

#include "formats/few_task.hpp"

namespace squeeze::few {

// 16-bit floats: the value, and what rounding left of it.
template <typename Number>
class SplitVector {
 public:
  static constexpr int kMost = 1;
  static constexpr int kGap = 32;  // so that lanes read both rows from different banks
  static std::int64_t bytes(int stride) { return 2 * (std::int64_t{2} * stride + kGap); }

  __device__ explicit SplitVector(const Task& task)
      : value_(dynamic_shared<unsigned short>()), rest_(value_ + task.stride + kGap) {
    split_vector<Number>(task.own_x, task.norm_weight, task.norm_bias, task.eps, task.cols, task.stride, value_, rest_);
  }
  __device__ __forceinline__ int count() const { return 1; }
  __device__ __forceinline__ float value(int, int col) const {
    return as_float(Number{value_[col]}) + as_float(Number{rest_[col]});
  }
  // Columns 32q + 8t .. + 7 of a unit for lane 4g + t: of row g, of two.
  __device__ __forceinline__ uint4 eight(int unit, int q) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const unsigned short* row = lane < 4 ? value_ : rest_;  // nobody looks at the sums of more columns
    return *reinterpret_cast<const uint4*>(row + unit * kUnitCols + 32 * q + 8 * (lane % 4));
  }

 private:
  unsigned short *value_, *rest_;
};

// Whole numbers of three signed bytes, and what they are multiplied by: 24 bits of the largest element (behind a
// LayerNorm, of what it cannot exceed).
class DigitVector {
 public:
  static constexpr int kMost = 1;
  static constexpr int kGap = 32;
  static constexpr float kMostSteps = 0x7f7f00;  // three digits reach to 0x7f7f7f, and roundings beyond this
  static std::int64_t bytes(int stride) { return 3 * (std::int64_t{1} * stride + kGap); }

  __device__ explicit DigitVector(const Task& task) : digits_(dynamic_shared<signed char>()), row_(task.stride + kGap) {
    __shared__ Norm::Sums room[32];
    const Norm norm(task.own_x, task.norm_weight, task.norm_bias, task.eps, task.cols, true, room);
    const float largest = norm.largest();
    // NaN or Inf anywhere makes every product NaN.
    const bool finite = largest < INFINITY;
    scale_ = !finite ? NAN : largest > 0 ? largest / kMostSteps : 1.0f;
    const float in_steps = finite && largest > 0 ? kMostSteps / largest : 0.0f;
    for_each_four(task.own_x, task.cols, [&](int col, int count, const float(&four)[4]) {
      float v[4] = {four[0], four[1], four[2], four[3]};
      norm.apply(col, count, v);
      unsigned steps[4];  // three bytes, each 128 more than its digit, and then the digits
#pragma unroll
      for (int i = 0; i < 4; ++i)
        steps[i] = static_cast<unsigned>(__float2int_rn(v[i] * in_steps) + 0x808080) ^ 0x808080u;
#pragma unroll
      for (unsigned d = 0; d < 3; ++d) {
        const unsigned pair = d | (d + 4) << 4;
        const unsigned digits =
            permute_bytes(permute_bytes(steps[0], steps[1], pair), permute_bytes(steps[2], steps[3], pair), 0x5410);
        *reinterpret_cast<unsigned*>(digits_ + static_cast<int>(d) * row_ + col) = digits;
      }
    });
    for (int i = (task.cols + 3) / 4 * 4 + static_cast<int>(threadIdx.x); i < task.stride; i += kThreads)
      digits_[i] = digits_[row_ + i] = digits_[2 * row_ + i] = 0;
  }

  __device__ __forceinline__ float scale() const { return scale_; }
  __device__ __forceinline__ int count() const { return 1; }
  __device__ __forceinline__ float value(int, int col) const {
    const signed char* at = digits_ + col;
    return static_cast<float>(at[0] + (at[row_] << 8) + (at[2 * row_] << 16)) * scale_;
  }
  // Columns 32q + 8t .. + 7 of a unit for lane 4g + t: of digit g, of three.
  __device__ __forceinline__ uint2 eight(int unit, int q) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int digit = min(lane / 4, 2);  // nobody looks at the sums of more columns
    return *reinterpret_cast<const uint2*>(digits_ + digit * row_ + unit * kUnitCols + 32 * q + 8 * (lane % 4));
  }

 private:
  signed char* digits_;
  int row_;
  float scale_;
};

// Up to four, each as SplitVector says: rows of 16-bit numbers in Task::x.
template <typename Number>
class PreparedVectors {
 public:
  static constexpr int kMost = 4;

  __device__ explicit PreparedVectors(const Task& task) : rows_(task.x), stride_(task.stride), count_(task.vectors) {}

  __device__ __forceinline__ int count() const { return count_; }
  __device__ __forceinline__ float value(int vector, int col) const {
    const unsigned short* at = rows_ + static_cast<std::int64_t>(2 * vector) * stride_ + col;
    return as_float(Number{at[0]}) + as_float(Number{at[stride_]});
  }
  // As SplitVector's; row g of all. Behind the last, what is there: nobody looks at those sums.
  __device__ __forceinline__ uint4 eight(int unit, int q) const {
    const int lane = static_cast<int>(threadIdx.x) % 32, row = min(lane / 4, 2 * count_ - 1);
    return *reinterpret_cast<const uint4*>(rows_ + static_cast<std::int64_t>(row) * stride_ + unit * kUnitCols +
                                           32 * q + 8 * (lane % 4));
  }

 private:
  const unsigned short* rows_;
  int stride_, count_;
};

}  // namespace squeeze::few
