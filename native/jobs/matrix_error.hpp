#pragma once
// How far a stored matrix lies from the one it was made from.

#include "formats/format.hpp"
#include "methods/method.hpp"

namespace squeeze {

struct MatrixError {
  double objective = 0;       // Σ F (w − ŵ)², or Σ (w − ŵ)² where the input has no sensitivities
  double relative_error = 0;  // ‖w − ŵ‖ / ‖w‖
};

// Sums in float64, deterministic.
MatrixError matrix_error(const MatrixInput& input, const LinearWeight& stored);

}  // namespace squeeze
