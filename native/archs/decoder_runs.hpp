#pragma once
// For tests: whole sequences through the decoder.

#include <doctest/doctest.h>

#include <vector>

#include "archs/decoder.hpp"

namespace squeeze {

// Keys and values are kept as fp16. A rounding is up to 2^-11 of a value; it moves scores and outputs by as much,
// relative to their terms, and two layers of a random model, whose terms largely cancel, make of that up to 2.3e-3 of
// the largest logit. How close the rest is shows against a reference that rounds too: see decode_step_test.cpp.
inline constexpr double kCacheTolerance = 5e-3;

// Logits of every position of sequences [S, T], layer by layer, without a cache.
inline Matrix<float> all_logits(const Model& model, MatrixView<const std::int32_t> tokens) {
  const auto decoder = Decoder::make(model, tokens.cols);
  REQUIRE(decoder.ok());
  DecoderWorkspace space;
  Matrix<float> x(tokens.size(), model.config().hidden), logits(tokens.size(), model.config().vocabulary);
  decoder.value().embed(tokens.flat(), tokens.cols, 0, x.view());
  for (std::int64_t i = 0; i < model.config().layers; ++i) {
    const auto weights = model.layer(i);
    REQUIRE(weights.ok());
    decoder.value().forward(weights.value(), tokens.rows, x.view(), space);
  }
  decoder.value().logits(x.view(), logits.view(), space);
  return logits;
}

inline std::vector<LayerCache> caches_for(const ModelConfig& c, std::int64_t context) {
  std::vector<LayerCache> caches;
  for (std::int64_t i = 0; i < c.layers; ++i) caches.emplace_back(c.kv_heads, context, c.head_dim);
  return caches;
}

}  // namespace squeeze
