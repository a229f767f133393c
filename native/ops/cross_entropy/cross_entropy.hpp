#pragma once
// Log-softmax and the negative log-likelihood of one class a row, fused: the probabilities are never stored apart.

#include <cstdint>
#include <span>

#include "base/matrix.hpp"

namespace squeeze {

// log Σ_v e^logits[v] of one row. fp32 exponentials, summed in blocks whose sums are added in float64. NaN or +Inf in
// the row gives NaN.
double log_sum_exp(std::span<const float> logits);

// losses[m] = log Σ_v e^logits[m, v] − logits[m, targets[m]], in nats, for logits [M, V] fp32 and targets in [0, V).
// Not finite where the logits are not. Parallel over rows, deterministic.
void cross_entropy(MatrixView<const float> logits, std::span<const std::int32_t> targets, std::span<double> losses);

// The same, and replaces the logits by the gradient of the sum of the losses: softmax(logits) − onehot(target).
void cross_entropy_with_gradient(MatrixView<float> logits, std::span<const std::int32_t> targets,
                                 std::span<double> losses);

// KL(p ‖ q) = Σ_v p log(p/q) in nats of one row, p = softmax(p_logits), q = softmax(q_logits).
double kl_divergence(std::span<const float> p_logits, std::span<const float> q_logits);
// The same for each row of two [M, V], parallel over rows.
void kl_divergence_rows(MatrixView<const float> p_logits, MatrixView<const float> q_logits, std::span<double> out);

// The same, and replaces q's logits by the gradient of the sum of the divergences: softmax(q) − softmax(p).
void kl_divergence_with_gradient(MatrixView<const float> p_logits, MatrixView<float> q_logits, std::span<double> out);

}  // namespace squeeze
