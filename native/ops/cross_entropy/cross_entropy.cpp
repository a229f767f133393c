#include "ops/cross_entropy/cross_entropy.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "ops/argmax/argmax.hpp"
#include "ops/exp/exp.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kBlock = 2048;  // elements summed in fp32 before the sum goes to float64

}  // namespace

SQUEEZE_HOT static double sum_exp(const float* x, std::int64_t count, float most) {
  double total = 0;
  for (std::int64_t first = 0; first < count; first += kBlock) {
    const std::int64_t last = std::min(count, first + kBlock);
    float sum = 0;
    // x − most is −Inf for a logit of −Inf, whose share is zero, and NaN when `most` is Inf.
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = first; i < last; ++i) sum += exp_approx(x[i] - most);
    total += sum;
  }
  return total;
}

SQUEEZE_HOT static void softmax_values(float* x, std::int64_t count, float shift) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) x[i] = exp_approx(x[i] - shift);
}

// q := e^(q − q_shift) − e^(p − p_shift)
SQUEEZE_HOT static void softmax_difference(const float* p, float* q, std::int64_t count, float p_shift, float q_shift) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) q[i] = exp_approx(q[i] - q_shift) - exp_approx(p[i] - p_shift);
}

struct WeightedSums {
  double weights, differences;
};

// Σ e and Σ e (p − q) with e = e^(p − most).
SQUEEZE_HOT static WeightedSums weighted_sums(const float* p, const float* q, std::int64_t count, float most) {
  WeightedSums total = {};
  for (std::int64_t first = 0; first < count; first += kBlock) {
    const std::int64_t last = std::min(count, first + kBlock);
    float weights = 0, differences = 0;
#pragma omp simd reduction(+ : weights, differences)
    for (std::int64_t i = first; i < last; ++i) {
      const float e = exp_approx(p[i] - most);
      weights += e;
      differences += e * (p[i] - q[i]);
    }
    total.weights += weights;
    total.differences += differences;
  }
  return total;
}

double log_sum_exp(std::span<const float> logits) {
  assert(!logits.empty());
  const auto count = static_cast<std::int64_t>(logits.size());
  const float most = largest(logits);
  return most + std::log(sum_exp(logits.data(), count, most));
}

void cross_entropy(MatrixView<const float> logits, std::span<const std::int32_t> targets, std::span<double> losses) {
  assert(static_cast<std::int64_t>(targets.size()) == logits.rows && targets.size() == losses.size());
  parallel_for(logits.rows, row_chunk(logits.cols), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) losses[r] = log_sum_exp(logits.row(r)) - logits.row(r)[targets[r]];
  });
}

void cross_entropy_with_gradient(MatrixView<float> logits, std::span<const std::int32_t> targets,
                                 std::span<double> losses) {
  assert(static_cast<std::int64_t>(targets.size()) == logits.rows && targets.size() == losses.size());
  parallel_for(logits.rows, row_chunk(logits.cols), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      const std::span<float> row = logits.row(r);
      const double total = log_sum_exp(row);
      losses[r] = total - row[targets[r]];
      softmax_values(row.data(), logits.cols, static_cast<float>(total));
      row[targets[r]] -= 1.0f;
    }
  });
}

double kl_divergence(std::span<const float> p_logits, std::span<const float> q_logits) {
  assert(p_logits.size() == q_logits.size() && !p_logits.empty());
  const auto count = static_cast<std::int64_t>(p_logits.size());
  const float most = largest(p_logits);
  const WeightedSums sums = weighted_sums(p_logits.data(), q_logits.data(), count, most);
  // The two normalisers are subtracted in float64: rounded to fp32 they would drown the divergence of close models.
  return sums.differences / sums.weights - (most + std::log(sums.weights) - log_sum_exp(q_logits));
}

void kl_divergence_rows(MatrixView<const float> p_logits, MatrixView<const float> q_logits, std::span<double> out) {
  assert(p_logits.rows == q_logits.rows && static_cast<std::int64_t>(out.size()) == p_logits.rows);
  parallel_for(p_logits.rows, row_chunk(p_logits.cols), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) out[r] = kl_divergence(p_logits.row(r), q_logits.row(r));
  });
}

void kl_divergence_with_gradient(MatrixView<const float> p_logits, MatrixView<float> q_logits, std::span<double> out) {
  assert(p_logits.rows == q_logits.rows && static_cast<std::int64_t>(out.size()) == p_logits.rows);
  parallel_for(p_logits.rows, row_chunk(p_logits.cols), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      const std::span<const float> p = p_logits.row(r);
      const std::span<float> q = q_logits.row(r);
      out[r] = kl_divergence(p, q);
      softmax_difference(p.data(), q.data(), p_logits.cols, static_cast<float>(log_sum_exp(p)),
                         static_cast<float>(log_sum_exp(q)));
    }
  });
}

}  // namespace squeeze
