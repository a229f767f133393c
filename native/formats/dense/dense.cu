#include <algorithm>
#include <vector>

#include "base/threads.hpp"
#include "formats/dense/dense_cuda.hpp"
#include "formats/layout_kernels.hpp"

namespace squeeze {

namespace {

using few::kUnitCols;

// 16 bytes, eight neighbouring columns, at a time; eight lanes of a row group read 64 bytes of each row.
template <typename T>
class DenseLayout {
 public:
  using Number = T;
  static constexpr int kUnitsAhead = 1;  // 128 bytes a thread; two find no room in its registers
  static constexpr int kTileSharedBytes = 0;
  static constexpr int kTableWords = 0;
  struct Unit {
    uint4 low[4], high[4];  // rows g and g + 8
  };

  struct Stream {
    const T *low, *high;
  };

  __device__ static void prepare(const few::Target&, const few::Task&, int, int) {}
  __device__ DenseLayout(const few::Target&, const unsigned*, int) {}

  __device__ static Stream stream(const few::Target& target, const few::Task& task, int tile) {
    const int lane = static_cast<int>(threadIdx.x) % 32, row = tile * few::kTileRows + lane / 4;
    // Rows behind the last are read as the last; what becomes of them is not stored.
    const auto* weights = static_cast<const T*>(target.weights) + 8 * (lane % 4);
    return {weights + static_cast<std::int64_t>(min(row, target.rows - 1)) * task.stride,
            weights + static_cast<std::int64_t>(min(row + 8, target.rows - 1)) * task.stride};
  }

  // By a warp: units of a tile from `first` on, a row a lane.
  __device__ __forceinline__ static void prefetch(const few::Target& target, const few::Task& task, int tile,
                                                  int first) {
    constexpr int kUnitBytes = kUnitCols * static_cast<int>(sizeof(T));  // of a row
    const int lane = static_cast<int>(threadIdx.x) % 32, row = tile * few::kTileRows + lane;
    const int count = min(task.units - first, few::kMostAheadBytes / (few::kTileRows * kUnitBytes));
    if (lane < few::kTileRows && row < target.rows && count > 0)
      prefetch_bytes(
          static_cast<const T*>(target.weights) + static_cast<std::int64_t>(row) * task.stride + first * kUnitCols,
          count * kUnitBytes);
  }

  __device__ __forceinline__ static void load(Stream stream, int unit, Unit& u) {
#pragma unroll
    for (int q = 0; q < 4; ++q) {
      u.low[q] = load_once(reinterpret_cast<const uint4*>(stream.low + unit * kUnitCols + 32 * q));
      u.high[q] = load_once(reinterpret_cast<const uint4*>(stream.high + unit * kUnitCols + 32 * q));
    }
  }

  __device__ __forceinline__ void fragment(const Unit& u, int j, unsigned (&a)[4]) const {
    const uint4 low = u.low[j / 2], high = u.high[j / 2];
    a[0] = j % 2 == 0 ? low.x : low.z;
    a[1] = j % 2 == 0 ? high.x : high.z;
    a[2] = j % 2 == 0 ? low.y : low.w;
    a[3] = j % 2 == 0 ? high.y : high.w;
  }
};

// W[N, K] as T, rows padded with zeros to whole units.
template <typename T>
class DenseDeviceWeight final : public few::FewWeight {
 public:
  DenseDeviceWeight(Stream& stream, const LinearWeight& weight)
      : rows_(weight.rows()),
        cols_(weight.cols()),
        stride_((weight.cols() + kUnitCols - 1) / kUnitCols * kUnitCols),
        values_(memory_.matrix(stream, rows_, stride_)) {
    // A few MB at a time, so that the host never holds a second copy of the whole.
    const std::int64_t block = std::max<std::int64_t>(1, (std::int64_t{8} << 20) / stride_);
    std::vector<T> staged(static_cast<std::size_t>(std::min(block, rows_) * stride_));
    for (std::int64_t first = 0; first < rows_ && !stream.failed(); first += block) {
      const std::int64_t count = std::min(block, rows_ - first);
      parallel_for(count, 1 + (1 << 16) / stride_, [&](std::int64_t begin, std::int64_t end) {
        Matrix<float> row(1, cols_);
        Matrix<BFloat16> rounded(1, cols_);
        for (std::int64_t r = begin; r < end; ++r) {
          T* out = staged.data() + r * stride_;
          if constexpr (std::is_same_v<T, BFloat16>) {
            weight.dequantize_rows(first + r, MatrixView<BFloat16>{out, 1, cols_});
          } else {
            weight.dequantize_rows(first + r, row.view());
            std::ranges::transform(row.values, out,
                                   [](float v) { return to_half(std::clamp(v, -65504.0f, 65504.0f)); });
          }
          std::fill(out + cols_, out + stride_, T{});
        }
      });
      stream.upload(values_.rows_from(first, count), staged.data());
      (void)stream.finish();  // before staged is written again; an error stays in the stream
    }
  }

  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  std::int64_t size_bytes() const override { return memory_.size_bytes(); }
  void dequantize(Stream& stream, std::int64_t first, DeviceView<Half> out) const override { copy(stream, first, out); }
  void dequantize(Stream& stream, std::int64_t first, DeviceView<BFloat16> out) const override {
    copy(stream, first, out);
  }
  const Half* plain_half() const override { return plain<Half>(); }
  const BFloat16* plain_bfloat16() const override { return plain<BFloat16>(); }

  const few::Kernels& kernels() const override {
    static const few::Kernels kernels =
        few::kernels_of<DenseLayout<T>, few::FragmentWork<DenseLayout<T>, few::SplitVector<T>>>();
    return kernels;
  }
  few::Target target() const override { return {.weights = values_.data, .rows = static_cast<int>(rows_)}; }

 private:
  template <typename U>
  const U* plain() const {
    if constexpr (std::is_same_v<T, U>) return stride_ == cols_ ? values_.data : nullptr;
    return nullptr;
  }
  template <typename U>
  void copy(Stream& stream, std::int64_t first, DeviceView<U> out) const;

  std::int64_t rows_, cols_, stride_;
  DeviceArray<T> memory_;
  DeviceView<T> values_;
};

template <typename T, typename U>
__global__ void copy_rows_kernel(const T* from, std::int64_t stride, U* to, std::int64_t cols, std::int64_t count) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  const T value = from[i / cols * stride + i % cols];
  if constexpr (std::is_same_v<T, U>) {
    to[i] = value;
  } else {
    to[i] = from_float<U>(as_float(value));
  }
}

template <typename T>
template <typename U>
void DenseDeviceWeight<T>::copy(Stream& stream, std::int64_t first, DeviceView<U> out) const {
  launch(stream, {.grid = {blocks_for(out.size(), 256)}, .block = {256}}, copy_rows_kernel<T, U>,
         static_cast<const T*>(values_.data + first * stride_), stride_, out.data, cols_, out.size());
}

}  // namespace

std::unique_ptr<DeviceWeight> upload_dense(Stream& stream, const LinearWeight& weight) {
  if (weight.stored_as() == "BF16") return std::make_unique<DenseDeviceWeight<BFloat16>>(stream, weight);
  return std::make_unique<DenseDeviceWeight<Half>>(stream, weight);
}

}  // namespace squeeze
