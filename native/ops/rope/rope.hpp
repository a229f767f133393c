#pragma once
// Rotary position embedding (Su et al., arXiv 2104.09864) in the convention of the Hugging Face Llama: element i of a
// head is paired with element i + D/2, and the pair turned by position · theta^(−2i/D).

#include <cstdint>
#include <optional>
#include <vector>

#include "base/matrix.hpp"

namespace squeeze {

// Frequencies scaled as Llama 3.1 does ("rope_type": "llama3"): wavelengths beyond original_context / low_freq_factor
// are stretched by `factor`, those under original_context / high_freq_factor kept, those between blended.
struct RopeScaling {
  double factor, low_freq_factor, high_freq_factor;
  std::int64_t original_context;
};

// Cosine and sine of every angle, [positions, D/2] each. Frequencies and angles are rounded to fp32 before the cosine,
// as the implementation that models are trained with does; without that, far positions would turn differently.
struct RopeTable {
  RopeTable(std::int64_t positions, std::int64_t head_dim, double theta, const std::optional<RopeScaling>& scaling);

  std::int64_t positions, half;
  std::vector<float> cosine, sine;
};

enum class Turn { kForward, kBack };

// Turns x[M, heads · D] in place, fp32. Row r stands at position first_position + r mod length, so that M / length
// sequences of equal length lie one after the other. kBack undoes it, which is also the backward pass: a rotation's
// gradient is the opposite rotation.
void rope(const RopeTable& table, std::int64_t length, std::int64_t first_position, MatrixView<float> x,
          Turn turn = Turn::kForward);

}  // namespace squeeze
