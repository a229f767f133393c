#include <algorithm>
#include <vector>

#include "archs/decoder.hpp"
#include "eval/evaluation_engine.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kChunkBytes = 1 << 30;
constexpr std::int64_t kBatchRows = 1024;       // tokens in one pass of a layer: large products, bounded memory
constexpr std::int64_t kLogitFloats = 1 << 24;  // 64 MB of logits at a time

std::int64_t first_of_largest(std::span<const float> row) { return std::ranges::max_element(row) - row.begin(); }

// All passes use one workspace: they go one after the other.
class ProcessorEvaluation final : public EvaluationEngine {
 public:
  ProcessorEvaluation(std::vector<Decoder> decoders, std::int64_t length)
      : decoders_(std::move(decoders)), length_(length) {}

  std::int64_t chunk_bytes() const override { return kChunkBytes; }

  Result<void> embed(std::size_t model, MatrixView<const std::int32_t> windows, MatrixView<float> states) override {
    decoders_[model].embed(windows.flat(), length_, 0, states);
    return {};
  }

  Result<void> forward(std::size_t model, const LayerWeights& weights, MatrixView<float> states,
                       const Done& done) override {
    const std::int64_t windows = states.rows / length_, batch = std::max<std::int64_t>(1, kBatchRows / length_);
    for (std::int64_t first = 0; first < windows; first += batch) {
      const std::int64_t count = std::min(batch, windows - first);
      decoders_[model].forward(weights, count, states.rows_from(first * length_, count * length_), space_);
      SQUEEZE_TRY(done(count * length_));
    }
    return {};
  }

  Result<void> score(MatrixView<const std::int32_t> windows, EvaluationPass* reference,
                     std::span<EvaluationPass> candidates, const Done& done) override {
    for (std::int64_t w = 0; w < windows.rows; ++w) {
      score_window(w * length_, windows.row(w), reference, candidates);
      SQUEEZE_TRY(done(length_));
    }
    return {};
  }

 private:
  // Losses of the predicted tokens of one window, a block of rows at a time; the reference's logits serve all
  // candidates.
  void score_window(std::int64_t first_row, std::span<const std::int32_t> window, EvaluationPass* reference,
                    std::span<EvaluationPass> candidates) {
    const std::int64_t predicted = length_ - 1, vocabulary = decoders_.front().vocabulary();
    const std::int64_t block = std::max<std::int64_t>(1, kLogitFloats / vocabulary);
    for (std::int64_t first = 0; first < predicted; first += block) {
      const std::int64_t count = std::min(block, predicted - first);
      losses_.resize(static_cast<std::size_t>(count));
      const auto logits_of = [&](EvaluationPass& pass, Scratch& room) {
        const MatrixView<float> logits = room.matrix(count, vocabulary);
        decoders_[pass.model].logits(pass.states.view().rows_from(first_row + first, count), logits, space_);
        cross_entropy(logits, window.subspan(first + 1, count), losses_);
        for (const double loss : losses_) pass.nll += loss;
        return logits;
      };
      MatrixView<float> p = {};
      if (reference != nullptr) p = logits_of(*reference, reference_logits_);
      for (EvaluationPass& candidate : candidates) {
        const MatrixView<float> q = logits_of(candidate, logits_);
        if (reference == nullptr) continue;
        kl_divergence_rows(p, q, losses_);
        for (std::int64_t r = 0; r < count; ++r) {
          candidate.kl += losses_[r];
          candidate.same_top += first_of_largest(p.row(r)) == first_of_largest(q.row(r)) ? 1 : 0;
        }
      }
    }
  }

  std::vector<Decoder> decoders_;
  std::int64_t length_;
  DecoderWorkspace space_;
  Scratch reference_logits_, logits_;
  std::vector<double> losses_;
};

}  // namespace

Result<std::unique_ptr<EvaluationEngine>> make_processor_evaluation(std::span<const Model* const> models,
                                                                    std::int64_t length, Precision precision) {
  std::vector<Decoder> decoders;
  for (const Model* model : models) {
    SQUEEZE_ASSIGN(auto decoder, Decoder::make(*model, length, precision));
    decoders.push_back(std::move(decoder));
  }
  return std::unique_ptr<EvaluationEngine>(std::make_unique<ProcessorEvaluation>(std::move(decoders), length));
}

}  // namespace squeeze
