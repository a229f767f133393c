#pragma once
// Decoder::forward and backward of whole sequences on a GPU; see decoder.hpp for the mathematics. Activations are fp32
// [sequences · length, width] in memory of the device. T: BFloat16, to which both factors of every product with weights
// are rounded (Precision::kBFloat16), or float. All else is fp32. Errors stick in the stream.

#include <functional>

#include "archs/decoder.hpp"
#include "archs/device_layer.hpp"
#include "ops/attention/attention_cuda.hpp"
#include "ops/matmul/matmul_cuda.hpp"
#include "ops/rope/rope_cuda.hpp"

namespace squeeze {

// One factor of products: as computed, and as they take it (the same memory where T is float).
template <typename T>
struct DeviceFactor {
  DeviceView<const float> exact;
  DeviceView<const T> rounded;
};

// LinearVisitor on a GPU: x[sequences · T, K] and dy[sequences · T, N].
template <typename T>
using DeviceLinearVisitor =
    std::function<void(std::int64_t index, const DeviceFactor<T>& x, const DeviceFactor<T>& dy)>;

template <typename T>
class DevicePasses {
 public:
  // For sequences as long as the decoder was made for. All work goes to `stream`, which must stay where it is.
  static Result<DevicePasses> make(const Decoder& decoder, Stream& stream);

  Stream& stream() { return stream_; }
  DeviceMatmul& matmul() { return matmul_; }

  // One layer over sequences that begin at position 0. y may be x.
  void forward(const DeviceLayer<T>& w, std::int64_t sequences, DeviceView<const float> x, DeviceView<float> y);
  // The layer again for its input x, then backwards: replaces `gradient`, with respect to the layer's output, by that
  // with respect to x. What `visit` is given lives during the call, in the order of the stream.
  void backward(const DeviceLayer<T>& w, std::int64_t sequences, DeviceView<const float> x, DeviceView<float> gradient,
                const DeviceLinearVisitor<T>& visit);
  // logits[M, V] of the last layer's output x[M, hidden].
  void logits(const DeviceHead<T>& head, DeviceView<const float> x, DeviceView<float> out);
  // dx[M, hidden] given d_logits[M, V].
  void logits_backward(const DeviceHead<T>& head, DeviceView<const float> x, DeviceView<const float> d_logits,
                       DeviceView<float> dx);

 private:
  using Linear = typename DeviceLayer<T>::Linear;
  struct Activations;

  DevicePasses(const ModelConfig& config, AttentionShape shape, Stream& stream);
  DeviceFactor<T> factor(DeviceView<const float> x, DeviceArray<T>& room);
  void norm(const float* weight, const float* bias, DeviceView<const float> x, DeviceView<float> y);
  void norm_backward(const float* weight, DeviceView<const float> x, DeviceView<float> dy);
  void linear(const Linear& w, const DeviceFactor<T>& x, DeviceView<float> y);
  // dx (+)= dy W
  void linear_backward(const Linear& w, const DeviceFactor<T>& dy, DeviceView<float> dx, bool accumulate = false);
  Activations layer_forward(const DeviceLayer<T>& w, std::int64_t sequences, DeviceView<const float> x);
  void mlp_backward(const DeviceLayer<T>& w, const Activations& a, DeviceView<float> gradient,
                    const DeviceLinearVisitor<T>& visit);
  void attention_part_backward(const DeviceLayer<T>& w, std::int64_t sequences, DeviceView<const float> x,
                               const Activations& a, DeviceView<float> gradient, const DeviceLinearVisitor<T>& visit);

  ModelConfig config_;
  AttentionShape shape_;
  Stream& stream_;
  DeviceMatmul matmul_;
  std::unique_ptr<const DeviceRopeTable> rope_;
  DeviceArray<float> normed_, q_raw_, k_raw_, q_, k_, v_, log_sums_, attended_, middle_, mlp_normed_, gate_, up_,
      activated_;
  DeviceArray<T> rounded_normed_, rounded_attended_, rounded_mlp_normed_, rounded_activated_, rounded_dy_;
  DeviceArray<float> d_normed_, d_attended_, d_q_, d_k_, d_v_, d_activated_;
  DeviceAttentionSpace attention_space_;
};

}  // namespace squeeze
