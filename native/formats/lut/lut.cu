#include <algorithm>
#include <cmath>
#include <vector>

#include "formats/layout_kernels.hpp"
#include "formats/lut/lane_layouts.hpp"
#include "formats/lut/lut_cuda.hpp"
#include "formats/packed_indices.hpp"
#include "formats/packed_indices_kernel.hpp"

namespace squeeze {

namespace {

using few::kTileRows;
using few::kUnitCols;
using lut::ByteLutLayout;
using lut::LutLayout;
using lut::LutOneWork;

// What the kernels below need of a matrix.
struct Lut {
  const unsigned* words;
  const void* tables;
  int units, entries, rows, cols;
};

// The fp16 value behind an index: byte planes for up to 4 bits, plain values above.
template <int kBits>
__device__ Half entry_of(const Lut& lut, std::int64_t row, unsigned index) {
  if constexpr (kBits == 8) {
    return {static_cast<const unsigned short*>(lut.tables)[row * lut.entries + index]};
  } else {
    constexpr int kEntries = 1 << kBits;
    const auto* planes = static_cast<const unsigned char*>(lut.tables) + row * 2 * kEntries;
    return {static_cast<std::uint16_t>(planes[index] | planes[kEntries + index] << 8)};
  }
}

// `stored` [rows, row_words] as in formats/packed_indices.hpp, into the order of lanes; one thread for one row of one
// lane and unit. Columns and rows behind the last get index 0.
template <int kBits>
__global__ void reorder_kernel(const unsigned* stored, int row_words, int stored_bits, Lut lut, unsigned* words,
                               std::int64_t count) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= count) return;
  const int half = static_cast<int>(at % 2), lane = static_cast<int>(at / 2 % 32);
  const std::int64_t unit_of_all = at / 64, tile = unit_of_all / lut.units;
  const int unit = static_cast<int>(unit_of_all % lut.units);
  const std::int64_t row = tile * kTileRows + lane / 4 + 8 * half;
  unsigned own[kBits] = {};
  if (row < lut.rows) {
    const unsigned* bits = stored + row * row_words;
#pragma unroll
    for (int j = 0; j < few::kGroups; ++j)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int col = unit * kUnitCols + j / 2 * 32 + lane % 4 * 8 + j % 2 * 4 + i;
        if (col >= lut.cols) continue;
        lane_order::put<kBits>(own, j, i, packed_index(bits, stored_bits, col));
      }
  }
  unsigned* to = words + unit_of_all * 64 * kBits;
#pragma unroll
  for (int w = 0; w < kBits; ++w) to[lane_order::word_place<kBits>(half * kBits + w, lane)] = own[w];
}

// The kept weights of a tile in rows [first, first + rows), by all threads of a block.
template <typename Use>
__device__ __forceinline__ void for_each_kept(const few::SparseChunks& sparse, int tile, std::int64_t first,
                                              std::int64_t rows, Use&& use) {
  const int begin = sparse.begin[tile * kTileRows] * few::kChunk;
  const int end = sparse.begin[(tile + 1) * kTileRows] * few::kChunk;
  for (int e = begin + static_cast<int>(threadIdx.x); e < end; e += static_cast<int>(blockDim.x)) {
    const unsigned entry = sparse.entries[e];
    const std::int64_t row = static_cast<std::int64_t>(tile) * kTileRows + sparse.row[e / few::kChunk];
    const Half kept{static_cast<std::uint16_t>(entry >> 16)};
    if (kept.bits == 0 || row < first || row >= first + rows) continue;  // zeros fill chunks up
    use(row, static_cast<int>(entry & 0xffffu), kept);
  }
}

template <int kBits, typename T>
__global__ void decode_kernel(Lut lut, std::int64_t first, T* out, std::int64_t count) {
  const std::int64_t at = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= count) return;
  const std::int64_t row = first + at / lut.cols;
  const int col = static_cast<int>(at % lut.cols);
  const Half value = entry_of<kBits>(lut, row, lane_order::index_at<kBits>(lut.words, lut.units, row, col));
  if constexpr (std::is_same_v<T, Half>) {
    out[at] = value;
  } else {
    out[at] = from_float<T>(as_float(value));
  }
}

// The same for whole units of 16 rows, as fast as they can be written: a warp a unit, 16 bytes a store; and the kept
// weights among them, while what they add to is still near. cols % 8 == 0.
template <int kBits>
__global__ void __launch_bounds__(few::kThreads) decode_units_kernel(few::Target target, few::Task task, int first_tile,
                                                                     std::int64_t first, std::int64_t rows, Half* out) {
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int tile = first_tile + static_cast<int>(blockIdx.x), step = few::kWarps * static_cast<int>(gridDim.y);
  using Layout = LutLayout<kBits>;
  const Layout layout(
      target,
      static_cast<const unsigned*>(target.tables) + static_cast<std::int64_t>(tile) * kTileRows * Layout::kTableWords,
      0);
  const typename Layout::Stream stream = Layout::stream(target, task, tile);
  const std::int64_t low = static_cast<std::int64_t>(tile) * kTileRows + lane / 4 - first, high = low + 8;
  for (int unit = static_cast<int>(blockIdx.y) * few::kWarps + warp; unit < task.units; unit += step) {
    typename Layout::Unit u;
    Layout::load(stream, unit, u);
#pragma unroll
    for (int q = 0; q < few::kGroups / 2; ++q) {
      unsigned a[4], b[4];
      layout.fragment(u, 2 * q, a);
      layout.fragment(u, 2 * q + 1, b);
      const int col = unit * kUnitCols + 32 * q + lane % 4 * 8;
      if (col >= task.cols) continue;
      if (low >= 0 && low < rows) *reinterpret_cast<uint4*>(out + low * task.cols + col) = {a[0], a[2], b[0], b[2]};
      if (high >= 0 && high < rows) *reinterpret_cast<uint4*>(out + high * task.cols + col) = {a[1], a[3], b[1], b[3]};
    }
  }
  if (target.sparse.begin == nullptr) return;
  __syncthreads();
  for_each_kept(target.sparse, tile, first, rows, [&](std::int64_t row, int col, Half kept) {
    if (col / kUnitCols / few::kWarps % static_cast<int>(gridDim.y) != static_cast<int>(blockIdx.y)) return;
    Half& value = out[(row - first) * task.cols + col];
    value = from_float<Half>(as_float(value) + as_float(kept));
  });
}

// The kept weights of a decoded matrix, one block a tile.
template <int kBits, typename T>
__global__ void decode_sparse_kernel(Lut lut, few::SparseChunks sparse, int first_tile, std::int64_t first,
                                     std::int64_t rows, T* out) {
  for_each_kept(
      sparse, first_tile + static_cast<int>(blockIdx.x), first, rows, [&](std::int64_t row, int col, Half kept) {
        const Half dense = entry_of<kBits>(lut, row, lane_order::index_at<kBits>(lut.words, lut.units, row, col));
        out[(row - first) * lut.cols + col] = from_float<T>(as_float(dense) + as_float(kept));
      });
}

// A codebook as whole numbers of two signed bytes, low ones and then high ones: [2, entries]. Gives what one of them
// is.
float put_digits(std::span<const float> table, std::uint8_t* planes) {
  constexpr float kMost = 127 * 257;
  float largest = 0;
  for (const float entry : table) largest = std::max(largest, std::abs(entry));
  const float scale = largest > 0 ? largest / kMost : 1.0f;
  for (std::size_t e = 0; e < table.size(); ++e) {
    const int whole = static_cast<int>(std::lround(table[e] / scale));
    const int low = ((whole + 128) & 255) - 128;
    planes[e] = static_cast<std::uint8_t>(low);
    planes[table.size() + e] = static_cast<std::uint8_t>((whole - low) / 256);
  }
  return scale;
}

// kBits: of the order on the device; the stored width may be smaller where it is 8.
template <int kBits>
class LutDeviceWeight final : public few::FewWeight {
 public:
  LutDeviceWeight(Stream& stream, const LutWeight& weight)
      : lut_{.words = nullptr,
             .tables = nullptr,
             .units = static_cast<int>((weight.cols() + kUnitCols - 1) / kUnitCols),
             .entries = 1 << weight.bits(),
             .rows = static_cast<int>(weight.rows()),
             .cols = static_cast<int>(weight.cols())} {
    upload_tables(stream, weight);
    upload_indices(stream, weight);
    upload_sparse(stream, weight);
  }

  std::int64_t rows() const override { return lut_.rows; }
  std::int64_t cols() const override { return lut_.cols; }
  std::int64_t size_bytes() const override {
    return words_.size_bytes() + tables_.size_bytes() + digits_.size_bytes() + scales_.size_bytes() +
           begin_.size_bytes() + chunk_rows_.size_bytes() + entries_.size_bytes();
  }
  void dequantize(Stream& stream, std::int64_t first, DeviceView<Half> out) const override {
    decode(stream, first, out);
  }
  void dequantize(Stream& stream, std::int64_t first, DeviceView<BFloat16> out) const override {
    decode(stream, first, out);
  }
  const few::Kernels& kernels() const override {
    if constexpr (kBits == 8) {
      static const few::Kernels kernels = few::kernels_of<ByteLutLayout>();
      return kernels;
    } else {
      static const few::Kernels kernels = few::kernels_of<LutLayout<kBits>, LutOneWork<kBits>>();
      return kernels;
    }
  }
  few::Target target() const override {
    return {.weights = lut_.words,
            .tables = lut_.tables,
            .digits = digits_.data(),
            .scales = scales_.data(),
            .sparse = sparse_,
            .rows = lut_.rows,
            .entries = lut_.entries};
  }

 private:
  std::int64_t tiles() const { return (lut_.rows + kTileRows - 1) / kTileRows; }

  void upload_tables(Stream& stream, const LutWeight& weight) {
    const std::int64_t entries = lut_.entries;
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(tiles() * kTileRows * entries * 2));
    std::vector<std::uint8_t> digits(kBits == 8 ? 0 : bytes.size());
    std::vector<float> scales(kBits == 8 ? 0 : static_cast<std::size_t>(lut_.rows));
    std::vector<float> table(static_cast<std::size_t>(entries));
    for (std::int64_t r = 0; r < lut_.rows; ++r) {
      weight.table(r, table);
      std::uint8_t* row = bytes.data() + r * entries * 2;
      if constexpr (kBits != 8) scales[r] = put_digits(table, digits.data() + r * entries * 2);
      for (std::int64_t e = 0; e < entries; ++e) {
        const std::uint16_t value = to_half(table[e]).bits;
        row[kBits == 8 ? 2 * e : e] = static_cast<std::uint8_t>(value);
        row[kBits == 8 ? 2 * e + 1 : entries + e] = static_cast<std::uint8_t>(value >> 8);
      }
    }
    lut_.tables = tables_.assign(stream, std::span<const std::uint8_t>(bytes)).data;
    if constexpr (kBits != 8) {
      digits_.matrix(stream, 1, static_cast<std::int64_t>(digits.size() / 4));
      stream.copy(digits_.data(), digits.data(), static_cast<std::int64_t>(digits.size()));
      scales_.assign(stream, std::span<const float>(scales));
    }
    (void)stream.finish();  // before all that goes; an error stays in the stream
  }

  void upload_indices(Stream& stream, const LutWeight& weight) {
    const std::int64_t row_words = packed_words(weight.cols(), weight.bits());
    DeviceArray<unsigned> stored;
    const auto as_stored = stored.matrix(stream, lut_.rows, row_words);
    stream.copy(as_stored.data, weight.stored_indices().data(), as_stored.size() * 4);
    const std::int64_t lanes = tiles() * lut_.units * 32;
    unsigned* words = words_.matrix(stream, lanes, 2 * kBits).data;
    lut_.words = words;
    launch(stream, {.grid = {blocks_for(2 * lanes, 128)}, .block = {128}}, reorder_kernel<kBits>, as_stored.data,
           static_cast<int>(row_words), weight.bits(), lut_, words, 2 * lanes);
    (void)stream.finish();  // before `stored` goes
  }

  void upload_sparse(Stream& stream, const LutWeight& weight) {
    const SparsePart* part = weight.sparse();
    if (part == nullptr || part->count() == 0) return;
    std::vector<int> begin(static_cast<std::size_t>(tiles() * kTileRows + 1));
    std::vector<std::uint8_t> rows;
    std::vector<unsigned> entries;
    for (std::int64_t r = 0; r < lut_.rows; ++r) {
      for (std::int64_t e = part->row_begin(r); e < part->row_end(r); ++e) {
        if ((e - part->row_begin(r)) % few::kChunk == 0) rows.push_back(static_cast<std::uint8_t>(r % kTileRows));
        entries.push_back(static_cast<unsigned>(part->col(e)) | static_cast<unsigned>(part->value(e).bits) << 16);
      }
      entries.resize(rows.size() * few::kChunk);
      begin[r + 1] = static_cast<int>(rows.size());
    }
    std::fill(begin.begin() + lut_.rows + 1, begin.end(), begin[lut_.rows]);
    sparse_ = {.begin = begin_.assign(stream, std::span<const int>(begin)).data,
               .row = chunk_rows_.assign(stream, std::span<const std::uint8_t>(rows)).data,
               .entries = entries_.assign(stream, std::span<const unsigned>(entries)).data};
    (void)stream.finish();
  }

  template <typename T>
  void decode(Stream& stream, std::int64_t first, DeviceView<T> out) const {
    if (out.rows == 0) return;
    const std::int64_t first_tile = first / kTileRows, tiles = (first + out.rows - 1) / kTileRows - first_tile + 1;
    if constexpr (kBits != 8 && std::is_same_v<T, Half>) {
      if (out.cols % 8 == 0 && reinterpret_cast<std::uintptr_t>(out.data) % 16 == 0) {
        few::Task task;
        task.units = lut_.units;
        task.cols = lut_.cols;
        const unsigned shares = blocks_for(lut_.units, 4 * few::kWarps);
        launch(stream, {.grid = {blocks_for(tiles, 1), shares}, .block = {few::kThreads}}, decode_units_kernel<kBits>,
               target(), task, static_cast<int>(first_tile), first, out.rows, out.data);
        return;
      }
    }
    launch(stream, {.grid = {blocks_for(out.size(), 256)}, .block = {256}}, decode_kernel<kBits, T>, lut_, first,
           out.data, out.size());
    if (sparse_.begin == nullptr) return;
    launch(stream, {.grid = {blocks_for(tiles, 1)}, .block = {128}}, decode_sparse_kernel<kBits, T>, lut_, sparse_,
           static_cast<int>(first_tile), first, out.rows, out.data);
  }

  Lut lut_;
  few::SparseChunks sparse_;
  DeviceArray<unsigned> words_, entries_, digits_;
  DeviceArray<float> scales_;
  DeviceArray<std::uint8_t> tables_, chunk_rows_;
  DeviceArray<int> begin_;
};

}  // namespace

Result<std::unique_ptr<DeviceWeight>> upload_lut(Stream& stream, const LutWeight& weight) {
  if (weight.sparse() != nullptr && weight.cols() > 1 << 16)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "A sparse part of more than 65,536 columns cannot be used on a GPU."};
  std::unique_ptr<DeviceWeight> made;
  if (weight.bits() == 2) {
    made = std::make_unique<LutDeviceWeight<2>>(stream, weight);
  } else if (weight.bits() == 3) {
    made = std::make_unique<LutDeviceWeight<3>>(stream, weight);
  } else if (weight.bits() == 4) {
    made = std::make_unique<LutDeviceWeight<4>>(stream, weight);
  } else {
    made = std::make_unique<LutDeviceWeight<8>>(stream, weight);
  }
  return Result<std::unique_ptr<DeviceWeight>>(std::move(made));
}

}  // namespace squeeze
