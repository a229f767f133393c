#pragma once
// Products of stored weights with many vectors: prompts, evaluation, calibration.

#include "formats/format.hpp"
#include "ops/matmul/precision.hpp"

namespace squeeze {

// Y[M, N] = X[M, K] Wᵀ. Each thread dequantizes a block of rows, small enough for its own cache, and multiplies it.
void multiply(const LinearWeight& w, MatrixView<const float> x, MatrixView<float> y,
              Precision precision = Precision::kFloat32);
// X[M, K] = Y[M, N] W: the gradient with respect to the input. At most some MB of dequantized weights exist at once.
void multiply_transposed(const LinearWeight& w, MatrixView<const float> y, MatrixView<float> x,
                         Precision precision = Precision::kFloat32);

// Most working memory of all threads together for either product with `vectors` vectors, bytes; it stays.
std::int64_t multiply_working_bytes(std::int64_t rows, std::int64_t cols, std::int64_t vectors);

}  // namespace squeeze
