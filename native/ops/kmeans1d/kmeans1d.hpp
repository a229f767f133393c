#pragma once
// Weighted k-means of one row, minimising Σ_j f_j (v_j − c_{a(j)})² over k centroids (SqueezeLLM, arXiv 2306.07629,
// §4.1). In one dimension clusters are runs of the sorted values, and the optimum is within reach.

#include <cstdint>
#include <span>
#include <vector>

#include "base/half.hpp"
#include "ops/kmeans1d/sorted_row.hpp"

namespace squeeze {

// Holds one row and the work space for it. Not for two threads at once. Deterministic, the same on every x86-64 level.
class Kmeans1d {
 public:
  // See SortedRow::assign.
  void assign(std::span<const float> values, std::span<const float> weights) { row_.assign(values, weights); }
  const SortedRow& row() const { return row_; }

  // The global optimum for every number of clusters up to k by one dynamic program, O(k n log n) in float64
  // (divide and conquer over monotone splits; Grønlund et al., arXiv 1701.07204, §2). Returns k objectives:
  // [q − 1] is the least cost with q clusters. With fewer distinct values than clusters the rest are 0.
  std::span<const double> solve_exact(int k);
  // Centroids, ascending, of the optimum with q ≤ k clusters, after solve_exact(k): min(q, distinct) of them.
  void exact_centroids(int q, std::vector<double>& centroids) const;

  // Lloyd's iteration until no border moves, begun from the exact solution of the row summed into 96 to 1024 bins
  // (a third of their width by count, a third by value, a third by weight). Returns the objective; never below the
  // exact one.
  double solve_lloyd(int k, std::vector<double>& centroids);

 private:
  double cost_of(std::span<const std::int64_t> borders) const;

  SortedRow row_;
  std::vector<double> objectives_, gain_, next_gain_;
  std::vector<std::int32_t> splits_;  // [k][distinct + 1 + padding]
  std::int64_t split_stride_ = 0;
  // Of the binned row that Lloyd begins from.
  std::vector<double> bin_weight_, bin_moment_;
  std::vector<std::int32_t> bin_end_, bin_splits_;
  std::vector<std::int64_t> borders_;
};

// Centroids as they are stored: fp16, ascending, padded to table.size() by repeating the last. Beyond ±65504 they stop.
void round_codebook(std::span<const double> centroids, std::span<Half> table);

// indices[j] = place of the nearest value of the ascending table; a value halfway between two goes to the lower.
void nearest_indices(std::span<const float> values, std::span<const Half> table, std::span<std::uint8_t> indices);

}  // namespace squeeze
