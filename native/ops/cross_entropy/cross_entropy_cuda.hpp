#pragma once
// Cross-entropy on a GPU: see cross_entropy.hpp. fp32 exponentials, sums of a row in fp32 blocks added in a fixed
// order.

#include "device/device.hpp"

namespace squeeze {

// targets [M], losses [M] (fp32 nats, in memory of the device). Not finite where the logits are not.
void cross_entropy(Stream& stream, DeviceView<const float> logits, const std::int32_t* targets, float* losses);
// Replaces the logits by softmax(logits) − onehot(target).
void cross_entropy_with_gradient(Stream& stream, DeviceView<float> logits, const std::int32_t* targets, float* losses);
// Likeliest class of each row (the lowest of equals) and its log-probability: what greedy decoding asks for.
void argmax_log_probability(Stream& stream, DeviceView<const float> logits, std::int32_t* classes,
                            float* log_probability);
// KL(p ‖ q) of each row, in nats.
void kl_divergence_rows(Stream& stream, DeviceView<const float> p_logits, DeviceView<const float> q_logits, float* out);
// Replaces q's logits by softmax(q) − softmax(p).
void kl_divergence_with_gradient(Stream& stream, DeviceView<const float> p_logits, DeviceView<float> q_logits,
                                 float* out);

}  // namespace squeeze
