#pragma once
// The embedding and the head: the matrices outside the layers, which recipes may ask to be squeezed, too.
//
// Without weights, since calibrations look at the layers alone. At 8 bits evenly spaced values per row (method rtn),
// which are as good as codebooks there and made at once. At 4 bits codebooks, each shared by as many rows as it takes
// for it to cost no more than an eighth of a bit per weight; docs/results.md has what was measured.

#include <string>
#include <vector>

#include "archs/model.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/matrix_source.hpp"

namespace squeeze {

struct OutsideMatrix {
  std::string name;  // without ".weight"
  bool embedding = false, head = false;
  int bits = 0;  // 4 or 8
};

// What the recipe wants squeezed. A tied pair is one matrix: a field that is absent follows the other, and two widths
// are refused.
Result<std::vector<OutsideMatrix>> outside_of(const contract::Recipe& recipe, const Model& model);

Result<MatrixOutput> squeeze_outside(const MatrixSource& source, const OutsideMatrix& matrix, RunContext& context);

}  // namespace squeeze
