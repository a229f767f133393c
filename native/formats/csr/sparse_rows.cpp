#include "formats/csr/sparse_rows.hpp"

#include <cstring>

namespace squeeze {

namespace {

constexpr std::int64_t kShortCols = 65'536;

Result<TensorView> require(const TensorStore& store, const std::string& name, DType dtype,
                           const std::vector<std::int64_t>& shape) {
  SQUEEZE_ASSIGN(TensorView tensor, store.require(name));
  if (tensor.dtype != dtype)
    return refused(tensor,
                   "is " + std::string(name_of(tensor.dtype)) + "; " + std::string(name_of(dtype)) + " was expected");
  SQUEEZE_TRY(expect_shape(tensor, shape));
  return tensor;
}

}  // namespace

std::vector<OwnedTensor> sparse_tensors(const std::string& name, const SparseRows& sparse, std::int64_t cols) {
  std::vector<OwnedTensor> tensors;
  const auto rows_plus_one = static_cast<std::int64_t>(sparse.row_ptr.size());
  tensors.push_back(owned_tensor<std::int32_t>(name + ".sparse.row_ptr", DType::kI32, {rows_plus_one}, sparse.row_ptr));
  if (cols <= kShortCols) {
    const std::vector<std::uint16_t> short_cols(sparse.cols.begin(), sparse.cols.end());
    tensors.push_back(owned_tensor<std::uint16_t>(name + ".sparse.col", DType::kU16, {sparse.count()}, short_cols));
  } else {
    tensors.push_back(owned_tensor<std::int32_t>(name + ".sparse.col", DType::kI32, {sparse.count()}, sparse.cols));
  }
  tensors.push_back(owned_tensor<Half>(name + ".sparse.val", DType::kF16, {sparse.count()}, sparse.values));
  return tensors;
}

std::int64_t sparse_bytes(std::int64_t rows, std::int64_t cols, std::int64_t count) {
  return 4 * (rows + 1) + count * (cols <= kShortCols ? 4 : 6);
}

Result<std::optional<SparsePart>> SparsePart::load(const TensorStore& store, const std::string& name, std::int64_t rows,
                                                   std::int64_t cols) {
  const std::string prefix = name + ".sparse.";
  if (!store.find(prefix + "row_ptr") && !store.find(prefix + "col") && !store.find(prefix + "val"))
    return std::optional<SparsePart>();
  SparsePart part;
  part.store_ = store;
  SQUEEZE_ASSIGN(const TensorView row_ptr, require(store, prefix + "row_ptr", DType::kI32, {rows + 1}));
  part.row_ptr_.resize(static_cast<std::size_t>(rows + 1));
  std::memcpy(part.row_ptr_.data(), row_ptr.bytes.data(), row_ptr.bytes.size());
  if (part.row_ptr_.front() != 0) return refused(row_ptr, "does not begin with 0");
  for (std::int64_t r = 0; r < rows; ++r)
    if (part.row_ptr_[r + 1] < part.row_ptr_[r])
      return refused(row_ptr, "falls from row " + std::to_string(r) + " to the next");

  const std::int64_t count = part.count();
  SQUEEZE_ASSIGN(part.cols_, require(store, prefix + "col", cols <= kShortCols ? DType::kU16 : DType::kI32, {count}));
  SQUEEZE_ASSIGN(part.values_, require(store, prefix + "val", DType::kF16, {count}));
  SQUEEZE_TRY(expect_finite(part.values_));
  for (std::int64_t r = 0; r < rows; ++r) {
    std::int64_t before = -1;
    for (std::int64_t e = part.row_begin(r); e < part.row_end(r); ++e) {
      const std::int64_t col = part.col(e);
      if (col <= before || col >= cols)
        return refused(part.cols_, "has column " + std::to_string(col) + " in row " + std::to_string(r) +
                                       ", outside the row or out of order");
      before = col;
    }
  }
  return std::optional(std::move(part));
}

std::int64_t SparsePart::size_bytes() const {
  return static_cast<std::int64_t>(row_ptr_.size() * sizeof(std::int32_t) + cols_.bytes.size() + values_.bytes.size());
}

std::int64_t SparsePart::col(std::int64_t entry) const {
  if (cols_.dtype == DType::kU16) {
    std::uint16_t col;
    std::memcpy(&col, cols_.bytes.data() + 2 * entry, sizeof(col));
    return col;
  }
  std::int32_t col;
  std::memcpy(&col, cols_.bytes.data() + 4 * entry, sizeof(col));
  return col;
}

Half SparsePart::value(std::int64_t entry) const {
  Half value;
  std::memcpy(&value, values_.bytes.data() + 2 * entry, sizeof(value));
  return value;
}

void SparsePart::add_row(std::int64_t row, float* out) const {
  for (std::int64_t e = row_begin(row); e < row_end(row); ++e) out[col(e)] += to_float(value(e));
}

}  // namespace squeeze
