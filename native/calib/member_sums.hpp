#pragma once
// From the gradient of a matrix's weights to that of its codebooks: with ŵ[r, j] = c_r[a(r, j)] + s[r, j] and the
// indices a and the sparse part s fixed, ∂L/∂c_r[k] = Σ over j with a(r, j) = k of ∂L/∂ŵ[r, j].

#include "base/matrix.hpp"
#include "formats/lut/lut.hpp"

namespace squeeze {

// sums [N, 2^b] of dw [N, K]: each added up in fp64, in the order of columns. Deterministic for any number of threads.
void sum_members(const LutWeight& stored, MatrixView<const float> dw, MatrixView<float> sums);

}  // namespace squeeze
