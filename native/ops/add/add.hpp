#pragma once
// Sums: the residual stream and biases. fp32, parallel over rows, deterministic.

#include <span>

#include "base/matrix.hpp"

namespace squeeze {

// x[M, N] += y[M, N]
void add(MatrixView<float> x, MatrixView<const float> y);
// x[M, N] += bias[N] in every row; an empty bias adds nothing.
void add_bias(MatrixView<float> x, std::span<const float> bias);

}  // namespace squeeze
