#pragma once
// y = max(x, 0), element by element.

#include "base/matrix.hpp"

namespace squeeze {

// x, y: [M, N] fp32, which may be the same memory. NaN stays NaN. Parallel over rows, deterministic.
void relu(MatrixView<const float> x, MatrixView<float> y);

// dx[M, N] = dy where x > 0, otherwise 0 (also at x = 0). dx may be x or dy.
void relu_backward(MatrixView<const float> x, MatrixView<const float> dy, MatrixView<float> dx);

}  // namespace squeeze
