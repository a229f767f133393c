#pragma once
// What one layer's gradients are gathered to, sample by sample: F of its linears (SqueezeLLM, arXiv 2306.07629, section
// 4.1), or the plain sum of their dW.

#include <optional>
#include <vector>

#include "archs/model.hpp"
#include "base/half.hpp"
#include "calib/gradient_engine.hpp"
#include "ops/scratch.hpp"

namespace squeeze {

class GatheredGradients {
 public:
  GatheredGradients(std::optional<Estimator> estimator, Precision precision, std::span<const MatrixSlot> slots);

  // Adds one sample's share for the linear `index`: its input x[T, K] and the gradient dy[T, N] of its output. One call
  // for each sample and linear: `sample` squares the sum over the tokens of a call. The factors of products are rounded
  // to `precision`; all sums are fp32.
  void add(std::int64_t index, MatrixView<const float> x, MatrixView<const float> dy);
  // Divides F by the number of samples; its sums become means.
  void finish(std::int64_t samples);

  MatrixView<const float> of(std::int64_t index) const { return sums_[index].view(); }

 private:
  std::optional<Estimator> estimator_;  // none: plain sums
  Precision precision_;
  std::vector<Matrix<float>> sums_;
  Scratch x_squares_, dy_squares_;
  ScratchOf<BFloat16> rounded_x_, rounded_dy_;
};

}  // namespace squeeze
