#pragma once
// For tests: random inputs, and gradients by central differences of a function in float64.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "base/matrix.hpp"

namespace squeeze {

inline Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols, std::uint32_t seed, float scale = 1) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  Matrix<float> m(rows, cols);
  for (float& value : m.values) value = uniform(random);
  return m;
}

inline std::vector<double> in_double(const Matrix<float>& m) { return {m.values.begin(), m.values.end()}; }

// dL/dx_i of a scalar L(x) at x, to about 1e-9 of L.
inline std::vector<double> central_differences(const std::function<double(const std::vector<double>&)>& loss,
                                               std::vector<double> x, double step = 1e-5) {
  std::vector<double> gradient;
  for (double& value : x) {
    const double at = value;
    value = at + step;
    const double above = loss(x);
    value = at - step;
    gradient.push_back((above - loss(x)) / (2 * step));
    value = at;
  }
  return gradient;
}

// Largest |a − b| over the largest |b|.
template <typename A, typename B>
double relative_error(const A& a, const B& b) {
  double worst = 0, most = 1e-30;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    worst = difference <= worst ? worst : difference;  // NaN wins
    most = std::max(most, std::abs(static_cast<double>(b[i])));
  }
  return worst / most;
}

// Σ_i y_i weights_i: turns an op with many results into a scalar whose gradient is asked for.
inline double weighted(const std::vector<double>& y, const std::vector<double>& weights) {
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * weights[i];
  return sum;
}

}  // namespace squeeze
