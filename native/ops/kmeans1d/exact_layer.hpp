#pragma once
// One step of the dynamic program over clusters: from the best q − 1 clusters of every prefix to the best q.
// With gain(q, j) = largest Σ moment² / weight over q runs that make up the first j values,
//   gain(q, j) = max over i < j of gain(q − 1, i) + (moment[j] − moment[i])² / (weight[j] − weight[i]).
// The place of the maximum rises with j (the cost is concave Monge) and with q, which bounds each search by its
// neighbours: O(n log n) a step, with most of it done eight prefixes or eight places at a time.

#include <cstdint>

namespace squeeze {

// weight and moment as SortedRow has them, [count + 1 + kPadding]. Work arrays have the same length.
struct LayerInput {
  const double* weight;
  const double* moment;
  const double* gain_before;         // gain(q − 1, j) for j in [q − 1, count]
  const std::int32_t* split_before;  // its places, for j in [q − 1, count]; 0 for q = 2
  std::int64_t count;                // values, ≥ q
  std::int64_t clusters;             // q ≥ 2
  bool last;                         // only j = count is wanted
};

// Writes gain(q, j) and its place for j in [q, count]. Equal maxima: the smallest place.
void solve_layer(const LayerInput& in, double* gain, std::int32_t* split);

}  // namespace squeeze
