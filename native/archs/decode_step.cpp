#include "archs/decode_step.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <numeric>

#include "base/threads.hpp"
#include "ops/add/add.hpp"
#include "ops/gated_mlp/gated_mlp.hpp"
#include "ops/relu/relu.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/rope/rope.hpp"

namespace squeeze {

namespace {

// Stored weights that a thread takes at a time: a few microseconds' work, so that the others do not wait long for one
// whose core was taken away, and enough that taking it costs nothing.
constexpr std::int64_t kChunkBytes = 1 << 16;

// Rows of a chunk that covers the same rows of all of these matrices: whole tiles of each.
std::int64_t chunk_rows(std::initializer_list<const LinearWeight*> weights) {
  std::int64_t tile = 1, bytes = 0, rows = 1;
  for (const LinearWeight* w : weights) {
    tile = std::lcm(tile, w->tile_rows());
    bytes += w->size_bytes();
    rows = w->rows();
  }
  const std::int64_t wanted = kChunkBytes * rows / std::max<std::int64_t>(1, bytes);
  return std::max(tile, wanted / tile * tile);
}

// A linear with its bias, and where its product goes.
struct Product {
  const LinearWeight& weight;
  std::span<const float> bias;
  MatrixView<float> y;

  void rows(const DecodeInput& x, std::int64_t first, std::int64_t last) const {
    weight.multiply_few(x, first, last, y);
    if (bias.empty()) return;
    for (std::int64_t t = 0; t < y.rows; ++t)
      add({y.row(t).data() + first, 1, last - first}, {bias.data() + first, 1, last - first});
  }
};

// Several products of one input, their chunks handed out as one list.
template <std::size_t N>
void share_products(Team& team, const DecodeInput& x, const std::array<Product, N>& products) {
  std::array<std::int64_t, N> step, chunks;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < N; ++i) {
    step[i] = chunk_rows({&products[i].weight});
    chunks[i] = (products[i].weight.rows() + step[i] - 1) / step[i];
    total += chunks[i];
  }
  team.share(total, 1, [&](std::int64_t chunk, std::int64_t) {
    std::size_t i = 0;
    while (chunk >= chunks[i]) chunk -= chunks[i++];
    const std::int64_t first = chunk * step[i];
    products[i].rows(x, first, std::min(products[i].weight.rows(), first + step[i]));
  });
}

// x += the product, chunk by chunk.
void share_residual(Team& team, const DecodeInput& input, const Product& product, MatrixView<float> x) {
  team.share(product.weight.rows(), chunk_rows({&product.weight}), [&](std::int64_t first, std::int64_t last) {
    product.rows(input, first, last);
    for (std::int64_t t = 0; t < x.rows; ++t)
      add({x.row(t).data() + first, 1, last - first}, {product.y.row(t).data() + first, 1, last - first});
  });
}

// The input of the last product, in the place of up.
void share_activated(Team& team, const DecodeInput& input, const Product& up) {
  team.share(up.weight.rows(), chunk_rows({&up.weight}), [&](std::int64_t first, std::int64_t last) {
    up.rows(input, first, last);
    for (std::int64_t t = 0; t < up.y.rows; ++t) {
      const MatrixView<float> values{up.y.row(t).data() + first, 1, last - first};
      relu(values, values);
    }
  });
}

void share_gated(Team& team, const DecodeInput& input, const Product& gate, const Product& up) {
  team.share(up.weight.rows(), chunk_rows({&gate.weight, &up.weight}), [&](std::int64_t first, std::int64_t last) {
    gate.rows(input, first, last);
    up.rows(input, first, last);
    for (std::int64_t t = 0; t < up.y.rows; ++t) {
      const MatrixView<float> values{up.y.row(t).data() + first, 1, last - first};
      gated_silu({gate.y.row(t).data() + first, 1, last - first}, values, values);
    }
  });
}

}  // namespace

DecodeStep::Activations DecodeStep::activations(std::int64_t tokens) {
  const ModelConfig& c = decoder_.model().config();
  const std::int64_t q_width = c.heads * c.head_dim, kv_width = c.kv_heads * c.head_dim;
  const bool gated = c.mlp == MlpKind::kGatedSilu;
  return {.x = x_.matrix(tokens, c.hidden),
          .q = q_.matrix(tokens, q_width),
          .k = k_.matrix(tokens, kv_width),
          .v = v_.matrix(tokens, kv_width),
          .attended = attended_.matrix(tokens, q_width),
          .product = product_.matrix(tokens, c.hidden),
          .gate = gated ? gate_.matrix(tokens, c.intermediate) : MatrixView<float>(),
          .up = up_.matrix(tokens, c.intermediate)};
}

// Before the threads start: they only look up their own.
void DecodeStep::seat_members() {
  members_.resize(std::max(members_.size(), static_cast<std::size_t>(thread_count())));
}

// Everything between the products of q, k, v and that of o, for one key/value head and the queries that share it.
void DecodeStep::attend(const LayerWeights& w, LayerCache& cache, std::int64_t first_position, std::int64_t kv_head,
                        const Activations& a, DecodeAttentionScratch& scratch) const {
  const ModelConfig& c = decoder_.model().config();
  const std::int64_t dim = c.head_dim, group = c.heads / c.kv_heads, tokens = a.q.rows;
  const float eps = static_cast<float>(c.norm_eps);
  for (std::int64_t t = 0; t < tokens; ++t) {
    const MatrixView<float> q{a.q.row(t).data() + kv_head * group * dim, group, dim};
    const MatrixView<float> k{a.k.row(t).data() + kv_head * dim, 1, dim};
    if (c.qk_norm) {
      rms_norm(q, w.q_norm, eps, q);
      rms_norm(k, w.k_norm, eps, k);
    }
    if (const RopeTable* table = decoder_.rope_table()) {
      rope(*table, 1, first_position + t, {q.data, 1, q.size()});
      rope(*table, 1, first_position + t, k);
    }
    cache.store(kv_head, first_position + t, k.data, a.v.row(t).data() + kv_head * dim);
  }
  const std::int64_t known = first_position + tokens, first = kv_head * group * dim;
  decode_attention(StridedView<const float>(a.q.data + first, tokens, group * dim, a.q.cols), cache, kv_head, known,
                   decoder_.attention_shape().window,
                   StridedView<float>(a.attended.data + first, tokens, group * dim, a.attended.cols), scratch);
}

// Every thread prepares the inputs of the products for itself: that is cheaper than to wait for one who does it.
void DecodeStep::layer(Team& team, const LayerWeights& w, LayerCache& cache, std::int64_t first_position,
                       const Activations& a) {
  Member& own = members_[team.rank()];
  const MatrixView<float> normed = own.normed.matrix(a.x.rows, a.x.cols);
  decoder_.norm(w.attention_norm, w.attention_norm_bias, a.x, normed);
  own.input.assign(normed);
  share_products<3>(team, own.input, {{{*w.q, w.q_bias, a.q}, {*w.k, w.k_bias, a.k}, {*w.v, w.v_bias, a.v}}});

  team.share(cache.kv_heads(), 1,
             [&](std::int64_t head, std::int64_t) { attend(w, cache, first_position, head, a, own.attention); });
  own.input.assign(a.attended);
  share_residual(team, own.input, {*w.o, w.o_bias, a.product}, a.x);

  decoder_.norm(w.mlp_norm, w.mlp_norm_bias, a.x, normed);
  own.input.assign(normed);
  const Product up{*w.up, w.up_bias, a.up};
  w.gate ? share_gated(team, own.input, {*w.gate, w.gate_bias, a.gate}, up) : share_activated(team, own.input, up);

  own.input.assign(a.up);
  share_residual(team, own.input, {*w.down, w.down_bias, a.product}, a.x);
}

void DecodeStep::share_logits(Team& team, MatrixView<const float> x, std::span<float> logits) {
  Member& own = members_[team.rank()];
  const MatrixView<float> normed = own.normed.matrix(1, x.cols);
  decoder_.final_norm(x, normed);
  own.input.assign(normed);
  share_products<1>(team, own.input, {{{decoder_.head(), {}, {logits.data(), 1, decoder_.vocabulary()}}}});
}

void DecodeStep::run(std::span<const std::int32_t> tokens, std::int64_t first_position, std::span<float> logits) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  assert(count >= 1 && count <= kMaxDecodeTokens && layers_.size() == caches_.size());
  seat_members();
  const Activations a = activations(count);
  decoder_.embed(tokens, count, first_position, a.x);
  run_team([&](Team& team) {
    for (std::size_t i = 0; i < layers_.size(); ++i) layer(team, layers_[i], caches_[i], first_position, a);
    share_logits(team, a.x.rows_from(count - 1, 1), logits);
  });
}

void DecodeStep::logits(MatrixView<const float> x, std::span<float> logits) {
  assert(x.rows == 1);
  seat_members();
  run_team([&](Team& team) { share_logits(team, x, logits); });
}

}  // namespace squeeze
