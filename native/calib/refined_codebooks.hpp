#pragma once
// The codebooks of one matrix while gradient descent moves them. Forwards the entries are the fp16 values that would be
// stored; what is moved is kept in fp32 beside them.

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

  // The gradient of the entries [N, 2^b] (calib/member_sums.hpp), for the next move().
  void take(MatrixView<const float> gradient);

  // One step of Adam (Kingma and Ba, arXiv 1412.6980), number `step` ≥ 1 since the beginning or the last return, by the
  // gradient taken last. An entry moves by about `rate` times the mean distance between the row's entries as they were
  // stored.
  void move(std::int64_t step, double rate);
  // To values as rounded() gave them, with nothing remembered of gradients.
  void return_to(std::span<const Half> values);

  // For a journal: [values, first moment, second moment], each [N, 2^b] fp32.
  std::vector<MatrixView<float>> state();

 private:
  Matrix<float> values_, first_moment_, second_moment_, gradient_;
  std::vector<float> spacing_;  // of each row's entries
};

}  // namespace squeeze
