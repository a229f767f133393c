#include "archs/decoder.hpp"

#include <algorithm>
#include <cassert>

#include "base/threads.hpp"
#include "formats/multiply.hpp"
#include "ops/add/add.hpp"
#include "ops/gated_mlp/gated_mlp.hpp"
#include "ops/layer_norm/layer_norm.hpp"
#include "ops/relu/relu.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

struct Decoder::Activations {
  MatrixView<float> normed, q_raw, k_raw, q, k, v, attended, middle, mlp_normed, gate, up, activated;
};

namespace {

// The same elements, one head a row.
MatrixView<float> by_head(MatrixView<float> m, std::int64_t head_dim) {
  return {m.data, m.size() / head_dim, head_dim};
}

// Each head by one thread, since its positions are to come in order.
void store(LayerCache& cache, std::int64_t first_position, MatrixView<const float> k, MatrixView<const float> v) {
  const std::int64_t dim = cache.head_dim();
  parallel_for(cache.kv_heads(), row_chunk(k.rows * dim), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t h = first; h < last; ++h)
      for (std::int64_t r = 0; r < k.rows; ++r)
        cache.store(h, first_position + r, k.row(r).data() + h * dim, v.row(r).data() + h * dim);
  });
}

std::int64_t size_of_weight(const std::shared_ptr<const LinearWeight>& w) { return w ? w->size_bytes() : 0; }

}  // namespace

Result<Decoder> Decoder::make(const Model& model, std::int64_t length, Precision precision) {
  SQUEEZE_TRY(check_supported(precision));
  const ModelConfig& c = model.config();
  if (c.positions == PositionKind::kLearned && length > c.context)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "The model has learned " + std::to_string(c.context) + " positions, and " +
                            std::to_string(length) + " were asked for."};
  Decoder decoder;
  decoder.model_ = &model;
  decoder.precision_ = precision;
  SQUEEZE_ASSIGN(decoder.embedding_, model.embedding());
  decoder.head_ = decoder.embedding_;
  if (!c.tied_embeddings) {
    SQUEEZE_ASSIGN(decoder.head_, model.head());
  }
  SQUEEZE_ASSIGN(decoder.positions_, model.positions());
  SQUEEZE_ASSIGN(decoder.final_norm_, model.final_norm());
  SQUEEZE_ASSIGN(decoder.final_norm_bias_, model.final_norm_bias());
  if (c.positions == PositionKind::kRotary)
    decoder.rope_ = std::make_unique<const RopeTable>(length, c.head_dim, c.rope_theta, c.llama3_scaling);
  return decoder;
}

AttentionShape Decoder::attention_shape() const {
  const ModelConfig& c = model_->config();
  return {.heads = c.heads, .kv_heads = c.kv_heads, .head_dim = c.head_dim, .window = c.sliding_window.value_or(0)};
}

bool Decoder::pack_head(const DecodePath& path) {
  auto packed = head_->packed(path);
  if (!packed) return false;
  head_ = std::move(packed);
  return true;
}

std::int64_t Decoder::size_bytes() const {
  return size_of_weight(embedding_) + (head_ == embedding_ ? 0 : size_of_weight(head_)) + size_of_weight(positions_);
}

void Decoder::embed(std::span<const std::int32_t> tokens, std::int64_t length, std::int64_t first_position,
                    MatrixView<float> x) const {
  assert(static_cast<std::int64_t>(tokens.size()) == x.rows && x.cols == hidden());
  const std::int64_t offset = model_->config().position_offset + first_position;
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    thread_local Scratch scratch;  // this runs for every token that is generated
    const MatrixView<float> position = scratch.matrix(1, positions_ ? x.cols : 0);
    for (std::int64_t r = first; r < last; ++r) {
      const std::span<float> row = x.row(r);
      embedding_->dequantize_rows(tokens[r], {row.data(), 1, x.cols});
      if (!positions_) continue;
      positions_->dequantize_rows(offset + r % length, position);
      for (std::int64_t i = 0; i < x.cols; ++i) row[i] += position.data[i];
    }
  });
}

void Decoder::norm(std::span<const float> weight, std::span<const float> bias, MatrixView<const float> x,
                   MatrixView<float> y) const {
  const float eps = static_cast<float>(model_->config().norm_eps);
  if (model_->config().norm == NormKind::kRms) return rms_norm(x, weight, eps, y);
  layer_norm(x, weight, bias, eps, y);
}

void Decoder::norm_backward(std::span<const float> weight, MatrixView<const float> x, MatrixView<float> dy) const {
  const float eps = static_cast<float>(model_->config().norm_eps);
  if (model_->config().norm == NormKind::kRms) return rms_norm_backward(x, weight, eps, dy, dy);
  layer_norm_backward(x, weight, eps, dy, dy);
}

void Decoder::linear(const LinearWeight& w, std::span<const float> bias, MatrixView<const float> x,
                     MatrixView<float> y) const {
  multiply(w, x, y, precision_);
  add_bias(y, bias);
}

// Everything of a layer but the last product and its residual, which the backward pass has no use for.
Decoder::Activations Decoder::layer_forward(const LayerWeights& w, std::int64_t sequences, std::int64_t first_position,
                                            MatrixView<const float> x, LayerCache* cache,
                                            DecoderWorkspace& space) const {
  const ModelConfig& c = model_->config();
  const std::int64_t rows = x.rows, length = rows / sequences;
  const std::int64_t q_width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const float eps = static_cast<float>(c.norm_eps);
  Activations a;

  a.normed = space.normed.matrix(rows, c.hidden);
  norm(w.attention_norm, w.attention_norm_bias, x, a.normed);
  a.q = space.q.matrix(rows, q_width);
  a.k = space.k.matrix(rows, kv_width);
  a.v = space.v.matrix(rows, kv_width);
  a.q_raw = c.qk_norm ? space.q_raw.matrix(rows, q_width) : a.q;
  a.k_raw = c.qk_norm ? space.k_raw.matrix(rows, kv_width) : a.k;
  linear(*w.q, w.q_bias, a.normed, a.q_raw);
  linear(*w.k, w.k_bias, a.normed, a.k_raw);
  linear(*w.v, w.v_bias, a.normed, a.v);
  if (c.qk_norm) {
    rms_norm(by_head(a.q_raw, c.head_dim), w.q_norm, eps, by_head(a.q, c.head_dim));
    rms_norm(by_head(a.k_raw, c.head_dim), w.k_norm, eps, by_head(a.k, c.head_dim));
  }
  if (rope_) {
    rope(*rope_, length, first_position, a.q);
    rope(*rope_, length, first_position, a.k);
  }
  a.attended = space.attended.matrix(rows, q_width);
  if (cache) {
    store(*cache, first_position, a.k, a.v);
    attention_cached(attention_shape(), first_position, a.q, *cache, a.attended);
  } else {
    attention(attention_shape(), sequences, a.q, a.k, a.v, a.attended);
  }
  a.middle = space.middle.matrix(rows, c.hidden);
  linear(*w.o, w.o_bias, a.attended, a.middle);
  add(a.middle, x);

  a.mlp_normed = space.mlp_normed.matrix(rows, c.hidden);
  norm(w.mlp_norm, w.mlp_norm_bias, a.middle, a.mlp_normed);
  a.up = space.up.matrix(rows, c.intermediate);
  a.activated = space.activated.matrix(rows, c.intermediate);
  linear(*w.up, w.up_bias, a.mlp_normed, a.up);
  if (w.gate) {
    a.gate = space.gate.matrix(rows, c.intermediate);
    linear(*w.gate, w.gate_bias, a.mlp_normed, a.gate);
    gated_silu(a.gate, a.up, a.activated);
  } else {
    relu(a.up, a.activated);
  }
  return a;
}

void Decoder::finish_forward(const LayerWeights& w, const Activations& a, MatrixView<float> y) const {
  linear(*w.down, w.down_bias, a.activated, y);
  add(y, a.middle);
}

void Decoder::forward(const LayerWeights& w, std::int64_t sequences, MatrixView<float> x,
                      DecoderWorkspace& space) const {
  assert(sequences > 0 && x.rows % sequences == 0 && x.cols == hidden());
  finish_forward(w, layer_forward(w, sequences, 0, x, nullptr, space), x);
}

void Decoder::forward_cached(const LayerWeights& w, std::int64_t first_position, MatrixView<float> x, LayerCache& cache,
                             DecoderWorkspace& space) const {
  finish_forward(w, layer_forward(w, 1, first_position, x, &cache, space), x);
}

void Decoder::backward(const LayerWeights& w, MatrixView<const float> x, MatrixView<float> gradient,
                       DecoderWorkspace& space, const LinearVisitor& visit) const {
  const ModelConfig& c = model_->config();
  const std::int64_t rows = x.rows;
  const float eps = static_cast<float>(c.norm_eps);
  const Activations a = layer_forward(w, 1, 0, x, nullptr, space);
  const std::int64_t mlp = w.gate ? 5 : 4;  // index of up; gate stands before it

  // y = middle + down(activated): `gradient` belongs to both terms.
  const MatrixView<float> d_activated = space.d_activated.matrix(rows, c.intermediate);
  visit(mlp + 1, a.activated, gradient);
  multiply_transposed(*w.down, gradient, d_activated, precision_);
  const MatrixView<float> d_up = space.d_up.matrix(rows, c.intermediate);
  const MatrixView<float> d_normed = space.d_normed.matrix(rows, c.hidden);
  const MatrixView<float> d_part = space.d_part.matrix(rows, c.hidden);
  if (w.gate) {
    const MatrixView<float> d_gate = space.d_gate.matrix(rows, c.intermediate);
    gated_silu_backward(a.gate, a.up, d_activated, d_gate, d_up);
    visit(4, a.mlp_normed, d_gate);
    visit(5, a.mlp_normed, d_up);
    multiply_transposed(*w.gate, d_gate, d_normed, precision_);
    multiply_transposed(*w.up, d_up, d_part, precision_);
    add(d_normed, d_part);
  } else {
    relu_backward(a.up, d_activated, d_up);
    visit(4, a.mlp_normed, d_up);
    multiply_transposed(*w.up, d_up, d_normed, precision_);
  }
  norm_backward(w.mlp_norm, a.middle, d_normed);
  add(gradient, d_normed);  // now with respect to middle

  const MatrixView<float> d_attended = space.d_attended.matrix(rows, a.attended.cols);
  visit(3, a.attended, gradient);
  multiply_transposed(*w.o, gradient, d_attended, precision_);
  const MatrixView<float> d_q = space.d_q.matrix(rows, a.q.cols);
  const MatrixView<float> d_k = space.d_k.matrix(rows, a.k.cols);
  const MatrixView<float> d_v = space.d_v.matrix(rows, a.v.cols);
  attention_backward(attention_shape(), 1, a.q, a.k, a.v, d_attended, d_q, d_k, d_v);
  if (rope_) {
    rope(*rope_, rows, 0, d_q, Turn::kBack);
    rope(*rope_, rows, 0, d_k, Turn::kBack);
  }
  if (c.qk_norm) {
    const auto heads = [&](MatrixView<float> m) { return by_head(m, c.head_dim); };
    rms_norm_backward(heads(a.q_raw), w.q_norm, eps, heads(d_q), heads(d_q));
    rms_norm_backward(heads(a.k_raw), w.k_norm, eps, heads(d_k), heads(d_k));
  }
  visit(0, a.normed, d_q);
  visit(1, a.normed, d_k);
  visit(2, a.normed, d_v);
  multiply_transposed(*w.q, d_q, d_normed, precision_);
  multiply_transposed(*w.k, d_k, d_part, precision_);
  add(d_normed, d_part);
  multiply_transposed(*w.v, d_v, d_part, precision_);
  add(d_normed, d_part);
  norm_backward(w.attention_norm, x, d_normed);
  add(gradient, d_normed);
}

void Decoder::logits(MatrixView<const float> x, MatrixView<float> out, DecoderWorkspace& space) const {
  const MatrixView<float> normed = space.normed.matrix(x.rows, x.cols);
  final_norm(x, normed);
  multiply(*head_, normed, out, precision_);
}

void Decoder::logits_backward(MatrixView<const float> x, MatrixView<const float> d_logits, MatrixView<float> dx) const {
  multiply_transposed(*head_, d_logits, dx, precision_);
  norm_backward(final_norm_, x, dx);
}

Result<void> check_tokens(const ModelConfig& config, MatrixView<const std::int32_t> tokens) {
  const auto refuse = [](const std::string& what) {
    return Error{.code = ErrorCode::kInvalidRequest, .message = what};
  };
  if (tokens.rows < 1) return refuse("There are no tokens.");
  if (tokens.cols < 2) return refuse("A sequence needs at least 2 tokens, so that one is predicted.");
  if (tokens.cols > config.context)
    return refuse("Sequences of " + std::to_string(tokens.cols) + " tokens are longer than the model's context of " +
                  std::to_string(config.context) + ".");
  for (std::int64_t r = 0; r < tokens.rows; ++r)
    for (std::int64_t i = 0; i < tokens.cols; ++i)
      if (const std::int32_t id = tokens.row(r)[i]; id < 0 || id >= config.vocabulary)
        return refuse("Token " + std::to_string(id) + " at position " + std::to_string(i) + " of row " +
                      std::to_string(r) + " is outside the vocabulary of " + std::to_string(config.vocabulary) + ".");
  return {};
}

}  // namespace squeeze
