#pragma once
// The codebooks of one matrix while gradient descent moves them. With ŵ[r, j] = c_r[a(r, j)] + s[r, j] and the indices
// a and the sparse part s fixed, ∂L/∂c_r[k] = Σ over j with a(r, j) = k of ∂L/∂ŵ[r, j]. Forwards the entries are the
// fp16 values that would be stored; what is moved is kept in fp32 beside them.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "formats/lut/lut.hpp"

namespace squeeze {

class RefinedCodebooks {
 public:
  explicit RefinedCodebooks(const LutWeight& stored);

  std::int64_t rows() const { return values_.rows; }
  std::int64_t entries() const { return values_.cols; }  // 2^b
  std::vector<Half> rounded() const;                     // [N, 2^b], as they would be stored

  // Takes the gradient of the entries from that of the weights, dW[N, K]: sums over a row's members in float64.
  // Deterministic for any number of threads.
  void gather(const LutWeight& stored, MatrixView<const float> dw);
  MatrixView<const double> gradient() const { return gradient_.view(); }  // [N, 2^b]

  // One step of Adam (Kingma and Ba, arXiv 1412.6980), number `step` ≥ 1 since the beginning or the last return, by the
  // gradient gathered last. An entry moves by about `rate` times the mean distance between the row's entries as they
  // were stored.
  void move(std::int64_t step, double rate);
  // To values as rounded() gave them, with nothing remembered of gradients.
  void return_to(std::span<const Half> values);

  // For a journal: [values, first moment, second moment], each [N, 2^b] fp32.
  std::vector<MatrixView<float>> state();

 private:
  Matrix<float> values_, first_moment_, second_moment_;
  Matrix<double> gradient_;
  std::vector<float> spacing_;  // of each row's entries
};

}  // namespace squeeze
