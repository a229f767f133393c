#pragma once
// Random matrices in the stored layouts, with the values that they stand for. For tests.

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "base/test_folder.hpp"
#include "formats/grouped_lut/grouped_lut.hpp"
#include "formats/lut/lut.hpp"
#include "formats/uniform_group/uniform_group.hpp"

namespace squeeze {

struct StoredExample {
  std::vector<OwnedTensor> tensors;
  Matrix<float> values;
};

inline StoredExample lut_example(std::int64_t rows, std::int64_t cols, int bits, bool with_sparse) {
  std::mt19937 random(static_cast<unsigned>(cols * 10 + bits));
  std::normal_distribution<float> normal;
  Matrix<std::uint8_t> indices(rows, cols);
  Matrix<Half> tables(rows, std::int64_t{1} << bits);
  for (auto& index : indices.values) index = static_cast<std::uint8_t>(random() % (1u << bits));
  for (auto& entry : tables.values) entry = to_half(normal(random));
  StoredExample example{{}, {rows, cols}};
  SparseRows sparse;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < cols; ++j) {
      float& value = example.values.view().row(r)[j];
      value = to_float(tables.view().row(r)[indices.view().row(r)[j]]);
      if (!with_sparse || random() % 7 != 0) continue;
      sparse.cols.push_back(static_cast<std::int32_t>(j));
      sparse.values.push_back(to_half(10 * normal(random)));
      value += to_float(sparse.values.back());
    }
    sparse.row_ptr.push_back(static_cast<std::int32_t>(sparse.count()));
  }
  example.tensors = lut_tensors("w", bits, indices.view(), tables.view(), &sparse);
  return example;
}

inline StoredExample grouped_example(const CodebookGrid& grid, int bits, bool with_sparse) {
  std::mt19937 random(static_cast<unsigned>(grid.count() * 10 + bits));
  std::normal_distribution<float> normal;
  Matrix<std::uint8_t> indices(grid.rows, grid.cols);
  Matrix<Half> tables(grid.count(), std::int64_t{1} << bits);
  for (auto& index : indices.values) index = static_cast<std::uint8_t>(random() % (1u << bits));
  for (auto& entry : tables.values) entry = to_half(normal(random));
  StoredExample example{{}, {grid.rows, grid.cols}};
  SparseRows sparse;
  for (std::int64_t r = 0; r < grid.rows; ++r) {
    for (std::int64_t j = 0; j < grid.cols; ++j) {
      const std::int64_t block = r / grid.block_rows * grid.across() + j / grid.block_cols;
      float& value = example.values.view().row(r)[j];
      value = to_float(tables.view().row(block)[indices.view().row(r)[j]]);
      if (!with_sparse || random() % 7 != 0) continue;
      sparse.cols.push_back(static_cast<std::int32_t>(j));
      sparse.values.push_back(to_half(10 * normal(random)));
      value += to_float(sparse.values.back());
    }
    sparse.row_ptr.push_back(static_cast<std::int32_t>(sparse.count()));
  }
  example.tensors = grouped_lut_tensors("w", bits, grid, indices.view(), tables.view(), &sparse);
  return example;
}

inline StoredExample uniform_example(std::int64_t rows, std::int64_t cols, int bits, std::int64_t groups) {
  std::mt19937 random(static_cast<unsigned>(cols * 10 + bits));
  std::normal_distribution<float> normal;
  Matrix<std::uint8_t> q(rows, cols);
  Matrix<Half> scales(rows, groups), zeros(rows, groups);
  for (auto& level : q.values) level = static_cast<std::uint8_t>(random() % (1u << bits));
  for (auto& scale : scales.values) scale = to_half(std::abs(normal(random)));
  for (auto& zero : zeros.values) zero = to_half(std::round(3 * normal(random)));
  StoredExample example{uniform_group_tensors("w", bits, q.view(), scales.view(), zeros.view()), {rows, cols}};
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t j = 0; j < cols; ++j) {
      const std::int64_t group = j / (cols / groups);
      example.values.view().row(r)[j] =
          (static_cast<float>(q.view().row(r)[j]) - to_float(zeros.view().row(r)[group])) *
          to_float(scales.view().row(r)[group]);
    }
  return example;
}

inline Result<std::shared_ptr<const LinearWeight>> load_stored(const TestFolder& folder,
                                                               const std::vector<OwnedTensor>& tensors,
                                                               std::int64_t rows, std::int64_t cols) {
  std::vector<TensorSource> sources;
  for (const OwnedTensor& tensor : tensors)
    sources.push_back(tensor_source<std::byte>(tensor.name, tensor.dtype, tensor.shape, tensor.bytes));
  REQUIRE(write_safetensors(folder / "m.safetensors", sources, {}).ok());
  return load_linear(TensorStore::open(folder.path()).value(), "w", rows, cols);
}

}  // namespace squeeze
