#pragma once

#include "jobs/contract.gen.hpp"
#include "ops/matmul/precision.hpp"

namespace squeeze {

inline Precision precision_of(contract::Precision asked) {
  return asked == contract::Precision::kBf16 ? Precision::kBFloat16 : Precision::kFloat32;
}

}  // namespace squeeze
