#pragma once
// One row made ready for clustering: its distinct values in ascending order, each with the weight it carries, as
// running sums from which the cost of any run of neighbours follows in O(1).

#include <cstdint>
#include <span>
#include <vector>

namespace squeeze {

// With v the distinct values, f their weights and m = mean() = Σ f v / Σ f, for i < j:
//   Σ_{i ≤ t < j} f_t             = weight[j] − weight[i]
//   Σ_{i ≤ t < j} f_t (v_t − m)   = moment[j] − moment[i]
//   cost of one cluster [i, j)    = Σ f (v − m)² over it − (moment difference)² / (weight difference)
// so the least cost is the largest sum of squares over weights. float64; shifting by m keeps the differences exact.
// Weights below 2^-48 of the row's total are raised to it: they would vanish in the running sums.
class SortedRow {
 public:
  // values finite; weights ≥ 0 and finite, as many as values, or none for equal weights. Values of weight 0 have no
  // say and are left out, unless all weights are 0: then all count equally.
  // O(n) when every value is a bfloat16 or a binary16 (one table over the 65,536 keys), else a radix sort.
  void assign(std::span<const float> values, std::span<const float> weights);

  std::int64_t distinct() const { return static_cast<std::int64_t>(values_.size()); }
  std::span<const double> values() const { return values_; }  // ascending
  // distinct() + 1 running sums, from 0, and kPadding more that no search can choose.
  std::span<const double> weight() const { return weight_; }
  std::span<const double> moment() const { return moment_; }
  double mean() const { return mean_; }
  double spread() const { return spread_; }  // Σ f (v − mean)²

  static constexpr int kPadding = 8;

 private:
  bool gather_by_key(std::span<const float> values, std::span<const float> weights);
  void gather_by_sorting(std::span<const float> values, std::span<const float> weights);
  void accumulate();

  std::vector<double> values_, mass_, weight_, moment_;
  double mean_ = 0, spread_ = 0;
  // Kept between rows.
  std::vector<double> mass_of_key_;       // by 16-bit key, all zero between calls
  std::vector<std::uint64_t> keys_seen_;  // one bit a key, all zero between calls
  std::vector<std::uint16_t> keys_;
  std::vector<std::uint64_t> pairs_, scratch_;
};

}  // namespace squeeze
