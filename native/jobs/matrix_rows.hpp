#pragma once
// Rows of one matrix and of its sensitivities, read from the mapped files as they are asked for.

#include <cstdint>
#include <span>
#include <string>

#include "jobs/matrix_source.hpp"

namespace squeeze {

// Of a source that outlives it and has a calibration. What is not finite, and negative sensitivities, are refused by
// the tensor's name when they are read.
class MatrixRows {
 public:
  // `tensor` with ".weight"; refuses what is none of the matrices.
  static Result<MatrixRows> of(const MatrixSource& source, const std::string& tensor);

  std::int64_t rows() const { return slot_->rows; }
  std::int64_t cols() const { return slot_->cols; }

  // out.size() elements from (row, col) on, which may go on into the rows below.
  Result<void> weights(std::int64_t row, std::int64_t col, std::span<float> out) const;
  Result<void> sensitivities(std::int64_t row, std::int64_t col, std::span<float> out) const;

  // Rows 0, step, 2·step, ... in memory.
  Result<LoadedMatrix> every(std::int64_t step) const;

 private:
  MatrixRows(const MatrixSlot& slot, TensorView weights, TensorView sensitivities)
      : slot_(&slot), weights_(std::move(weights)), sensitivities_(std::move(sensitivities)) {}

  const MatrixSlot* slot_;
  TensorView weights_, sensitivities_;
};

}  // namespace squeeze
