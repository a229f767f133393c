#include "formats/lut/packed_lut.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "base/threads.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kRows = SparseTiles::kRows;
constexpr std::int64_t kMaxEntries = 256;

// A row's codebook as int16 words. Returns the scale.
float to_words(std::span<const float> table, std::span<std::int16_t> words) {
  float most = 0;
  for (const float entry : table) most = std::max(most, std::fabs(entry));
  const float scale = most / static_cast<float>(kDecodeLevels);
  for (std::size_t i = 0; i < table.size(); ++i)
    words[i] = scale > 0 ? static_cast<std::int16_t>(std::lround(table[i] / scale)) : std::int16_t{0};
  return scale;
}

// 256 words as 256 low and 256 high bytes.
void split_bytes(std::span<std::int16_t> words) {
  std::uint8_t bytes[2 * kMaxEntries];
  for (std::size_t i = 0; i < words.size(); ++i) {
    bytes[i] = static_cast<std::uint8_t>(words[i]);
    bytes[words.size() + i] = static_cast<std::uint8_t>(words[i] >> 8);
  }
  std::memcpy(words.data(), bytes, sizeof(bytes));
}

class PackedLut final : public LinearWeight {
 public:
  PackedLut(const LutSource& source, const DecodePath& path, LutKernels kernels)
      : path_(path),
        kernels_(kernels),
        stored_as_(source.stored_as),
        size_bytes_(source.size_bytes),
        entries_(std::int64_t{1} << source.bits),
        tiles_(source.bits, source.rows, source.cols, source.indices),
        table_(source.table) {
    if (source.sparse != nullptr && source.sparse->count() > 0) {
      sparse_count_ = source.sparse->count();
      sparse_.emplace(*source.sparse, source.rows);
    }
    if (path.int16) make_words();
  }

  std::int64_t rows() const override { return tiles_.rows(); }
  std::int64_t cols() const override { return tiles_.cols(); }
  std::int64_t size_bytes() const override { return size_bytes_; }
  std::string stored_as() const override { return stored_as_; }
  std::int64_t sparse_count() const override { return sparse_count_; }
  std::int64_t tile_rows() const override { return kRows; }
  // Of as many as there can be at once: at 32, codebooks of 3 bits run 1.26 times as fast directly, of 4 bits 1.03
  // times (2 threads, Zen 5 with AVX-512, generator_bench, 2026-11-25).
  std::int64_t few_vectors() const override { return kMaxDecodeTokens; }

  void multiply_few(const DecodeInput& x, std::int64_t first, std::int64_t last, MatrixView<float> y) const override {
    assert(x.cols() == cols() && y.cols == rows() && x.tokens() == y.rows && last <= rows() && first % kRows == 0);
    const std::int64_t first_tile = first / tiles_.tile_rows();
    const std::int64_t end_tile = (last + tiles_.tile_rows() - 1) / tiles_.tile_rows();
    if (path_.int16) {
      const WordTables tables{reinterpret_cast<const std::int16_t*>(words_.data()), scales_.data()};
      kernels_.multiply_words(tiles_, tables, first_tile, end_tile, x, y);
    } else {
      alignas(64) float tables[kRows * 16 > kMaxEntries ? kRows * 16 : kMaxEntries] = {};
      for (std::int64_t tile = first_tile; tile < end_tile; ++tile) {
        for (std::int64_t r = 0; r < tiles_.tile_rows(); ++r)
          if (const std::int64_t row = tile * tiles_.tile_rows() + r; row < rows())
            table(row, tables + (r << tiles_.bits()));
        kernels_.multiply_floats(tiles_, tables, tile, x, y);
      }
    }
    if (!sparse_) return;
    for (std::int64_t t = 0; t < x.tokens(); ++t)
      sparse_->add_product(path_.simd, first, last, x.floats(t), y.row(t).data());
  }

  void dequantize_rows(std::int64_t first, MatrixView<BFloat16> out) const override {
    if (kernels_.decode_bfloat16 == nullptr) return LinearWeight::dequantize_rows(first, out);
    assert(out.cols == cols() && first + out.rows <= rows());
    float entries[kMaxEntries] = {};
    BFloat16 rounded[kMaxEntries];
    for (std::int64_t r = 0; r < out.rows; ++r) {
      BFloat16* const to = out.row(r).data();
      table(first + r, entries);
      round_to_bfloat16(entries, rounded, std::int64_t{1} << tiles_.bits());
      kernels_.decode_bfloat16(tiles_, rounded, first + r, to);
      if (!sparse_) continue;
      // The sum is rounded once.
      sparse_->for_each(first + r, [&](std::int64_t col, Half value) {
        to[col] = to_bfloat16(entries[tiles_.index(first + r, col)] + to_float(value));
      });
    }
  }

  void dequantize_rows(std::int64_t first, MatrixView<float> out) const override {
    assert(out.cols == cols() && first + out.rows <= rows());
    float entries[kMaxEntries] = {};
    for (std::int64_t r = 0; r < out.rows; ++r) {
      float* const to = out.row(r).data();
      table(first + r, entries);
      if (kernels_.decode_floats != nullptr) {
        kernels_.decode_floats(tiles_, entries, first + r, to);
      } else {
        thread_local std::vector<std::uint8_t> indices;
        indices.resize(static_cast<std::size_t>(cols()));
        tiles_.indices(first + r, indices);
        for (std::int64_t j = 0; j < cols(); ++j) to[j] = entries[indices[j]];
      }
      if (sparse_) sparse_->for_each(first + r, [&](std::int64_t col, Half value) { to[col] += to_float(value); });
    }
  }

 private:
  void table(std::int64_t row, float* out) const { table_(row, {out, static_cast<std::size_t>(entries_)}); }

  void make_words() {
    const std::int64_t entries = std::int64_t{1} << tiles_.bits();
    const std::int64_t all_rows = (rows() + kRows - 1) / kRows * kRows;
    words_ = PageBuffer(static_cast<std::size_t>(all_rows * entries) * sizeof(std::int16_t));
    std::memset(words_.data(), 0, words_.size());
    // A kernel that takes two rows of four reads four scales.
    scales_.assign(static_cast<std::size_t>(all_rows + kRows), 0.0f);
    auto* const words = reinterpret_cast<std::int16_t*>(words_.data());
    parallel_for(rows(), 64, [&](std::int64_t first, std::int64_t last) {
      float row_table[kMaxEntries] = {};
      for (std::int64_t r = first; r < last; ++r) {
        table(r, row_table);
        const std::span<std::int16_t> row_words(words + r * entries, static_cast<std::size_t>(entries));
        scales_[r] = to_words({row_table, row_words.size()}, row_words);
        if (tiles_.bits() == 8) split_bytes(row_words);
      }
    });
  }

  DecodePath path_;
  LutKernels kernels_;
  std::string stored_as_;
  std::int64_t size_bytes_, entries_, sparse_count_ = 0;
  LutTiles tiles_;
  std::function<void(std::int64_t, std::span<float>)> table_;
  PageBuffer words_;  // int16 [rows rounded up][2^bits]
  std::vector<float> scales_;
  std::optional<SparseTiles> sparse_;
};

}  // namespace

std::shared_ptr<const LinearWeight> pack_lut(const LutSource& source, const DecodePath& asked) {
  const LutKernels kernels = lut_kernels(asked.simd, source.bits <= 4 ? source.bits : 8);
  DecodePath path = asked;
  // int16 is for speed: where only the exact kernel exists, that one is faster than none.
  if (kernels.multiply_words == nullptr) path.int16 = false;
  if (path.int16 ? kernels.multiply_words == nullptr : kernels.multiply_floats == nullptr) return nullptr;
  return std::make_shared<PackedLut>(source, path, kernels);
}

}  // namespace squeeze
