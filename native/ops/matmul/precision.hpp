#pragma once
// In what the factors of a large product are. Sums are fp32 either way.

#include "base/result.hpp"

namespace squeeze {

enum class Precision {
  kFloat32,
  kBFloat16,  // both factors rounded to 8 bits of mantissa: twice the rate, where the processor multiplies them itself
};

// "fp32", "bf16"
const char* name_of(Precision precision);
// bf16 where the processor multiplies it, else fp32.
Precision fastest_precision();
// kDeviceUnavailable where the processor would have to emulate it.
Result<void> check_supported(Precision precision);

}  // namespace squeeze
