#include <type_traits>

#include "archs/device_passes.hpp"
#include "ops/add/add_cuda.hpp"
#include "ops/gated_mlp/gated_mlp_cuda.hpp"
#include "ops/half/half_cuda.hpp"
#include "ops/layer_norm/layer_norm_cuda.hpp"
#include "ops/relu/relu_cuda.hpp"
#include "ops/rms_norm/rms_norm_cuda.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kWidestHead = 256;  // that attention's kernels hold

}  // namespace

template <typename T>
struct DevicePasses<T>::Activations {
  DeviceFactor<T> normed, attended, mlp_normed, activated;  // that linears take
  DeviceView<float> q_raw, k_raw, q, k, v, log_sums, middle, gate, up;
};

template <typename T>
DevicePasses<T>::DevicePasses(const ModelConfig& config, AttentionShape shape, Stream& stream)
    : config_(config), shape_(shape), stream_(stream), matmul_(DeviceMatmul::make(stream_)) {}

template <typename T>
Result<DevicePasses<T>> DevicePasses<T>::make(const Decoder& decoder, Stream& stream) {
  if (const std::int64_t width = decoder.attention_shape().head_dim; width > kWidestHead)
    return Error{.code = ErrorCode::kDeviceUnavailable,
                 .message = "Heads of " + std::to_string(width) + " values are wider than the GPU's attention takes (" +
                            std::to_string(kWidestHead) + ").",
                 .hint = "Choose the processor."};
  DevicePasses passes(decoder.model().config(), decoder.attention_shape(), stream);
  if (decoder.rope_table() != nullptr)
    passes.rope_ = std::make_unique<const DeviceRopeTable>(stream, *decoder.rope_table());
  SQUEEZE_TRY(stream.finish());
  return passes;
}

template <typename T>
DeviceFactor<T> DevicePasses<T>::factor(DeviceView<const float> x, DeviceArray<T>& room) {
  if constexpr (std::is_same_v<T, float>) {
    return {x, x};
  } else {
    const DeviceView<T> rounded = room.matrix(stream_, x.rows, x.cols);
    convert(stream_, x, rounded);
    return {x, rounded};
  }
}

template <typename T>
void DevicePasses<T>::norm(const float* weight, const float* bias, DeviceView<const float> x, DeviceView<float> y) {
  const float eps = static_cast<float>(config_.norm_eps);
  if (config_.norm == NormKind::kRms) return rms_norm(stream_, x, weight, eps, y);
  layer_norm(stream_, x, weight, bias, eps, y);
}

template <typename T>
void DevicePasses<T>::norm_backward(const float* weight, DeviceView<const float> x, DeviceView<float> dy) {
  const float eps = static_cast<float>(config_.norm_eps);
  if (config_.norm == NormKind::kRms) return rms_norm_backward(stream_, x, weight, eps, dy, dy);
  layer_norm_backward(stream_, x, weight, eps, dy, dy);
}

template <typename T>
void DevicePasses<T>::linear(const Linear& w, const DeviceFactor<T>& x, DeviceView<float> y) {
  matmul_.template nt<T>(stream_, x.rounded, w.weight, y);
  add_bias(stream_, y, w.bias);
}

template <typename T>
void DevicePasses<T>::linear_backward(const Linear& w, const DeviceFactor<T>& dy, DeviceView<float> dx,
                                      bool accumulate) {
  matmul_.template nn<T>(stream_, dy.rounded, w.weight, dx, accumulate);
}

// Everything of a layer but the last product and its residual, which the backward pass has no use for.
template <typename T>
typename DevicePasses<T>::Activations DevicePasses<T>::layer_forward(const DeviceLayer<T>& w, std::int64_t sequences,
                                                                     DeviceView<const float> x) {
  const ModelConfig& c = config_;
  const std::int64_t rows = x.rows, length = rows / sequences;
  const std::int64_t q_width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const float eps = static_cast<float>(c.norm_eps);
  Activations a;

  const auto normed = normed_.matrix(stream_, rows, c.hidden);
  norm(w.attention_norm, w.attention_norm_bias, x, normed);
  a.normed = factor(normed, rounded_normed_);
  a.q = q_.matrix(stream_, rows, q_width);
  a.k = k_.matrix(stream_, rows, kv_width);
  a.v = v_.matrix(stream_, rows, kv_width);
  a.q_raw = c.qk_norm ? q_raw_.matrix(stream_, rows, q_width) : a.q;
  a.k_raw = c.qk_norm ? k_raw_.matrix(stream_, rows, kv_width) : a.k;
  linear(w.q, a.normed, a.q_raw);
  linear(w.k, a.normed, a.k_raw);
  linear(w.v, a.normed, a.v);
  if (c.qk_norm) {
    const auto by_head = [&](DeviceView<float> m) { return m.reshaped(m.size() / c.head_dim, c.head_dim); };
    rms_norm(stream_, by_head(a.q_raw), w.q_norm, eps, by_head(a.q));
    rms_norm(stream_, by_head(a.k_raw), w.k_norm, eps, by_head(a.k));
  }
  if (rope_) {
    rope(stream_, *rope_, length, 0, a.q);
    rope(stream_, *rope_, length, 0, a.k);
  }
  const auto attended = attended_.matrix(stream_, rows, q_width);
  a.log_sums = log_sums_.matrix(stream_, sequences * c.heads, length);
  attention(stream_, shape_, sequences, a.q, a.k, a.v, attended, a.log_sums);
  a.attended = factor(attended, rounded_attended_);
  a.middle = middle_.matrix(stream_, rows, c.hidden);
  linear(w.o, a.attended, a.middle);
  add(stream_, a.middle, x);

  const auto mlp_normed = mlp_normed_.matrix(stream_, rows, c.hidden);
  norm(w.mlp_norm, w.mlp_norm_bias, a.middle, mlp_normed);
  a.mlp_normed = factor(mlp_normed, rounded_mlp_normed_);
  a.up = up_.matrix(stream_, rows, c.intermediate);
  linear(w.up, a.mlp_normed, a.up);
  const auto activated = activated_.matrix(stream_, rows, c.intermediate);
  if (w.gate.weight.data != nullptr) {
    a.gate = gate_.matrix(stream_, rows, c.intermediate);
    linear(w.gate, a.mlp_normed, a.gate);
    gated_silu(stream_, a.gate, a.up, activated);
  } else {
    relu(stream_, a.up, activated);
  }
  a.activated = factor(activated, rounded_activated_);
  return a;
}

template <typename T>
void DevicePasses<T>::forward(const DeviceLayer<T>& w, std::int64_t sequences, DeviceView<const float> x,
                              DeviceView<float> y) {
  const Activations a = layer_forward(w, sequences, x);
  linear(w.down, a.activated, y);
  add(stream_, y, a.middle);
}

// From the gradient of the layer's output to that of `middle`.
template <typename T>
void DevicePasses<T>::mlp_backward(const DeviceLayer<T>& w, const Activations& a, DeviceView<float> gradient,
                                   const DeviceLinearVisitor<T>& visit) {
  const bool gated = w.gate.weight.data != nullptr;
  const std::int64_t up = gated ? 5 : 4;  // its index; gate stands before it
  const auto dy = factor(gradient, rounded_dy_);
  visit(up + 1, a.activated, dy);
  const auto d_activated = d_activated_.matrix(stream_, gradient.rows, config_.intermediate);
  linear_backward(w.down, dy, d_activated);
  const auto d_normed = d_normed_.matrix(stream_, gradient.rows, config_.hidden);
  // The gradients of gate and up take their places.
  if (gated) {
    gated_silu_backward(stream_, a.gate, a.up, d_activated, a.gate, a.up);
    const auto d_gate = factor(a.gate, rounded_dy_);
    visit(4, a.mlp_normed, d_gate);
    linear_backward(w.gate, d_gate, d_normed);
  } else {
    relu_backward(stream_, a.up, d_activated, a.up);
  }
  const auto d_up = factor(a.up, rounded_dy_);
  visit(up, a.mlp_normed, d_up);
  linear_backward(w.up, d_up, d_normed, gated);
  norm_backward(w.mlp_norm, a.middle, d_normed);
  add(stream_, gradient, d_normed);
}

// From the gradient of `middle` to that of the layer's input.
template <typename T>
void DevicePasses<T>::attention_part_backward(const DeviceLayer<T>& w, std::int64_t sequences,
                                              DeviceView<const float> x, const Activations& a,
                                              DeviceView<float> gradient, const DeviceLinearVisitor<T>& visit) {
  const ModelConfig& c = config_;
  const std::int64_t rows = x.rows;
  const auto dy = factor(gradient, rounded_dy_);
  visit(3, a.attended, dy);
  const auto d_attended = d_attended_.matrix(stream_, rows, a.q.cols);
  linear_backward(w.o, dy, d_attended);
  const auto d_q = d_q_.matrix(stream_, rows, a.q.cols), d_k = d_k_.matrix(stream_, rows, a.k.cols),
             d_v = d_v_.matrix(stream_, rows, a.v.cols);
  attention_backward(stream_, shape_, sequences, a.q, a.k, a.v, a.attended.exact, a.log_sums, d_attended, d_q, d_k, d_v,
                     attention_space_);
  if (rope_) {
    rope(stream_, *rope_, rows / sequences, 0, d_q, Turn::kBack);
    rope(stream_, *rope_, rows / sequences, 0, d_k, Turn::kBack);
  }
  if (c.qk_norm) {
    const float eps = static_cast<float>(c.norm_eps);
    const auto by_head = [&](DeviceView<float> m) { return m.reshaped(m.size() / c.head_dim, c.head_dim); };
    rms_norm_backward(stream_, by_head(a.q_raw), w.q_norm, eps, by_head(d_q), by_head(d_q));
    rms_norm_backward(stream_, by_head(a.k_raw), w.k_norm, eps, by_head(d_k), by_head(d_k));
  }
  const auto d_normed = d_normed_.matrix(stream_, rows, c.hidden);
  const Linear* const linears[] = {&w.q, &w.k, &w.v};
  const DeviceView<float> gradients[] = {d_q, d_k, d_v};
  for (int i = 0; i < 3; ++i) {
    const auto d_out = factor(gradients[i], rounded_dy_);
    visit(i, a.normed, d_out);
    linear_backward(*linears[i], d_out, d_normed, i > 0);
  }
  norm_backward(w.attention_norm, x, d_normed);
  add(stream_, gradient, d_normed);
}

template <typename T>
void DevicePasses<T>::backward(const DeviceLayer<T>& w, std::int64_t sequences, DeviceView<const float> x,
                               DeviceView<float> gradient, const DeviceLinearVisitor<T>& visit) {
  const Activations a = layer_forward(w, sequences, x);
  mlp_backward(w, a, gradient, visit);
  attention_part_backward(w, sequences, x, a, gradient, visit);
}

template <typename T>
void DevicePasses<T>::logits(const DeviceHead<T>& head, DeviceView<const float> x, DeviceView<float> out) {
  const auto normed = normed_.matrix(stream_, x.rows, x.cols);
  norm(head.norm, head.norm_bias, x, normed);
  linear({head.weight, nullptr}, factor(normed, rounded_normed_), out);
}

template <typename T>
void DevicePasses<T>::logits_backward(const DeviceHead<T>& head, DeviceView<const float> x,
                                      DeviceView<const float> d_logits, DeviceView<float> dx) {
  linear_backward({head.weight, nullptr}, factor(d_logits, rounded_dy_), dx);
  norm_backward(head.norm, x, dx);
}

template class DevicePasses<float>;
template class DevicePasses<BFloat16>;

}  // namespace squeeze
