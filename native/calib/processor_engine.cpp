#include <optional>

#include "calib/gradient_engine.hpp"
#include "calib/processor_passes.hpp"
#include "calib/squared_gradients.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"

namespace squeeze {

namespace {

class ProcessorEngine final : public GradientEngine {
 public:
  ProcessorEngine(Decoder decoder, std::int64_t length, Precision precision, Estimator estimator)
      : passes_(std::move(decoder), length), length_(length), precision_(precision), estimator_(estimator) {}

  Result<void> embed(MatrixView<const std::int32_t> tokens, MatrixView<float> x) override {
    passes_.embed(tokens, x);
    return {};
  }

  Result<const LayerWeights*> load(std::int64_t layer, std::int64_t) override {
    squares_.reset();  // freed before the next layer is read
    weights_ = {};
    layer_ = layer;
    SQUEEZE_ASSIGN(weights_, passes_.decoder().model().layer(layer));
    return &weights_;
  }

  Result<void> forward(MatrixView<const float> x, MatrixView<float> y, const Done& done) override {
    return passes_.forward(weights_, x, y, done);
  }

  Result<void> head(MatrixView<const std::int32_t> tokens, MatrixView<const float> x, MatrixView<float> gradient,
                    std::span<double> losses, const Done& done) override {
    const LogitLoss loss = [](std::int64_t, MatrixView<float> logits, std::span<const std::int32_t> targets,
                              std::span<double> values) { cross_entropy_with_gradient(logits, targets, values); };
    return passes_.head(tokens, x, gradient, losses, loss, done);
  }

  Result<std::vector<MatrixView<const float>>> backward(MatrixView<const float> x, MatrixView<float> gradient,
                                                        const Done& done) override {
    const Model& model = passes_.decoder().model();
    const auto in_layer = static_cast<std::int64_t>(model.matrices().size()) / model.config().layers;
    SquaredGradients& squares =
        squares_.emplace(estimator_, precision_, std::span(model.matrices()).subspan(layer_ * in_layer, in_layer));
    const LinearVisitor visit = [&](std::int64_t index, MatrixView<const float> in, MatrixView<const float> d_out) {
      squares.add(index, in, d_out);
    };
    SQUEEZE_TRY(passes_.backward(weights_, x, gradient, visit, done));
    squares.finish(x.rows / length_);
    std::vector<MatrixView<const float>> values;
    for (std::int64_t i = 0; i < in_layer; ++i) values.push_back(squares.of(i));
    return values;
  }

 private:
  ProcessorPasses passes_;
  std::int64_t length_;
  Precision precision_;
  Estimator estimator_;
  std::int64_t layer_ = 0;
  LayerWeights weights_;
  std::optional<SquaredGradients> squares_;
};

}  // namespace

Result<std::unique_ptr<GradientEngine>> make_processor_engine(const Model& model, std::int64_t length,
                                                              Precision precision, Estimator estimator) {
  SQUEEZE_ASSIGN(auto decoder, Decoder::make(model, length, precision));
  return std::unique_ptr<GradientEngine>(
      std::make_unique<ProcessorEngine>(std::move(decoder), length, precision, estimator));
}

}  // namespace squeeze
