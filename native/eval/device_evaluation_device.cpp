#include <algorithm>
#include <vector>

#include "archs/device_passes.hpp"
#include "archs/device_pipe.hpp"
#include "eval/device_evaluation.hpp"
#include "ops/cross_entropy/cross_entropy_cuda.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kChunkBytes = std::int64_t{4} << 30;  // for each, the layers are brought over again
constexpr std::int64_t kBatchRows = 4096;                    // tokens in one pass
constexpr std::int64_t kLogitBytes = 256 << 20;              // of one model's logits at a time

// What is found of every token of a batch, where a pass has `rows` of each on the device and then on the host.
struct TokenScores {
  DeviceArray<float> losses, divergences, log_probabilities;
  DeviceArray<std::int32_t> tops;
  PinnedArray<float> losses_here, divergences_here;
  PinnedArray<std::int32_t> tops_here;

  Result<void> reserve(Stream& stream, std::int64_t batch_rows, std::int64_t rows) {
    losses.vector(stream, batch_rows);
    divergences.vector(stream, batch_rows);
    log_probabilities.vector(stream, batch_rows);
    tops.vector(stream, batch_rows);
    SQUEEZE_ASSIGN(losses_here, PinnedArray<float>::make(rows));
    SQUEEZE_ASSIGN(divergences_here, PinnedArray<float>::make(rows));
    SQUEEZE_ASSIGN(tops_here, PinnedArray<std::int32_t>::make(rows));
    return {};
  }
  void download(Stream& stream, std::int64_t first, std::int64_t count) {
    stream.download(losses_here.data() + first, DeviceView<float>{losses.data(), 1, count});
    stream.download(divergences_here.data() + first, DeviceView<float>{divergences.data(), 1, count});
    stream.download(tops_here.data() + first, DeviceView<std::int32_t>{tops.data(), 1, count});
  }
};

template <typename T>
class DeviceEvaluation final : public EvaluationEngine {
 public:
  static Result<std::unique_ptr<EvaluationEngine>> make(std::span<const Model* const> models, std::int64_t length,
                                                        int device) {
    SQUEEZE_ASSIGN(auto stream, Stream::make(device));
    SQUEEZE_ASSIGN(auto uploader, WeightUploader<T>::make(device));
    SQUEEZE_ASSIGN(auto pipe, DevicePipe::make(device));
    auto engine = std::make_unique<DeviceEvaluation>(length, std::move(stream), std::move(uploader), std::move(pipe));
    for (const Model* model : models) SQUEEZE_TRY(engine->add(*model));
    return std::unique_ptr<EvaluationEngine>(std::move(engine));
  }

  DeviceEvaluation(std::int64_t length, Stream stream, WeightUploader<T> uploader, DevicePipe pipe)
      : length_(length), stream_(std::move(stream)), uploader_(std::move(uploader)), pipe_(std::move(pipe)) {}

  std::int64_t chunk_bytes() const override { return kChunkBytes; }

  // By the host: a row a token, and it is the host that keeps them.
  Result<void> embed(std::size_t model, MatrixView<const std::int32_t> windows, MatrixView<float> states) override {
    parts_[model]->decoder.embed(windows.flat(), length_, 0, states);
    return {};
  }

  Result<void> forward(std::size_t model, const LayerWeights& weights, MatrixView<float> states,
                       const Done& done) override {
    Part& part = *parts_[model];
    part.layer.read(weights, uploader_);
    SQUEEZE_TRY(uploader_.finish());
    const MatrixView<const float> in = states;
    return pipe_.run(
        stream_, {&in, 1}, states, batch_rows(),
        [&](std::int64_t, std::span<const DeviceView<const float>> there, DeviceView<float> out) {
          part.passes.forward(part.layer, out.rows / length_, there[0], out);
        },
        [&](std::int64_t, std::int64_t rows) { return done(rows); });
  }

  Result<void> score(MatrixView<const std::int32_t> windows, EvaluationPass* reference,
                     std::span<EvaluationPass> candidates, const Done& done) override {
    std::vector<EvaluationPass*> passes;  // the reference is the first, if there is one
    if (reference != nullptr) passes.push_back(reference);
    for (EvaluationPass& candidate : candidates) passes.push_back(&candidate);
    std::vector<MatrixView<const float>> states;
    for (const EvaluationPass* pass : passes) states.push_back(pass->states.view());
    std::vector<TokenScores> scores(passes.size());
    for (TokenScores& one : scores) SQUEEZE_TRY(one.reserve(stream_, batch_rows(), windows.size()));
    const auto ids = ids_.assign(stream_, std::span<const std::int32_t>(windows.flat()));
    const MatrixView<float> nothing{nullptr, windows.size(), 0};
    return pipe_.run(
        stream_, states, nothing, batch_rows(),
        [&](std::int64_t first, std::span<const DeviceView<const float>> there, DeviceView<float> out) {
          for (std::int64_t row = 0; row < out.rows; row += length_)
            score_window(ids.data + first + row, row, reference != nullptr, passes, there, scores);
          for (TokenScores& one : scores) one.download(stream_, first, out.rows);
        },
        [&](std::int64_t first, std::int64_t count) {
          for (std::int64_t row = first; row < first + count; row += length_)
            for (std::size_t i = 0; i < passes.size(); ++i)
              add_window(row, scores[i], reference != nullptr && i > 0 ? &scores[0] : nullptr, *passes[i]);
          return done(count);
        });
  }

 private:
  struct Part {
    Decoder decoder;
    DevicePasses<T> passes;
    DeviceLayer<T> layer;
    DeviceHead<T> head;
  };

  Result<void> add(const Model& model) {
    SQUEEZE_ASSIGN(auto decoder, Decoder::make(model, length_));
    SQUEEZE_ASSIGN(auto passes, DevicePasses<T>::make(decoder, stream_));
    auto part = std::make_unique<Part>(Part{std::move(decoder), std::move(passes), {}, {}});
    part->layer.reserve(stream_, model.config());
    SQUEEZE_TRY(part->head.read(model, part->decoder.head(), uploader_));
    SQUEEZE_TRY(stream_.finish());
    parts_.push_back(std::move(part));
    return {};
  }

  std::int64_t batch_rows() const { return std::max<std::int64_t>(1, kBatchRows / length_) * length_; }

  // Scores of the window that begins at `row` of a batch; of its last token, from which nothing is predicted, there are
  // none.
  void score_window(const std::int32_t* tokens, std::int64_t row, bool compared,
                    std::span<EvaluationPass* const> passes, std::span<const DeviceView<const float>> states,
                    std::span<TokenScores> scores) {
    const std::int64_t predicted = length_ - 1, vocabulary = parts_.front()->decoder.vocabulary();
    const std::int64_t block =
        std::max<std::int64_t>(1, kLogitBytes / static_cast<std::int64_t>(sizeof(float)) / vocabulary);
    for (std::int64_t first = 0; first < predicted; first += block) {
      const std::int64_t count = std::min(block, predicted - first), at = row + first;
      DeviceView<float> p = {};
      for (std::size_t i = 0; i < passes.size(); ++i) {
        Part& part = *parts_[passes[i]->model];
        const auto logits = logits_[i == 0 ? 0 : 1].matrix(stream_, count, vocabulary);
        part.passes.logits(part.head, states[i].rows_from(at, count), logits);
        cross_entropy(stream_, logits, tokens + first + 1, scores[i].losses.data() + at);
        if (!compared) continue;
        argmax_log_probability(stream_, logits, scores[i].tops.data() + at, scores[i].log_probabilities.data() + at);
        if (i == 0)
          p = logits;
        else
          kl_divergence_rows(stream_, p, logits, scores[i].divergences.data() + at);
      }
    }
  }

  void add_window(std::int64_t row, const TokenScores& scores, const TokenScores* reference, EvaluationPass& to) const {
    for (std::int64_t r = row; r < row + length_ - 1; ++r) {
      to.nll += static_cast<double>(scores.losses_here.data()[r]);
      if (reference == nullptr) continue;
      to.kl += static_cast<double>(scores.divergences_here.data()[r]);
      to.same_top += scores.tops_here.data()[r] == reference->tops_here.data()[r] ? 1 : 0;
    }
  }

  std::int64_t length_;
  Stream stream_;
  WeightUploader<T> uploader_;
  DevicePipe pipe_;
  std::vector<std::unique_ptr<Part>> parts_;
  DeviceArray<std::int32_t> ids_;
  DeviceArray<float> logits_[2];  // of the first model, and of any other
};

}  // namespace

Result<std::unique_ptr<EvaluationEngine>> make_device_evaluation(std::span<const Model* const> models,
                                                                 std::int64_t length, Precision precision, int device) {
  if (precision == Precision::kBFloat16) return DeviceEvaluation<BFloat16>::make(models, length, device);
  return DeviceEvaluation<float>::make(models, length, device);
}

}  // namespace squeeze
