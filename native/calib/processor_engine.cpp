#include <algorithm>
#include <optional>

#include "archs/decoder.hpp"
#include "calib/gradient_engine.hpp"
#include "calib/squared_gradients.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"

namespace squeeze {

namespace {

class ProcessorEngine final : public GradientEngine {
 public:
  ProcessorEngine(Decoder decoder, std::int64_t length, Precision precision, Estimator estimator)
      : decoder_(std::move(decoder)), length_(length), precision_(precision), estimator_(estimator) {}

  Result<void> embed(MatrixView<const std::int32_t> tokens, MatrixView<float> x) override {
    decoder_.embed(tokens.flat(), length_, 0, x);
    return {};
  }

  Result<const LayerWeights*> load(std::int64_t layer, std::int64_t) override {
    squares_.reset();  // freed before the next layer is read
    weights_ = {};
    layer_ = layer;
    SQUEEZE_ASSIGN(weights_, decoder_.model().layer(layer));
    return &weights_;
  }

  Result<void> forward(MatrixView<const float> x, MatrixView<float> y, const Done& done) override {
    const std::int64_t samples = x.rows / length_, batch = std::max<std::int64_t>(1, kForwardRows / length_);
    for (std::int64_t first = 0; first < samples; first += batch) {
      const std::int64_t count = std::min(batch, samples - first);
      const auto to = y.rows_from(first * length_, count * length_);
      std::ranges::copy(x.rows_from(first * length_, count * length_).flat(), to.data);
      decoder_.forward(weights_, count, to, space_);
      SQUEEZE_TRY(done(count));
    }
    return {};
  }

  Result<void> head(MatrixView<const std::int32_t> tokens, MatrixView<const float> x, MatrixView<float> gradient,
                    std::span<double> losses, const Done& done) override {
    for (std::int64_t sample = 0; sample < tokens.rows; ++sample) {
      const std::int64_t first = sample * length_;
      losses[sample] = head_of(tokens.row(sample), x.rows_from(first, length_), gradient.rows_from(first, length_));
      SQUEEZE_TRY(done(1));
    }
    return {};
  }

  Result<std::vector<MatrixView<const float>>> backward(MatrixView<const float> x, MatrixView<float> gradient,
                                                        const Done& done) override {
    const Model& model = decoder_.model();
    const auto in_layer = static_cast<std::int64_t>(model.matrices().size()) / model.config().layers;
    SquaredGradients& squares =
        squares_.emplace(estimator_, precision_, std::span(model.matrices()).subspan(layer_ * in_layer, in_layer));
    const std::int64_t samples = x.rows / length_;
    for (std::int64_t first = 0; first < x.rows; first += length_) {
      decoder_.backward(weights_, x.rows_from(first, length_), gradient.rows_from(first, length_), space_,
                        [&](std::int64_t index, MatrixView<const float> in, MatrixView<const float> d_out) {
                          squares.add(index, in, d_out);
                        });
      SQUEEZE_TRY(done(1));
    }
    squares.finish(samples);
    std::vector<MatrixView<const float>> values;
    for (std::int64_t i = 0; i < in_layer; ++i) values.push_back(squares.of(i));
    return values;
  }

 private:
  double head_of(std::span<const std::int32_t> tokens, MatrixView<const float> x, MatrixView<float> dx) {
    const std::int64_t predicted = length_ - 1;
    const std::int64_t block = std::max<std::int64_t>(1, kLogitFloats / decoder_.vocabulary());
    double total = 0;
    for (std::int64_t first = 0; first < predicted; first += block) {
      const std::int64_t count = std::min(block, predicted - first);
      const MatrixView<float> rows = logits_.matrix(count, decoder_.vocabulary());
      token_losses_.resize(static_cast<std::size_t>(count));
      decoder_.logits(x.rows_from(first, count), rows, space_);
      cross_entropy_with_gradient(rows, tokens.subspan(first + 1, count), token_losses_);
      decoder_.logits_backward(x.rows_from(first, count), rows, dx.rows_from(first, count));
      for (const double value : token_losses_) total += value;
    }
    std::ranges::fill(dx.row(predicted), 0.0f);  // nothing is predicted from the last token
    return total;
  }

  Decoder decoder_;
  std::int64_t length_;
  Precision precision_;
  Estimator estimator_;
  std::int64_t layer_ = 0;
  LayerWeights weights_;
  std::optional<SquaredGradients> squares_;
  DecoderWorkspace space_;
  Scratch logits_;
  std::vector<double> token_losses_;
};

}  // namespace

Result<std::unique_ptr<GradientEngine>> make_processor_engine(const Model& model, std::int64_t length,
                                                              Precision precision, Estimator estimator) {
  SQUEEZE_ASSIGN(auto decoder, Decoder::make(model, length, precision));
  return std::unique_ptr<GradientEngine>(
      std::make_unique<ProcessorEngine>(std::move(decoder), length, precision, estimator));
}

}  // namespace squeeze
