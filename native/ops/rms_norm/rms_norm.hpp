#pragma once
// RMSNorm (Zhang and Sennrich, arXiv 1910.07467): y = x · r · weight with r = 1 / sqrt(mean(x²) + eps), row by row.

#include <span>

#include "base/matrix.hpp"

namespace squeeze {

// x, y: [M, N] fp32, which may be the same memory; weight: [N]. Sums in fp32. Parallel over rows, deterministic.
void rms_norm(MatrixView<const float> x, std::span<const float> weight, float eps, MatrixView<float> y);

// dx[M, N] = gradient with respect to x, given dy[M, N]; r is computed again from x. dx may be dy.
//   dx = r · (weight·dy − x · r² · mean(weight·dy·x))
void rms_norm_backward(MatrixView<const float> x, std::span<const float> weight, float eps, MatrixView<const float> dy,
                       MatrixView<float> dx);

}  // namespace squeeze
