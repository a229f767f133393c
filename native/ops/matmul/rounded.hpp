#pragma once

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "ops/scratch.hpp"

namespace squeeze {

// x rounded to bf16, in `room`.
MatrixView<const BFloat16> rounded(MatrixView<const float> x, ScratchOf<BFloat16>& room);

}  // namespace squeeze
