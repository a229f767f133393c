#pragma once
// A named tensor inside a mapped file.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/matrix.hpp"
#include "base/result.hpp"
#include "tensor/dtype.hpp"

namespace squeeze {

// Row-major, contiguous, little-endian. The bytes belong to the mapped file and live as long as it does.
struct TensorView {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;

  std::int64_t count() const;  // elements
};

// Converts elements [first, first + out.size()) of an F32, F16 or BF16 tensor to fp32. Exact.
void read_floats(const TensorView& tensor, std::int64_t first, std::span<float> out);

// Reads a whole F32/F16/BF16 tensor as fp32 and refuses NaN and Inf by the tensor's name.
Result<std::vector<float>> read_finite_floats(const TensorView& tensor);

// Refuses a tensor whose shape is not `shape`, naming it and both shapes.
Result<void> expect_shape(const TensorView& tensor, const std::vector<std::int64_t>& shape);

// Refuses a tensor that holds NaN or Inf, naming it and the first such position.
Result<void> expect_finite(const TensorView& tensor);

// "[4096, 11008]"
std::string shape_text(std::span<const std::int64_t> shape);

}  // namespace squeeze
