#include "calib/processor_engine.hpp"

#include <algorithm>
#include <cassert>

#include "archs/decoder.hpp"
#include "calib/gathered_gradients.hpp"
#include "calib/member_sums.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"

namespace squeeze {

namespace {

class ProcessorEngine final : public GradientEngine {
 public:
  ProcessorEngine(Decoder decoder, std::optional<Decoder> teacher, const GradientEngineOptions& options)
      : decoder_(std::move(decoder)), teacher_(std::move(teacher)), options_(options) {}

  Result<void> embed(MatrixView<const std::int32_t> tokens, MatrixView<float> x) override {
    decoder_.embed(tokens.flat(), options_.length, 0, x);
    return {};
  }

  Result<const LayerWeights*> load(std::int64_t layer, std::int64_t) override {
    gathered_.reset();  // freed before the next layer is read
    weights_ = {};
    layer_ = layer;
    SQUEEZE_ASSIGN(weights_, options_.layers ? options_.layers(layer) : decoder_.model().layer(layer));
    return &weights_;
  }

  Result<void> forward(MatrixView<const float> x, MatrixView<float> y, const Done& done) override {
    const std::int64_t length = options_.length, batch = std::max<std::int64_t>(1, kForwardRows / length) * length;
    for (std::int64_t first = 0; first < x.rows; first += batch) {
      const std::int64_t rows = std::min(batch, x.rows - first);
      const auto to = y.rows_from(first, rows);
      if (y.data != x.data) std::ranges::copy(x.rows_from(first, rows).flat(), to.data);
      decoder_.forward(weights_, rows / length, to, space_);
      SQUEEZE_TRY(done(rows / length));
    }
    return {};
  }

  Result<void> head(MatrixView<const std::int32_t> tokens, MatrixView<const float> x, MatrixView<float> gradient,
                    std::span<double> losses, const Done& done) override {
    const auto loss = [&](std::int64_t first, MatrixView<float> logits, std::span<double> values) {
      cross_entropy_with_gradient(logits, tokens.flat().subspan(first + 1, logits.rows), values);
    };
    return pass_head(x, gradient, losses, loss, done);
  }

  Result<void> distill(MatrixView<const float> taught, MatrixView<const float> x, MatrixView<float> gradient,
                       std::span<double> losses, const Done& done) override {
    assert(teacher_);
    const auto loss = [&](std::int64_t first, MatrixView<float> logits, std::span<double> values) {
      const MatrixView<float> wanted = wanted_.matrix(logits.rows, logits.cols);
      teacher_->logits(taught.rows_from(first, logits.rows), wanted, space_);
      kl_divergence_with_gradient(wanted, logits, values);
    };
    return pass_head(x, gradient, losses, loss, done);
  }

  Result<std::vector<MatrixView<const float>>> backward(MatrixView<const float> x, MatrixView<float> gradient,
                                                        const Done& done) override {
    const Model& model = decoder_.model();
    const auto in_layer = static_cast<std::int64_t>(model.matrices().size()) / model.config().layers;
    GatheredGradients& gathered = gathered_.emplace(options_.estimator, options_.precision,
                                                    std::span(model.matrices()).subspan(layer_ * in_layer, in_layer));
    const auto linears = weights_.linears();
    const auto codebooks_of = [&](std::int64_t index) { return dynamic_cast<const LutWeight*>(linears[index]); };
    const LinearVisitor visit = [&](std::int64_t index, MatrixView<const float> in, MatrixView<const float> d_out) {
      if (options_.estimator || codebooks_of(index) != nullptr) gathered.add(index, in, d_out);
    };
    const std::int64_t length = options_.length;
    for (std::int64_t first = 0; first < x.rows; first += length) {
      decoder_.backward(weights_, x.rows_from(first, length), gradient.rows_from(first, length), space_, visit);
      SQUEEZE_TRY(done(1));
    }
    gathered.finish(x.rows / length);
    std::vector<MatrixView<const float>> values(static_cast<std::size_t>(in_layer));
    of_entries_.resize(values.size());
    for (std::int64_t i = 0; i < in_layer; ++i) {
      if (options_.estimator) {
        values[i] = gathered.of(i);
      } else if (const LutWeight* codebooks = codebooks_of(i)) {
        const auto sums = of_entries_[i].matrix(codebooks->rows(), std::int64_t{1} << codebooks->bits());
        sum_members(*codebooks, gathered.of(i), sums);
        values[i] = sums;
      }
    }
    return values;
  }

 private:
  // A sample at a time. `loss` replaces logits by their gradient and fills in their losses; it is told which row of x
  // the first one is of.
  template <typename Loss>
  Result<void> pass_head(MatrixView<const float> x, MatrixView<float> gradient, std::span<double> losses,
                         const Loss& loss, const Done& done) {
    const std::int64_t length = options_.length, vocabulary = decoder_.vocabulary();
    const std::int64_t block = std::max<std::int64_t>(1, kLogitFloats / vocabulary);
    for (std::int64_t begin = 0; begin < x.rows; begin += length) {
      const std::int64_t last = begin + length - 1;  // nothing is predicted from it
      double total = 0;
      for (std::int64_t first = begin; first < last; first += block) {
        const std::int64_t count = std::min(block, last - first);
        const MatrixView<float> logits = logits_.matrix(count, vocabulary);
        token_losses_.resize(static_cast<std::size_t>(count));
        decoder_.logits(x.rows_from(first, count), logits, space_);
        loss(first, logits, token_losses_);
        decoder_.logits_backward(x.rows_from(first, count), logits, gradient.rows_from(first, count));
        for (const double value : token_losses_) total += value;
      }
      std::ranges::fill(gradient.row(last), 0.0f);
      losses[begin / length] = total;
      SQUEEZE_TRY(done(1));
    }
    return {};
  }

  Decoder decoder_;
  std::optional<Decoder> teacher_;
  GradientEngineOptions options_;
  std::int64_t layer_ = 0;
  LayerWeights weights_;
  std::optional<GatheredGradients> gathered_;
  std::vector<Scratch> of_entries_;  // gradients of codebooks, by linear
  DecoderWorkspace space_;
  Scratch logits_, wanted_;
  std::vector<double> token_losses_;
};

}  // namespace

Result<std::unique_ptr<GradientEngine>> make_processor_engine(const Model& model,
                                                              const GradientEngineOptions& options) {
  SQUEEZE_ASSIGN(auto decoder, Decoder::make(model, options.length, options.precision));
  std::optional<Decoder> teacher;
  if (options.teacher) {
    SQUEEZE_ASSIGN(teacher, Decoder::make(*options.teacher, options.length, options.precision));
  }
  return std::unique_ptr<GradientEngine>(
      std::make_unique<ProcessorEngine>(std::move(decoder), std::move(teacher), options));
}

}  // namespace squeeze
