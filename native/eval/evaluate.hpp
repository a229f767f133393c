#pragma once
// Perplexity as in the GPTQ and SqueezeLLM papers: non-overlapping windows, mean negative log-likelihood over all
// predicted tokens (each window's first token is not predicted), exponent. Divergence from a second model in the same
// pass: KL(against || model) = Σ_v p log(p/q), and how often both put the same token first. Full logits are never kept.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "archs/model.hpp"
#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "eval/evaluation_engine.hpp"

namespace squeeze {

struct Divergence {
  double kl_mean = 0;         // nats per predicted token
  double top1_agreement = 0;  // 0..1
  double against_nll = 0;     // mean, of the other model
};

struct Evaluation {
  double mean_nll = 0;  // nats; may be NaN or Inf when the model diverged
  std::int64_t tokens = 0;
  std::int64_t windows = 0;
  std::optional<Divergence> divergence;
};

// tokens: int32 [windows, length], length >= 2. Streams layer by layer over chunks of windows. Sums in float64.
// `precision` is that of the products of both models; kDeviceUnavailable where it cannot be had. `factory` makes who
// computes; none: the processor. Hidden states of a chunk take at most `state_bytes`, but at least one window's; 0: as
// many as whoever computes finds best.
Result<Evaluation> evaluate(const Model& model, const Model* against, MatrixView<const std::int32_t> tokens,
                            RunContext& context, Precision precision = Precision::kFloat32,
                            const EvaluationEngineFactory& factory = {}, std::int64_t state_bytes = 0);

// The layer as each candidate has it; `own` is as the model has it, and what is not replaced is taken from there.
using CandidateLayers = std::function<Result<std::vector<LayerWeights>>(std::int64_t layer, const LayerWeights& own)>;

// Evaluates variants of one model's layers against the model itself, a few at a time, each few layer by layer in one
// pass. The model goes through its layers once, beside the first of them, and its last states are kept; embedding and
// head are shared. Each candidate's figures are those that evaluate() would give of it. The hidden states of all tokens
// of the candidates of a pass are held: candidates_at_once() says how many fit into `state_bytes`, or into 4 GiB
// where that is 0; at least one.
class CandidateEvaluator {
 public:
  // The model and the tokens must outlive it.
  static Result<CandidateEvaluator> make(const Model& model, MatrixView<const std::int32_t> tokens,
                                         Precision precision = Precision::kFloat32,
                                         const EvaluationEngineFactory& factory = {});

  // Of `count` candidates, with their divergences from the model. Reports within the stage that the caller has begun.
  Result<std::vector<Evaluation>> evaluate(std::int64_t count, const CandidateLayers& layers, RunContext& context);
  // Of the model itself, after the first call.
  const Evaluation& own() const { return own_; }

 private:
  CandidateEvaluator(const Model& model, MatrixView<const std::int32_t> tokens,
                     std::unique_ptr<EvaluationEngine> engine)
      : model_(&model), tokens_(tokens), engine_(std::move(engine)) {}

  const Model* model_;
  MatrixView<const std::int32_t> tokens_;
  std::unique_ptr<EvaluationEngine> engine_;
  bool begun_ = false;
  Evaluation own_;
};
std::int64_t candidates_at_once(const ModelConfig& config, MatrixView<const std::int32_t> tokens,
                                std::int64_t state_bytes = 0);

}  // namespace squeeze
