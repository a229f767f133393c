#pragma once
// A few new tokens of one sequence through all layers: what every generated token costs. The same mathematics as
// Decoder::forward_cached, put together for speed: one team of threads stays awake over all layers and meets five
// times in each; weights are read once, in small chunks that whoever is free takes; what is small (norms, activations,
// residuals) is done where its input lies in the cache already.

#include <cstdint>
#include <span>
#include <vector>

#include "archs/decoder.hpp"
#include "base/team.hpp"
#include "formats/decode_input.hpp"
#include "ops/attention/decode_attention.hpp"

namespace squeeze {

// Keeps its working memory, so that a token allocates nothing. One call at a time.
class DecodeStep {
 public:
  // What is handed in must outlive the object and stay where it is; one cache a layer.
  DecodeStep(const Decoder& decoder, std::span<const LayerWeights> layers, std::span<LayerCache> caches)
      : decoder_(decoder), layers_(layers), caches_(caches) {}

  // Takes up to kMaxDecodeTokens tokens, the first of them at first_position; the caches hold what goes before and take
  // up these. logits[V]: after the last token.
  void run(std::span<const std::int32_t> tokens, std::int64_t first_position, std::span<float> logits);
  // logits[V] of one row x[1, hidden] of the last layer's output.
  void logits(MatrixView<const float> x, std::span<float> logits);

 private:
  // What a thread has for itself.
  struct alignas(64) Member {
    DecodeInput input;
    Scratch normed;
    DecodeAttentionScratch attention;
  };
  // What all threads work on; q, k, v, gate and up as they come out of their products.
  struct Activations {
    MatrixView<float> x, q, k, v, attended, product, gate, up;
  };

  Activations activations(std::int64_t tokens);
  void seat_members();
  void layer(Team& team, const LayerWeights& w, LayerCache& cache, std::int64_t first_position, const Activations& a);
  void attend(const LayerWeights& w, LayerCache& cache, std::int64_t first_position, std::int64_t kv_head,
              const Activations& a, DecodeAttentionScratch& scratch) const;
  void share_logits(Team& team, MatrixView<const float> x, std::span<float> logits);

  const Decoder& decoder_;
  std::span<const LayerWeights> layers_;
  std::span<LayerCache> caches_;
  std::vector<Member> members_;
  Scratch x_, q_, k_, v_, attended_, product_, gate_, up_;
};

}  // namespace squeeze
