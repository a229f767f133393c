#pragma once
// What squeezing a large matrix would come to, from some of its rows.

#include <cstdint>
#include <span>
#include <vector>

#include "base/progress.hpp"
#include "methods/method.hpp"

namespace squeeze {

// What one way makes of a matrix.
struct MatrixCost {
  double objective = 0;
  std::int64_t size_bytes = 0;
};

// By ways of one weighting and solver, judged by `rows` < N of the matrix's rows, and by a quarter of those at 7 and 8
// bits. Sizes are exact. Weights are kept where the whole matrix would keep them; a choice by the loss is made among
// the sampled rows alone, of as large a share. Deterministic.
Result<std::vector<MatrixCost>> estimate_costs(const MatrixInput& input, std::span<const MatrixRequest> ways,
                                               std::int64_t rows, RunContext& context);

}  // namespace squeeze
