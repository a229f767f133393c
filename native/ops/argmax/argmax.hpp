#pragma once
// The largest of many numbers.

#include <cstdint>
#include <span>

namespace squeeze {

// Of numbers without NaN; at least one.
float largest(std::span<const float> x);
// Where it stands; of equal ones the first.
std::int64_t argmax(std::span<const float> x);

}  // namespace squeeze
