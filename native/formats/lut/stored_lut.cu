#include <algorithm>
#include <cassert>

#include "formats/lut/stored_lut_cuda.hpp"
#include "formats/packed_indices.hpp"
#include "formats/packed_indices_kernel.hpp"

namespace squeeze {

namespace {

constexpr int kDecodeThreads = 256;
constexpr std::int64_t kMostSums = 4096;  // that a block has in shared memory, as far as 32 threads allow

struct Codes {
  const unsigned* words;
  const Half* tables;
  int bits, row_words, cols;
};

struct Kept {
  const std::int32_t* row_ptr;  // null: nothing is kept
  const std::uint16_t* cols;
  const Half* values;
  bool wide;

  __device__ __forceinline__ int col(int entry) const {
    if (!wide) return cols[entry];
    return reinterpret_cast<const std::int32_t*>(cols)[entry];
  }
};

// A block a row.
template <typename T>
__global__ void __launch_bounds__(kDecodeThreads) decode_stored_kernel(Codes codes, Kept kept, T* out) {
  __shared__ float table[1 << kMaxBits];
  const std::int64_t row = blockIdx.x;
  const int thread = static_cast<int>(threadIdx.x), entries = 1 << codes.bits;
  for (int e = thread; e < entries; e += kDecodeThreads) table[e] = as_float(codes.tables[row * entries + e]);
  __syncthreads();
  const unsigned* words = codes.words + row * codes.row_words;
  T* to = out + row * codes.cols;
  for (int col = thread; col < codes.cols; col += kDecodeThreads)
    to[col] = from_float<T>(table[packed_index(words, codes.bits, col)]);
  if (kept.row_ptr == nullptr) return;
  __syncthreads();
  for (int e = kept.row_ptr[row] + thread; e < kept.row_ptr[row + 1]; e += kDecodeThreads) {
    const int col = kept.col(e);
    to[col] = from_float<T>(table[packed_index(words, codes.bits, col)] + as_float(kept.values[e]));
  }
}

// A block a row; each thread has sums of its own, [2^b, threads].
__global__ void sum_members_kernel(Codes codes, const float* values, float* sums) {
  auto* own = dynamic_shared<double>();
  const std::int64_t row = blockIdx.x;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x), entries = 1 << codes.bits;
  for (int e = 0; e < entries; ++e) own[e * threads + thread] = 0;
  const unsigned* words = codes.words + row * codes.row_words;
  for (int col = thread; col < codes.cols; col += threads)
    own[static_cast<int>(packed_index(words, codes.bits, col)) * threads + thread] +=
        static_cast<double>(values[row * codes.cols + col]);
  __syncthreads();
  const int lane = thread % 32;
  for (int e = thread / 32; e < entries; e += threads / 32) {
    double sum = 0;
    for (int i = lane; i < threads; i += 32) sum += own[e * threads + i];
    sum = warp_sum(sum);
    if (lane == 0) sums[row * entries + e] = static_cast<float>(sum);
  }
}

}  // namespace

void StoredLut::assign(Stream& stream, const LutWeight& weight, const Send& send) {
  rows_ = weight.rows();
  cols_ = weight.cols();
  bits_ = weight.bits();
  row_words_ = packed_words(cols_, bits_);
  send(words_.matrix(stream, rows_, row_words_).data, weight.stored_indices());
  send(tables_.matrix(stream, rows_, entries()).data, weight.stored_tables());
  const SparsePart* part = weight.sparse();
  has_sparse_ = part != nullptr && part->count() > 0;
  if (!has_sparse_) return;
  wide_ = part->wide();
  send(row_ptr_.vector(stream, rows_ + 1).data, std::as_bytes(part->row_ptr()));
  send(kept_cols_.vector(stream, part->count() * (wide_ ? 2 : 1)).data, part->stored_cols());
  send(kept_.vector(stream, part->count()).data, part->stored_values());
}

template <typename T>
void StoredLut::decode(Stream& stream, DeviceView<T> out) const {
  assert(out.rows == rows_ && out.cols == cols_);
  const Codes codes{words_.data(), tables_.data(), bits_, static_cast<int>(row_words_), static_cast<int>(cols_)};
  const Kept kept{has_sparse_ ? row_ptr_.data() : nullptr, kept_cols_.data(), kept_.data(), wide_};
  launch(stream, {.grid = {static_cast<unsigned>(rows_)}, .block = {kDecodeThreads}}, decode_stored_kernel<T>, codes,
         kept, out.data);
}

template void StoredLut::decode<float>(Stream&, DeviceView<float>) const;
template void StoredLut::decode<BFloat16>(Stream&, DeviceView<BFloat16>) const;

void StoredLut::sum_members(Stream& stream, DeviceView<const float> values, DeviceView<float> sums) const {
  assert(values.rows == rows_ && values.cols == cols_ && sums.rows == rows_ && sums.cols == entries());
  const std::int64_t threads = std::clamp<std::int64_t>(kMostSums / entries(), 32, 256);
  const Codes codes{words_.data(), tables_.data(), bits_, static_cast<int>(row_words_), static_cast<int>(cols_)};
  launch(stream,
         {.grid = {static_cast<unsigned>(rows_)},
          .block = {static_cast<unsigned>(threads)},
          .shared = threads * entries() * static_cast<std::int64_t>(sizeof(double))},
         sum_members_kernel, codes, values.data, sums.data);
}

}  // namespace squeeze
