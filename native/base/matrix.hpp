#pragma once
// Row-major matrices: a view that owns nothing and a buffer that owns its memory.

#include <cassert>
#include <cstdint>
#include <span>
#include <vector>

namespace squeeze {

// rows × cols elements at data, one row after the other. A row of a weight matrix is one output channel.
template <typename T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;

  std::span<T> row(std::int64_t r) const {
    assert(r >= 0 && r < rows);
    return {data + r * cols, static_cast<std::size_t>(cols)};
  }
  MatrixView rows_from(std::int64_t first, std::int64_t count) const {
    assert(first >= 0 && count >= 0 && first + count <= rows);
    return {data + first * cols, count, cols};
  }
  std::int64_t size() const { return rows * cols; }
  std::span<T> flat() const { return {data, static_cast<std::size_t>(size())}; }
  operator MatrixView<const T>() const { return {data, rows, cols}; }
};

template <typename T>
struct Matrix {
  Matrix() = default;
  Matrix(std::int64_t row_count, std::int64_t col_count)
      : rows(row_count), cols(col_count), values(static_cast<std::size_t>(row_count * col_count)) {}

  MatrixView<T> view() { return {values.data(), rows, cols}; }
  MatrixView<const T> view() const { return {values.data(), rows, cols}; }

  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::vector<T> values;
};

}  // namespace squeeze
