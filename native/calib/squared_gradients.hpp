#pragma once
// F of the linears of one layer, gathered sample by sample. SqueezeLLM, arXiv 2306.07629, section 4.1.

#include <vector>

#include "archs/model.hpp"
#include "base/half.hpp"
#include "calib/calibrate.hpp"
#include "ops/scratch.hpp"

namespace squeeze {

class SquaredGradients {
 public:
  SquaredGradients(Estimator estimator, Precision precision, std::span<const MatrixSlot> slots);

  // Adds one sample's share for the linear `index`: its input x[T, K] and the gradient dy[T, N] of its output. One call
  // for each sample and linear: `sample` squares the sum over the tokens of a call. The factors of products are rounded
  // to `precision`; their sums and F are fp32.
  void add(std::int64_t index, MatrixView<const float> x, MatrixView<const float> dy);
  // Divides by the number of samples; the sums become means.
  void finish(std::int64_t samples);

  MatrixView<const float> of(std::int64_t index) const { return sums_[index].view(); }

 private:
  Estimator estimator_;
  Precision precision_;
  std::vector<Matrix<float>> sums_;
  Scratch x_squares_, dy_squares_;
  ScratchOf<BFloat16> rounded_x_, rounded_dy_;
};

}  // namespace squeeze
