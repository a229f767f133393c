#pragma once
// Many new tokens of one text through all layers on a GPU, by matrix products of 16-bit floats with fp32 sums.
// Codebooks of a short prompt are looked up in the product itself; for a longer one, matrix by matrix is decoded to 16
// bits.

#include "archs/device_model.hpp"
#include "archs/token_cuda.hpp"
#include "base/progress.hpp"
#include "ops/matmul/matmul_cuda.hpp"

namespace squeeze {

class DevicePromptPass {
 public:
  // `model` must outlive the pass. Working memory is had when it is first used.
  DevicePromptPass(Stream& stream, const DeviceModel& model) : model_(model), matmul_(DeviceMatmul::make(stream)) {}

  // Takes up state.tokens[0, count), the first of them at `first`, which *state.position must be. Gives the last
  // layer's output [count, hidden], until the next call.
  Result<DeviceView<const float>> run(Stream& stream, const DeviceTextState& state, std::int64_t count,
                                      std::int64_t first, RunContext& context);
  // out[M, V] of rows x[M, hidden] of the last layer's output.
  void logits(Stream& stream, DeviceView<const float> x, DeviceView<float> out);
  std::int64_t size_bytes() const;

 private:
  struct Input;
  template <typename T>
  DeviceView<const T> rounded(Stream& stream, Input& input);
  template <typename T>
  void multiply(Stream& stream, const DeviceLinear& w, DeviceView<const T> x, DeviceView<float> y, bool add);
  void product(Stream& stream, const DeviceLinear& w, Input& input, DeviceView<float> y, bool add = false);
  void layer(Stream& stream, const DeviceLayer& w, const DeviceTextState& state, std::int64_t first,
             DeviceView<float> x);
  template <typename T>
  DeviceArray<T>& input_room();
  template <typename T>
  DeviceArray<T>& weight_room();

  const DeviceModel& model_;
  DeviceMatmul matmul_;
  DeviceArray<float> x_, q_, k_, v_, gate_, up_, activated_;
  DeviceArray<Half> half_input_, half_weight_;
  DeviceArray<BFloat16> bfloat_input_, bfloat_weight_;
  FewSpace space_;
};

}  // namespace squeeze
