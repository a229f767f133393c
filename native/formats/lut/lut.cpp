#include "formats/lut/lut.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "formats/lut/packed_lut.hpp"
#include "formats/packed_indices.hpp"

namespace squeeze {

namespace {

SQUEEZE_HOT void look_up(const std::uint8_t* indices, const float* table, std::int64_t count, float* out) {
  for (std::int64_t j = 0; j < count; ++j) out[j] = table[indices[j]];
}

bool holds(const TensorStore& store, const std::string& name) { return store.find(name + ".lookup_table") != nullptr; }

Result<std::shared_ptr<const LinearWeight>> load(const TensorStore& store, const std::string& name, std::int64_t rows,
                                                 std::int64_t cols) {
  SQUEEZE_ASSIGN(std::shared_ptr<const LinearWeight> weight, LutWeight::load(store, name, rows, cols));
  return weight;
}

}  // namespace

std::vector<OwnedTensor> lut_tensors(const std::string& name, int bits, MatrixView<const std::uint8_t> indices,
                                     MatrixView<const Half> tables, const SparseRows* sparse) {
  assert(tables.rows == indices.rows && tables.cols == 1 << bits);
  Matrix<std::uint32_t> words(indices.rows, packed_words(indices.cols, bits));
  parallel_for(indices.rows, 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) pack_indices(indices.row(r), bits, words.view().row(r));
  });
  std::vector<OwnedTensor> tensors;
  tensors.push_back(
      owned_tensor<std::uint32_t>(name + ".qweight", DType::kU32, {words.rows, words.cols}, words.values));
  tensors.push_back(owned_tensor<Half>(name + ".lookup_table", DType::kF16, {tables.rows, tables.cols}, tables.flat()));
  if (sparse && sparse->count() > 0)
    for (OwnedTensor& tensor : sparse_tensors(name, *sparse, indices.cols)) tensors.push_back(std::move(tensor));
  return tensors;
}

std::int64_t lut_bytes(std::int64_t rows, std::int64_t cols, int bits, std::int64_t sparse_count) {
  const std::int64_t dense = rows * (4 * packed_words(cols, bits) + 2 * (std::int64_t{1} << bits));
  return sparse_count == 0 ? dense : dense + sparse_bytes(rows, cols, sparse_count);
}

Result<std::shared_ptr<const LutWeight>> LutWeight::load(const TensorStore& store, const std::string& name,
                                                         std::int64_t rows, std::int64_t cols) {
  auto weight = std::make_shared<LutWeight>();
  weight->store_ = store;
  weight->rows_ = rows;
  weight->cols_ = cols;
  SQUEEZE_ASSIGN(weight->tables_, store.require(name + ".lookup_table"));
  const TensorView& tables = weight->tables_;
  const std::int64_t entries = tables.shape.size() == 2 ? tables.shape[1] : 0;
  if (tables.dtype != DType::kF16 || entries < 1 << kMinBits || entries > 1 << kMaxBits ||
      !std::has_single_bit(static_cast<std::uint64_t>(entries)))
    return refused(tables, "is " + std::string(name_of(tables.dtype)) + " " + shape_text(tables.shape) +
                               "; F16 [rows, 4 to 256, a power of two] was expected");
  SQUEEZE_TRY(expect_shape(tables, {rows, entries}));
  SQUEEZE_TRY(expect_finite(tables));
  weight->bits_ = std::countr_zero(static_cast<std::uint64_t>(entries));

  SQUEEZE_ASSIGN(weight->qweight_, store.require(name + ".qweight"));
  const TensorView& qweight = weight->qweight_;
  if (qweight.dtype != DType::kU32)
    return refused(qweight, "is " + std::string(name_of(qweight.dtype)) + "; U32 was expected");
  const std::int64_t words = packed_words(cols, weight->bits_);
  SQUEEZE_TRY(expect_shape(qweight, {rows, words}));
  for (std::int64_t r = 0; r < rows; ++r)
    if (!padding_is_zero(qweight.bytes.data() + r * words * 4, weight->bits_, cols))
      return refused(qweight, "has bits set behind the last index of row " + std::to_string(r));

  SQUEEZE_ASSIGN(weight->sparse_, SparsePart::load(store, name, rows, cols));
  return std::shared_ptr<const LutWeight>(std::move(weight));
}

std::shared_ptr<const LutWeight> LutWeight::with_tables(std::vector<Half> tables) const {
  assert(static_cast<std::int64_t>(tables.size()) == tables_.count());
  auto weight = std::make_shared<LutWeight>(*this);
  weight->own_tables_ = std::make_shared<const std::vector<Half>>(std::move(tables));
  weight->tables_.bytes = std::as_bytes(std::span(*weight->own_tables_));
  return weight;
}

std::int64_t LutWeight::size_bytes() const {
  return static_cast<std::int64_t>(qweight_.bytes.size() + tables_.bytes.size()) +
         (sparse_ ? sparse_->size_bytes() : 0);
}

void LutWeight::indices(std::int64_t row, std::span<std::uint8_t> out) const {
  assert(static_cast<std::int64_t>(out.size()) == cols_);
  unpack_indices(qweight_.bytes.data() + row * packed_words(cols_, bits_) * 4, bits_, out);
}

void LutWeight::table(std::int64_t row, std::span<float> out) const { read_floats(tables_, row << bits_, out); }

void LutWeight::dequantize_rows(std::int64_t first, MatrixView<float> out) const {
  assert(out.cols == cols_ && first + out.rows <= rows_);
  thread_local std::vector<std::uint8_t> row_indices;
  row_indices.resize(static_cast<std::size_t>(cols_));
  float row_table[1 << kMaxBits];
  for (std::int64_t r = 0; r < out.rows; ++r) {
    table(first + r, {row_table, std::size_t{1} << bits_});
    indices(first + r, row_indices);
    look_up(row_indices.data(), row_table, cols_, out.row(r).data());
    if (sparse_) sparse_->add_row(first + r, out.row(r).data());
  }
}

std::shared_ptr<const LinearWeight> LutWeight::packed(const DecodePath& path) const {
  // The tables stay: all else of the file may go once the tiles are made.
  auto tables = std::make_shared<std::vector<Half>>(static_cast<std::size_t>(tables_.count()));
  std::memcpy(tables->data(), tables_.bytes.data(), tables_.bytes.size());
  const int bits = bits_;
  return pack_lut({.bits = bits_,
                   .rows = rows_,
                   .cols = cols_,
                   .stored_as = stored_as(),
                   .size_bytes = size_bytes(),
                   .indices = [this](std::int64_t row, std::span<std::uint8_t> out) { indices(row, out); },
                   .table =
                       [tables, bits](std::int64_t row, std::span<float> out) {
                         std::ranges::transform(
                             std::span(*tables).subspan(static_cast<std::size_t>(row << bits), out.size()), out.begin(),
                             [](Half h) { return to_float(h); });
                       },
                   .sparse = sparse()},
                  path);
}

extern const Format kFormat_lut;
const Format kFormat_lut{.id = "lut", .holds = holds, .load = load};

}  // namespace squeeze
