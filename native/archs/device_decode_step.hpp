#pragma once
// A few new tokens of one text through all layers on a GPU: what every generated token costs. The same mathematics as
// decode_step.hpp.

#include "archs/device_model.hpp"
#include "archs/token_cuda.hpp"
#include "ops/attention/decode_attention_cuda.hpp"

namespace squeeze {

class DeviceDecodeStep {
 public:
  // `model` must outlive the step.
  DeviceDecodeStep(Stream& stream, const DeviceModel& model);

  // Takes up state.tokens[0, count), count <= kDeviceFewVectors, from *state.position on; logits() are then those after
  // the last. One token's step allocates nothing from its second time on, so that it can be recorded.
  void run(Stream& stream, const DeviceTextState& state, std::int64_t count);
  // Of one row x[1, hidden] of the last layer's output.
  void make_logits(Stream& stream, DeviceView<const float> x);
  DeviceView<const float> logits() const { return logits_; }
  std::int64_t size_bytes() const;

 private:
  struct Activations {
    DeviceView<float> x, q, k, v, attended, up;
  };
  void layer(Stream& stream, const DeviceLayer& w, const DeviceTextState& state, const Activations& a, FewSpace& space);

  const DeviceModel& model_;
  DeviceArray<float> x_, q_, k_, v_, attended_, up_, logits_memory_;
  DeviceView<float> logits_;
  DeviceDecodeAttention attention_;
  FewSpace one_, several_;  // apart, since what is recorded for one token must stay where it is
};

}  // namespace squeeze
