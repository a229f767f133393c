#pragma once
// Matrices of random weights in every stored layout, for measuring speed and memory where no model is at hand. The
// weights are Gaussian with variance 1/K, so that a model of them keeps its activations in range.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/format.hpp"

namespace squeeze {

enum class SyntheticType { kF16, kBF16, kLut };

struct SyntheticLayout {
  SyntheticType type = SyntheticType::kF16;
  int bits = 0;         // of an index, where the type is kLut
  double sparsity = 0;  // share of the weights kept beside the codebook, where the type is kLut
};

// The tensors of the linear `name`, W[rows, cols] with cols ≤ 65,536; each is made while it is written, a few MB at a
// time. The same seed gives the same bytes, on any number of threads.
//   kLut: indices are uniform; a row's codebook lies at equal steps of probability of its Gaussian, whose width differs
//   a little from row to row; rows keep from half to one and a half times `sparsity` of their weights, at columns
//   spread over the row.
std::vector<TensorSource> synthetic_linear(const std::string& name, std::int64_t rows, std::int64_t cols,
                                           const SyntheticLayout& layout, std::uint64_t seed);

// A vector of weights around 1, as norms have, F16 [size].
TensorSource synthetic_norm(const std::string& name, std::int64_t size, std::uint64_t seed);

// The same matrix in memory.
Result<std::shared_ptr<const LinearWeight>> synthetic_weight(std::int64_t rows, std::int64_t cols,
                                                             const SyntheticLayout& layout, std::uint64_t seed);

}  // namespace squeeze
