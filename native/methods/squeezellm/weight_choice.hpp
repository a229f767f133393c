#pragma once
// Where weights are chosen: by the engine that a matrix comes with, or here.

#include <memory>

#include "base/result.hpp"
#include "methods/matrix_engine.hpp"

namespace squeeze {

// Nothing is marked. Its views must outlive the choice, and no other choice by the same engine may be open.
Result<std::unique_ptr<WeightChoice>> choose_from(const MatrixInput& input);

}  // namespace squeeze
