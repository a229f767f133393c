#include "formats/grouped_lut/grouped_lut.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <memory>
#include <optional>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "formats/lut/packed_lut.hpp"
#include "formats/packed_indices.hpp"

namespace squeeze {

namespace {

SQUEEZE_HOT void look_up(const std::uint8_t* indices, const float* table, std::int64_t count, float* out) {
  for (std::int64_t j = 0; j < count; ++j) out[j] = table[indices[j]];
}

class GroupedLutWeight final : public LinearWeight {
 public:
  GroupedLutWeight(const TensorStore& store, const CodebookGrid& grid, int bits, TensorView qweight,
                   TensorView codebooks, std::optional<SparsePart> sparse)
      : store_(store),
        grid_(grid),
        bits_(bits),
        qweight_(std::move(qweight)),
        codebooks_(std::move(codebooks)),
        sparse_(std::move(sparse)) {}

  std::int64_t rows() const override { return grid_.rows; }
  std::int64_t cols() const override { return grid_.cols; }
  std::int64_t size_bytes() const override {
    return static_cast<std::int64_t>(qweight_.bytes.size() + codebooks_.bytes.size()) +
           (sparse_ ? sparse_->size_bytes() : 0);
  }
  std::string stored_as() const override { return "grouped_lut"; }
  std::int64_t sparse_count() const override { return sparse_ ? sparse_->count() : 0; }

  using LinearWeight::dequantize_rows;
  void dequantize_rows(std::int64_t first, MatrixView<float> out) const override {
    assert(out.cols == cols() && first + out.rows <= rows());
    thread_local std::vector<std::uint8_t> row_indices;
    row_indices.resize(static_cast<std::size_t>(cols()));
    float table[1 << kMaxBits];
    for (std::int64_t r = 0; r < out.rows; ++r) {
      float* const row = out.row(r).data();
      indices(first + r, row_indices);
      grid_.for_each_piece(first + r, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
        read_floats(codebooks_, block << bits_, {table, std::size_t{1} << bits_});
        look_up(row_indices.data() + begin, table, end - begin, row + begin);
      });
      if (sparse_) sparse_->add_row(first + r, row);
    }
  }

  // Rows that share a codebook have one each; with several along a row there are no tiles for it.
  std::shared_ptr<const LinearWeight> packed(const DecodePath& path) const override {
    if (grid_.across() != 1) return nullptr;
    auto tables = std::make_shared<std::vector<float>>(static_cast<std::size_t>(codebooks_.count()));
    read_floats(codebooks_, 0, *tables);
    return pack_lut({.bits = bits_,
                     .rows = rows(),
                     .cols = cols(),
                     .stored_as = stored_as(),
                     .size_bytes = size_bytes(),
                     .indices = [this](std::int64_t row, std::span<std::uint8_t> out) { indices(row, out); },
                     .table =
                         [tables, grid = grid_](std::int64_t row, std::span<float> out) {
                           const auto size = static_cast<std::int64_t>(out.size());
                           std::copy_n(tables->data() + grid.block_of(row, 0) * size, size, out.data());
                         },
                     .sparse = sparse_ ? &*sparse_ : nullptr},
                    path);
  }

 private:
  void indices(std::int64_t row, std::span<std::uint8_t> out) const {
    unpack_indices(qweight_.bytes.data() + row * packed_words(cols(), bits_) * 4, bits_, out);
  }

  TensorStore store_;  // keeps the mapping alive
  CodebookGrid grid_;
  int bits_;
  TensorView qweight_, codebooks_;
  std::optional<SparsePart> sparse_;
};

bool holds(const TensorStore& store, const std::string& name) { return store.find(name + ".codebooks") != nullptr; }

Result<std::shared_ptr<const LinearWeight>> load(const TensorStore& store, const std::string& name, std::int64_t rows,
                                                 std::int64_t cols) {
  SQUEEZE_ASSIGN(TensorView codebooks, store.require(name + ".codebooks"));
  const std::int64_t entries = codebooks.shape.size() == 3 ? codebooks.shape[2] : 0;
  if (codebooks.dtype != DType::kF16 || entries < 1 << kMinBits || entries > 1 << kMaxBits ||
      !std::has_single_bit(static_cast<std::uint64_t>(entries)))
    return refused(codebooks, "is " + std::string(name_of(codebooks.dtype)) + " " + shape_text(codebooks.shape) +
                                  "; F16 [blocks down, blocks across, 4 to 256, a power of two] was expected");
  const auto grid = CodebookGrid::with_blocks(rows, cols, codebooks.shape[0], codebooks.shape[1]);
  if (!grid)
    return refused(codebooks, "is " + shape_text(codebooks.shape) + ", and " + std::to_string(rows) + " rows of " +
                                  std::to_string(cols) + " are not cut into so many even blocks");
  SQUEEZE_TRY(expect_finite(codebooks));
  const int bits = std::countr_zero(static_cast<std::uint64_t>(entries));

  SQUEEZE_ASSIGN(TensorView qweight, store.require(name + ".qweight"));
  if (qweight.dtype != DType::kU32)
    return refused(qweight, "is " + std::string(name_of(qweight.dtype)) + "; U32 was expected");
  const std::int64_t words = packed_words(cols, bits);
  SQUEEZE_TRY(expect_shape(qweight, {rows, words}));
  for (std::int64_t r = 0; r < rows; ++r)
    if (!padding_is_zero(qweight.bytes.data() + r * words * 4, bits, cols))
      return refused(qweight, "has bits set behind the last index of row " + std::to_string(r));

  SQUEEZE_ASSIGN(std::optional<SparsePart> sparse, SparsePart::load(store, name, rows, cols));
  return std::shared_ptr<const LinearWeight>(std::make_shared<GroupedLutWeight>(
      store, *grid, bits, std::move(qweight), std::move(codebooks), std::move(sparse)));
}

}  // namespace

std::vector<OwnedTensor> grouped_lut_tensors(const std::string& name, int bits, const CodebookGrid& grid,
                                             MatrixView<const std::uint8_t> indices, MatrixView<const Half> tables,
                                             const SparseRows* sparse) {
  assert(indices.rows == grid.rows && indices.cols == grid.cols);
  assert(tables.rows == grid.count() && tables.cols == 1 << bits);
  Matrix<std::uint32_t> words(indices.rows, packed_words(indices.cols, bits));
  parallel_for(indices.rows, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) pack_indices(indices.row(r), bits, words.view().row(r));
  });
  std::vector<OwnedTensor> tensors;
  tensors.push_back(
      owned_tensor<std::uint32_t>(name + ".qweight", DType::kU32, {words.rows, words.cols}, words.values));
  tensors.push_back(
      owned_tensor<Half>(name + ".codebooks", DType::kF16, {grid.down(), grid.across(), tables.cols}, tables.flat()));
  if (sparse && sparse->count() > 0)
    for (OwnedTensor& tensor : sparse_tensors(name, *sparse, indices.cols)) tensors.push_back(std::move(tensor));
  return tensors;
}

extern const Format kFormat_grouped_lut;
const Format kFormat_grouped_lut{.id = "grouped_lut", .holds = holds, .load = load};

}  // namespace squeeze
