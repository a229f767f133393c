#include <algorithm>
#include <vector>

#include "archs/decoder.hpp"
#include "base/threads.hpp"
#include "eval/evaluation_engine.hpp"
#include "ops/argmax/argmax.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kChunkBytes = 1 << 30;
constexpr std::int64_t kBatchRows = 1024;       // tokens in one pass of a layer: large products, bounded memory
constexpr std::int64_t kLogitFloats = 1 << 24;  // 64 MB of logits at a time

// Class of the largest logit of each row.
void tops_of(MatrixView<const float> logits, std::vector<std::int64_t>& tops) {
  tops.resize(static_cast<std::size_t>(logits.rows));
  parallel_for(logits.rows, row_chunk(logits.cols), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) tops[r] = argmax(logits.row(r));
  });
}

// All passes use one workspace: they go one after the other.
class ProcessorEvaluation final : public EvaluationEngine {
 public:
  ProcessorEvaluation(std::vector<Decoder> decoders, std::int64_t length)
      : decoders_(std::move(decoders)), length_(length) {}

  std::int64_t chunk_bytes() const override { return kChunkBytes; }

  Result<void> begin(MatrixView<const std::int32_t> windows, std::span<const std::size_t> models) override {
    windows_ = windows;
    passes_.clear();  // freed before the next size is taken
    for (const std::size_t model : models) add_pass(model);
    return {};
  }

  Result<void> begin_others(std::span<const std::size_t> models) override {
    passes_.erase(passes_.begin() + 1, passes_.end());
    for (const std::size_t model : models) add_pass(model);
    return {};
  }

  Result<void> forward(std::size_t pass, const LayerWeights& weights, const Done& done) override {
    const std::int64_t batch = std::max<std::int64_t>(1, kBatchRows / length_);
    for (std::int64_t first = 0; first < windows_.rows; first += batch) {
      const std::int64_t count = std::min(batch, windows_.rows - first);
      passes_[pass].decoder->forward(weights, count,
                                     passes_[pass].states.view().rows_from(first * length_, count * length_), space_);
      SQUEEZE_TRY(done(count * length_));
    }
    return {};
  }

  Result<void> score(std::span<EvaluationSums> sums, bool compared, const Done& done) override {
    for (std::int64_t w = 0; w < windows_.rows; ++w) {
      score_window(w, sums, compared);
      SQUEEZE_TRY(done(length_));
    }
    return {};
  }

 private:
  struct Pass {
    const Decoder* decoder;
    Matrix<float> states;
  };

  void add_pass(std::size_t model) {
    const Decoder& decoder = decoders_[model];
    Pass& pass = passes_.emplace_back(Pass{&decoder, Matrix<float>(windows_.size(), decoder.hidden())});
    decoder.embed(windows_.flat(), length_, 0, pass.states.view());
  }

  // Losses of the predicted tokens of one window, a block of rows at a time; the reference's logits serve all others.
  void score_window(std::int64_t window, std::span<EvaluationSums> sums, bool compared) {
    const std::int64_t predicted = length_ - 1, vocabulary = decoders_.front().vocabulary();
    const std::int64_t block = std::max<std::int64_t>(1, kLogitFloats / vocabulary);
    for (std::int64_t first = 0; first < predicted; first += block) {
      const std::int64_t count = std::min(block, predicted - first);
      MatrixView<float> p = {};
      losses_.resize(static_cast<std::size_t>(count));
      for (std::size_t i = 0; i < passes_.size(); ++i) {
        const MatrixView<float> logits = (i == 0 ? first_logits_ : logits_).matrix(count, vocabulary);
        passes_[i].decoder->logits(passes_[i].states.view().rows_from(window * length_ + first, count), logits, space_);
        cross_entropy(logits, windows_.row(window).subspan(first + 1, count), losses_);
        for (const double loss : losses_) sums[i].nll += loss;
        if (!compared) continue;
        std::vector<std::int64_t>& tops = i == 0 ? first_tops_ : tops_;
        tops_of(logits, tops);
        if (i == 0) {
          p = logits;
          continue;
        }
        kl_divergence_rows(p, logits, losses_);
        for (std::int64_t r = 0; r < count; ++r) {
          sums[i].kl += losses_[r];
          sums[i].same_top += first_tops_[r] == tops[r] ? 1 : 0;
        }
      }
    }
  }

  std::vector<Decoder> decoders_;
  std::int64_t length_;
  MatrixView<const std::int32_t> windows_;
  std::vector<Pass> passes_;
  DecoderWorkspace space_;
  Scratch first_logits_, logits_;
  std::vector<double> losses_;
  std::vector<std::int64_t> first_tops_, tops_;
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
