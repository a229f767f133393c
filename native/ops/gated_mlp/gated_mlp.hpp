#pragma once
// The gate of a SwiGLU MLP (Shazeer, arXiv 2002.05202): y = silu(gate) · up, silu(g) = g / (1 + e^−g), element by
// element.

#include "base/matrix.hpp"

namespace squeeze {

// gate, up, y: [M, N] fp32; y may be gate or up. Parallel over rows, deterministic.
void gated_silu(MatrixView<const float> gate, MatrixView<const float> up, MatrixView<float> y);

// Gradients given dy[M, N], with s = 1 / (1 + e^−gate): d_up = dy · gate · s, d_gate = dy · up · s · (1 + gate · (1 −
// s)). d_gate and d_up may be gate and up.
void gated_silu_backward(MatrixView<const float> gate, MatrixView<const float> up, MatrixView<const float> dy,
                         MatrixView<float> d_gate, MatrixView<float> d_up);

}  // namespace squeeze
