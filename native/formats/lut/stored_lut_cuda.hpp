#pragma once
// A LUT weight on a GPU as it is stored, for work on one layer after another: it comes in its few bits and is decoded
// there. Weights that stay for products with few vectors are laid out anew instead (formats/lut/lut_cuda.hpp).

#include <cstddef>
#include <functional>
#include <span>

#include "device/device.hpp"
#include "formats/lut/lut.hpp"

namespace squeeze {

class StoredLut {
 public:
  // Hands a copy to memory of the device to the stream that assign() is given.
  using Send = std::function<void(void* to, std::span<const std::byte> from)>;

  // Takes over what `weight` holds; memory grows to the largest weight taken.
  void assign(Stream& stream, const LutWeight& weight, const Send& send);

  std::int64_t rows() const { return rows_; }
  std::int64_t entries() const { return std::int64_t{1} << bits_; }

  // out [N, K], rounded to nearest even from the sum of both parts in fp32. T: float or BFloat16.
  template <typename T>
  void decode(Stream& stream, DeviceView<T> out) const;
  // sums [N, 2^b]: for each entry of a codebook, its members' values [N, K] added up in fp64, in a fixed order.
  void sum_members(Stream& stream, DeviceView<const float> values, DeviceView<float> sums) const;

 private:
  std::int64_t rows_ = 0, cols_ = 0, row_words_ = 0;
  int bits_ = 0;
  bool has_sparse_ = false, wide_ = false;
  DeviceArray<unsigned> words_;
  DeviceArray<Half> tables_, kept_;
  DeviceArray<std::int32_t> row_ptr_;
  DeviceArray<std::uint16_t> kept_cols_;  // two each where they are wide
};

}  // namespace squeeze
