#pragma once
// The few weights kept beside the dense part of a matrix, row by row (compressed sparse rows):
//   <name>.sparse.row_ptr  I32 [N + 1]  entries of row r are [row_ptr[r], row_ptr[r + 1])
//   <name>.sparse.col      U16 [nnz] when K ≤ 65,536, otherwise I32 [nnz]; ascending within a row
//   <name>.sparse.val      F16 [nnz]    added to the dense part's value, in fp32
// An entry costs 32 bits (48 with I32 columns) and a row 32 more.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/half.hpp"
#include "formats/format.hpp"

namespace squeeze {

// Being made: row after row.
struct SparseRows {
  std::vector<std::int32_t> row_ptr = {0};
  std::vector<std::int32_t> cols;
  std::vector<Half> values;

  std::int64_t count() const { return static_cast<std::int64_t>(cols.size()); }
};

// The three tensors for a matrix with `cols` columns.
std::vector<OwnedTensor> sparse_tensors(const std::string& name, const SparseRows& sparse, std::int64_t cols);

// Their bytes.
std::int64_t sparse_bytes(std::int64_t rows, std::int64_t cols, std::int64_t count);

// Read in place; keeps the store's mapping alive.
class SparsePart {
 public:
  // Empty when the store holds none for `name`. Checks the three shapes, that row_ptr rises from 0 to nnz, that columns
  // ascend inside [0, cols), and that values are finite.
  static Result<std::optional<SparsePart>> load(const TensorStore& store, const std::string& name, std::int64_t rows,
                                                std::int64_t cols);

  std::int64_t count() const { return row_ptr_.back(); }
  std::int64_t size_bytes() const;
  std::int64_t row_begin(std::int64_t row) const { return row_ptr_[row]; }
  std::int64_t row_end(std::int64_t row) const { return row_ptr_[row + 1]; }
  bool wide() const { return cols_.dtype != DType::kU16; }  // columns of 32 bits
  // The tensors as they lie in the file; columns and values may be unaligned.
  std::span<const std::int32_t> row_ptr() const { return row_ptr_; }
  std::span<const std::byte> stored_cols() const { return cols_.bytes; }
  std::span<const std::byte> stored_values() const { return values_.bytes; }
  std::int64_t col(std::int64_t entry) const;
  Half value(std::int64_t entry) const;
  // out[K] += the row's entries.
  void add_row(std::int64_t row, float* out) const;

 private:
  TensorStore store_;
  std::vector<std::int32_t> row_ptr_;
  TensorView cols_, values_;
};

}  // namespace squeeze
