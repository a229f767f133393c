#pragma once
// LayerNorm (Ba et al., arXiv 1607.06450): y = (x − mean(x)) · r · weight + bias with r = 1 / sqrt(var(x) + eps), row
// by row, var being the mean of squared deviations.

#include <span>

#include "base/matrix.hpp"

namespace squeeze {

// x, y: [M, N] fp32, which may be the same memory; weight, bias: [N]. Sums in fp32, the variance in a second pass.
// Parallel over rows, deterministic.
void layer_norm(MatrixView<const float> x, std::span<const float> weight, std::span<const float> bias, float eps,
                MatrixView<float> y);

// dx[M, N] = gradient with respect to x, given dy[M, N]; mean and r are computed again from x. dx may be dy.
//   dx = r · (g − mean(g) − n · mean(g·n)),  n = (x − mean) · r,  g = weight·dy
void layer_norm_backward(MatrixView<const float> x, std::span<const float> weight, float eps,
                         MatrixView<const float> dy, MatrixView<float> dx);

}  // namespace squeeze
