#pragma once
// The one decoder: pre-norm transformer layers with what ModelConfig says (norm, MLP, positions, biases, windows).
//   n = norm(x); h = x + Wo attention(rope(Wq n), rope(Wk n), Wv n); n = norm(h); y = h + Wdown (silu(Wgate n) · Wup n)
// Activations are fp32 [sequences · length, width]: sequences of equal length, one after the other.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "archs/model.hpp"
#include "base/matrix.hpp"
#include "ops/attention/attention.hpp"
#include "ops/matmul/precision.hpp"
#include "ops/scratch.hpp"

namespace squeeze {

// Room for the activations of one layer and for its gradients. Reused from call to call, grows to the largest.
struct DecoderWorkspace {
  Scratch normed, q_raw, k_raw, q, k, v, attended, middle, mlp_normed, gate, up, activated;
  Scratch d_normed, d_part, d_attended, d_q, d_k, d_v, d_activated, d_gate, d_up;
};

// Called for each linear of a layer, `index` counting q k v o gate up down (or q k v o fc1 fc2): its input x[T, K] and
// the gradient dy[T, N] with respect to its output. Both live during the call only.
using LinearVisitor = std::function<void(std::int64_t index, MatrixView<const float> x, MatrixView<const float> dy)>;

class Decoder {
 public:
  // Reads what stands outside the layers: embedding, head, positions, final norm. `length` positions can be used; more
  // than a table of learned positions holds is kInvalidRequest. NaN and Inf are refused by name. `precision` is that of
  // the products with weights, forwards and backwards; refused where the processor lacks it. All else is fp32.
  // `model` must outlive the decoder.
  static Result<Decoder> make(const Model& model, std::int64_t length, Precision precision = Precision::kFloat32);

  const Model& model() const { return *model_; }
  std::int64_t hidden() const { return model_->config().hidden; }
  std::int64_t vocabulary() const { return model_->config().vocabulary; }
  std::int64_t size_bytes() const;  // of embedding, head and positions

  // Lays the head out for products with few vectors, where its layout has such a form. A tied embedding stays as it is.
  // True if anything was made anew.
  bool pack_head(const DecodePath& path);

  // x[tokens, hidden]: embeddings, and learned positions where the model has them. Token r stands at position
  // first_position + r mod length.
  void embed(std::span<const std::int32_t> tokens, std::int64_t length, std::int64_t first_position,
             MatrixView<float> x) const;
  // One layer over sequences that begin at position 0; replaces x[sequences · T, hidden] by the layer's output.
  void forward(const LayerWeights& w, std::int64_t sequences, MatrixView<float> x, DecoderWorkspace& space) const;
  // One layer over the next x.rows positions of one sequence, from first_position on; the cache holds the ones before
  // and takes up these. For many at once; archs/decode_step.hpp is for few.
  void forward_cached(const LayerWeights& w, std::int64_t first_position, MatrixView<float> x, LayerCache& cache,
                      DecoderWorkspace& space) const;
  // The layer again for one sequence x[T, hidden] (its input), then backwards: replaces `gradient`[T, hidden], with
  // respect to the layer's output, by that with respect to x.
  void backward(const LayerWeights& w, MatrixView<const float> x, MatrixView<float> gradient, DecoderWorkspace& space,
                const LinearVisitor& visit) const;
  // logits[M, V] of the last layer's output x[M, hidden].
  void logits(MatrixView<const float> x, MatrixView<float> out, DecoderWorkspace& space) const;
  // dx[M, hidden] given d_logits[M, V].
  void logits_backward(MatrixView<const float> x, MatrixView<const float> d_logits, MatrixView<float> dx) const;

  // The parts, for those who put a layer together in another way.
  AttentionShape attention_shape() const;
  const RopeTable* rope_table() const { return rope_.get(); }  // null with learned positions
  const LinearWeight& head() const { return *head_; }
  // The model's kind of norm with a layer's weights; y may be x.
  void norm(std::span<const float> weight, std::span<const float> bias, MatrixView<const float> x,
            MatrixView<float> y) const;
  void final_norm(MatrixView<const float> x, MatrixView<float> y) const { norm(final_norm_, final_norm_bias_, x, y); }

 private:
  Decoder() = default;
  void linear(const LinearWeight& w, std::span<const float> bias, MatrixView<const float> x, MatrixView<float> y) const;
  void norm_backward(std::span<const float> weight, MatrixView<const float> x, MatrixView<float> dy) const;
  struct Activations;
  Activations layer_forward(const LayerWeights& w, std::int64_t sequences, std::int64_t first_position,
                            MatrixView<const float> x, LayerCache* cache, DecoderWorkspace& space) const;
  void finish_forward(const LayerWeights& w, const Activations& a, MatrixView<float> y) const;

  const Model* model_ = nullptr;
  Precision precision_ = Precision::kFloat32;
  std::shared_ptr<const LinearWeight> embedding_, head_, positions_;
  std::vector<float> final_norm_, final_norm_bias_;
  std::unique_ptr<const RopeTable> rope_;
};

// Refuses, as kInvalidRequest, ids outside the vocabulary (naming row and position), and rows shorter than 2 tokens or
// longer than the model's context.
Result<void> check_tokens(const ModelConfig& config, MatrixView<const std::int32_t> tokens);

}  // namespace squeeze
