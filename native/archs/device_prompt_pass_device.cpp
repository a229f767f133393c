#include "archs/device_prompt_pass.hpp"
#include "ops/add/add_cuda.hpp"
#include "ops/attention/decode_attention_cuda.hpp"
#include "ops/gated_mlp/gated_mlp_cuda.hpp"
#include "ops/half/half_cuda.hpp"
#include "ops/layer_norm/layer_norm_cuda.hpp"
#include "ops/relu/relu_cuda.hpp"
#include "ops/rms_norm/rms_norm_cuda.hpp"

namespace squeeze {

// What several products take: rows, or the norm of them. Rounded to either type when a weight first asks for it.
struct DevicePromptPass::Input {
  DeviceView<const float> x;
  const DeviceNorm* norm = nullptr;
  bool has_halves = false, has_bfloats = false;
};

template <>
DeviceArray<Half>& DevicePromptPass::input_room() {
  return half_input_;
}
template <>
DeviceArray<BFloat16>& DevicePromptPass::input_room() {
  return bfloat_input_;
}
template <>
DeviceArray<Half>& DevicePromptPass::weight_room() {
  return half_weight_;
}
template <>
DeviceArray<BFloat16>& DevicePromptPass::weight_room() {
  return bfloat_weight_;
}

namespace {

const Half* plain(const DeviceWeight& w, Half) { return w.plain_half(); }
const BFloat16* plain(const DeviceWeight& w, BFloat16) { return w.plain_bfloat16(); }

}  // namespace

template <typename T>
DeviceView<const T> DevicePromptPass::rounded(Stream& stream, Input& input) {
  const DeviceView<T> to = input_room<T>().matrix(stream, input.x.rows, input.x.cols);
  bool& made = std::is_same_v<T, Half> ? input.has_halves : input.has_bfloats;
  if (made) return to;
  made = true;
  const float eps = static_cast<float>(model_.config().norm_eps);
  if (input.norm == nullptr) {
    convert<float, T>(stream, input.x, to);
  } else if (model_.config().norm == NormKind::kRms) {
    rms_norm<T>(stream, input.x, input.norm->weight.data(), eps, to);
  } else {
    layer_norm<T>(stream, input.x, input.norm->weight.data(), input.norm->bias.data(), eps, to);
  }
  return to;
}

template <typename T>
void DevicePromptPass::multiply(Stream& stream, const DeviceLinear& w, DeviceView<const T> x, DeviceView<float> y,
                                bool add) {
  const std::int64_t rows = w.weight->rows(), cols = w.weight->cols();
  DeviceView<const T> weight{plain(*w.weight, T{}), rows, cols};
  if constexpr (std::is_same_v<T, Half>) {
    const FewProduct product{w.weight.get(), {.y = y, .bias = w.bias.data(), .add = add}};
    if (weight.data == nullptr && x.rows <= kDeviceRoundedVectors && multiply_rounded(stream, x, product, space_))
      return;
  }
  if (weight.data == nullptr) {
    const DeviceView<T> decoded = weight_room<T>().matrix(stream, rows, cols);
    w.weight->dequantize(stream, 0, decoded);
    weight = decoded;
  }
  matmul_.nt<T>(stream, x, weight, y, add);
  if (w.bias.data() != nullptr) add_bias(stream, y, w.bias.data());
}

void DevicePromptPass::product(Stream& stream, const DeviceLinear& w, Input& input, DeviceView<float> y, bool add) {
  if (w.bfloat16)
    multiply<BFloat16>(stream, w, rounded<BFloat16>(stream, input), y, add);
  else
    multiply<Half>(stream, w, rounded<Half>(stream, input), y, add);
}

void DevicePromptPass::layer(Stream& stream, const DeviceLayer& w, const DeviceTextState& state, std::int64_t first,
                             DeviceView<float> x) {
  const ModelConfig& c = model_.config();
  const std::int64_t rows = x.rows, q_width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const auto q = q_.matrix(stream, rows, q_width);
  const auto k = k_.matrix(stream, rows, kv_width), v = v_.matrix(stream, rows, kv_width);
  Input normed{.x = x, .norm = &w.attention_norm};
  product(stream, w.q, normed, q);
  product(stream, w.k, normed, k);
  product(stream, w.v, normed, v);
  store(stream, w.cache.view(), model_.preparation(w), state.position, q, k, v);
  // Straight into what the next product takes.
  if (w.o.bfloat16) {
    const auto attended = bfloat_input_.matrix(stream, rows, q_width);
    attention_cached<BFloat16>(stream, model_.attention_shape(), first, q, w.cache.view(), attended);
    multiply<BFloat16>(stream, w.o, attended, x, true);
  } else {
    const auto attended = half_input_.matrix(stream, rows, q_width);
    attention_cached<Half>(stream, model_.attention_shape(), first, q, w.cache.view(), attended);
    multiply<Half>(stream, w.o, attended, x, true);
  }

  const auto up = up_.matrix(stream, rows, c.intermediate), activated = activated_.matrix(stream, rows, c.intermediate);
  Input mlp_normed{.x = x, .norm = &w.mlp_norm};
  product(stream, w.up, mlp_normed, up);
  if (w.gate) {
    const auto gate = gate_.matrix(stream, rows, c.intermediate);
    product(stream, w.gate, mlp_normed, gate);
    gated_silu(stream, gate, up, activated);
  } else {
    relu(stream, up, activated);
  }
  Input mlp{.x = activated};
  product(stream, w.down, mlp, x, true);
}

Result<DeviceView<const float>> DevicePromptPass::run(Stream& stream, const DeviceTextState& state, std::int64_t count,
                                                      std::int64_t first, RunContext& context) {
  const DeviceView<float> x = x_.matrix(stream, count, model_.config().hidden);
  embed_next(stream, model_.embedding().halves, model_.embedding().bfloats, model_.positions(), state, x);
  for (const DeviceLayer& w : model_.layers()) {
    SQUEEZE_TRY(context.check_cancelled());
    layer(stream, w, state, first, x);
  }
  if (stream.failed()) SQUEEZE_TRY(stream.finish());
  return DeviceView<const float>(x);
}

void DevicePromptPass::logits(Stream& stream, DeviceView<const float> x, DeviceView<float> out) {
  Input input{.x = x, .norm = &model_.final_norm()};
  product(stream, model_.head(), input, out);
}

std::int64_t DevicePromptPass::size_bytes() const {
  std::int64_t bytes = space_.size_bytes() + half_input_.size_bytes() + half_weight_.size_bytes() +
                       bfloat_input_.size_bytes() + bfloat_weight_.size_bytes();
  for (const auto* array : {&x_, &q_, &k_, &v_, &gate_, &up_, &activated_}) bytes += array->size_bytes();
  return bytes;
}

}  // namespace squeeze
