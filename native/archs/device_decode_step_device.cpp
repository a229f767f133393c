#include <array>
#include <cassert>

#include "archs/device_decode_step.hpp"
#include "ops/relu/relu_cuda.hpp"

namespace squeeze {

DeviceDecodeStep::DeviceDecodeStep(Stream& stream, const DeviceModel& model)
    : model_(model),
      logits_(logits_memory_.vector(stream, model.config().vocabulary)),
      attention_(stream, model.attention_shape(), model.context()) {
  const ModelConfig& c = model.config();
  x_.matrix(stream, kDeviceFewVectors, c.hidden);
  q_.matrix(stream, kDeviceFewVectors, c.heads * c.head_dim);
  k_.matrix(stream, kDeviceFewVectors, c.kv_heads * c.head_dim);
  v_.matrix(stream, kDeviceFewVectors, c.kv_heads * c.head_dim);
  attended_.matrix(stream, kDeviceFewVectors, c.heads * c.head_dim);
  up_.matrix(stream, kDeviceFewVectors, c.intermediate);
}

std::int64_t DeviceDecodeStep::size_bytes() const {
  std::int64_t bytes = attention_.size_bytes() + one_.size_bytes() + several_.size_bytes();
  for (const auto* array : {&x_, &q_, &k_, &v_, &attended_, &up_, &logits_memory_}) bytes += array->size_bytes();
  return bytes;
}

void DeviceDecodeStep::layer(Stream& stream, const DeviceLayer& w, const DeviceTextState& state, const Activations& a,
                             FewSpace& space) {
  const std::array<FewProduct, 3> heads = {{{w.q.weight.get(), {.y = a.q, .bias = w.q.bias.data()}},
                                            {w.k.weight.get(), {.y = a.k, .bias = w.k.bias.data()}},
                                            {w.v.weight.get(), {.y = a.v, .bias = w.v.bias.data()}}}};
  multiply_few(stream, model_.normed(w.attention_norm, a.x), heads, space);
  store(stream, w.cache.view(), model_.preparation(w), state.position, a.q, a.k, a.v);
  attention_.run(stream, w.cache.view(), state.position, a.q, a.attended);
  const FewProduct o{w.o.weight.get(), {.y = a.x, .bias = w.o.bias.data(), .add = true}};
  multiply_few(stream, {.x = a.attended}, {&o, 1}, space);

  const FewInput in = model_.normed(w.mlp_norm, a.x);
  if (w.gate) {
    multiply_few_gated(stream, in, *w.gate.weight, w.gate.bias.data(), *w.up.weight, w.up.bias.data(), a.up, space);
  } else {
    const FewProduct up{w.up.weight.get(), {.y = a.up, .bias = w.up.bias.data()}};
    multiply_few(stream, in, {&up, 1}, space);
    relu(stream, a.up, a.up);
  }
  const FewProduct down{w.down.weight.get(), {.y = a.x, .bias = w.down.bias.data(), .add = true}};
  multiply_few(stream, {.x = a.up}, {&down, 1}, space);
}

void DeviceDecodeStep::run(Stream& stream, const DeviceTextState& state, std::int64_t count) {
  assert(count >= 1 && count <= kDeviceFewVectors);
  const ModelConfig& c = model_.config();
  const Activations a{.x = x_.matrix(stream, count, c.hidden),
                      .q = q_.matrix(stream, count, c.heads * c.head_dim),
                      .k = k_.matrix(stream, count, c.kv_heads * c.head_dim),
                      .v = v_.matrix(stream, count, c.kv_heads * c.head_dim),
                      .attended = attended_.matrix(stream, count, c.heads * c.head_dim),
                      .up = up_.matrix(stream, count, c.intermediate)};
  embed_next(stream, model_.embedding().halves, model_.embedding().bfloats, model_.positions(), state, a.x);
  for (const DeviceLayer& w : model_.layers()) layer(stream, w, state, a, count == 1 ? one_ : several_);
  make_logits(stream, a.x.rows_from(count - 1, 1));
}

void DeviceDecodeStep::make_logits(Stream& stream, DeviceView<const float> x) {
  assert(x.rows == 1);
  const FewProduct head{model_.head().weight.get(), {.y = logits_}};
  multiply_few(stream, model_.normed(model_.final_norm(), x), {&head, 1}, one_);
}

}  // namespace squeeze
