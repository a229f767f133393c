#pragma once
// What a model's weights are stored as, and in how many bytes, from the headers of its files alone.

#include <cstdint>
#include <string>

#include "archs/model.hpp"

namespace squeeze {

struct StoredWeights {
  std::int64_t bytes = 0;  // indices, codebooks and sparse parts together
  std::string words;       // "F16", "3 bits", "3 bits + 0.45%"; several with commas where matrices differ
};

StoredWeights stored_matrices(const Model& model);  // of the linears in the layers
StoredWeights stored_head(const Model& model);

}  // namespace squeeze
