#pragma once
// Many numbers between fp32 and fp16 at once, by the processor's own conversions where it has them.

#include <cstdint>

#include "base/half.hpp"

namespace squeeze {

// y[i] = x[i], exact.
void to_floats(const Half* x, std::int64_t count, float* y);

// Rounded to nearest even. What fp16 cannot hold becomes ±65504 instead of Inf; NaN stays NaN.
Half to_half_saturated(float x);
void to_halves_saturated(const float* x, std::int64_t count, Half* y);

}  // namespace squeeze
