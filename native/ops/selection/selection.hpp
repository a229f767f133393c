#pragma once
// Order statistics and the largest entries of a whole matrix, in two passes over it and in parallel.

#include <cstdint>
#include <span>

namespace squeeze {

// The value that `rank` others are below or equal to, 0 ≤ rank < values.size(), as if sorted ascending. Values finite.
float value_of_rank(std::span<const float> values, std::int64_t rank);

// Marks exactly `count` entries (at most all): the largest, and of equal ones the first. mask [scores.size()] is
// overwritten with 0 and 1. Scores finite.
void mark_largest(std::span<const float> scores, std::int64_t count, std::span<std::uint8_t> mask);

}  // namespace squeeze
