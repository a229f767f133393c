#include <algorithm>
#include <vector>

#include "archs/device_passes.hpp"
#include "eval/device_evaluation.hpp"
#include "ops/cross_entropy/cross_entropy_cuda.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kMostChunkBytes = std::int64_t{8} << 30;
constexpr std::int64_t kBatchRows = 4096;        // tokens in one pass
constexpr std::int64_t kLogitBytes = 256 << 20;  // of one model's logits at a time

// What one pass has of each token of a batch, on the device and then on the host.
struct TokenScores {
  DeviceArray<float> losses, divergences, log_probabilities;
  DeviceArray<std::int32_t> tops;
  PinnedArray<float> losses_here, divergences_here;
  PinnedArray<std::int32_t> tops_here;

  Result<void> reserve(Stream& stream, std::int64_t rows) {
    losses.vector(stream, rows);
    divergences.vector(stream, rows);
    log_probabilities.vector(stream, rows);
    tops.vector(stream, rows);
    SQUEEZE_ASSIGN(losses_here, PinnedArray<float>::make(rows));
    SQUEEZE_ASSIGN(divergences_here, PinnedArray<float>::make(rows));
    SQUEEZE_ASSIGN(tops_here, PinnedArray<std::int32_t>::make(rows));
    return {};
  }
  void download(Stream& stream, std::int64_t rows) {
    stream.download(losses_here.data(), DeviceView<float>{losses.data(), 1, rows});
    stream.download(divergences_here.data(), DeviceView<float>{divergences.data(), 1, rows});
    stream.download(tops_here.data(), DeviceView<std::int32_t>{tops.data(), 1, rows});
  }
};

template <typename T>
class DeviceEvaluation final : public EvaluationEngine {
 public:
  static Result<std::unique_ptr<EvaluationEngine>> make(std::span<const Model* const> models, std::int64_t length,
                                                        int device) {
    SQUEEZE_ASSIGN(auto stream, Stream::make(device));
    SQUEEZE_ASSIGN(auto uploader, WeightUploader<T>::make(device));
    auto engine = std::make_unique<DeviceEvaluation>(length, std::move(stream), std::move(uploader));
    for (const Model* model : models) SQUEEZE_TRY(engine->add(*model));
    // Half of what is left: the other half is for activations.
    SQUEEZE_ASSIGN(const Stream now, Stream::make(device));
    engine->chunk_bytes_ = std::min(kMostChunkBytes, now.device().free_bytes / 2);
    return std::unique_ptr<EvaluationEngine>(std::move(engine));
  }

  DeviceEvaluation(std::int64_t length, Stream stream, WeightUploader<T> uploader)
      : length_(length), stream_(std::move(stream)), uploader_(std::move(uploader)) {}

  std::int64_t chunk_bytes() const override { return chunk_bytes_; }

  Result<void> begin(MatrixView<const std::int32_t> windows, std::span<const std::size_t> models) override {
    windows_ = windows;
    ids_.assign(stream_, std::span<const std::int32_t>(windows.flat()));
    passes_.resize(models.size());
    for (std::size_t i = 0; i < models.size(); ++i) {
      passes_[i].part = parts_[models[i]].get();
      SQUEEZE_TRY(embed(passes_[i]));
    }
    return {};
  }

  Result<void> begin_others(std::span<const std::size_t> models) override {
    passes_.resize(models.size() + 1);
    for (std::size_t i = 0; i < models.size(); ++i) {
      passes_[i + 1].part = parts_[models[i]].get();
      SQUEEZE_TRY(embed(passes_[i + 1]));
    }
    return {};
  }

  Result<void> forward(std::size_t pass, const LayerWeights& weights, const Done& done) override {
    Part& part = *passes_[pass].part;
    part.layer.read(weights, uploader_);
    SQUEEZE_TRY(uploader_.finish());
    return in_batches([&](std::int64_t first, std::int64_t rows) -> Result<void> {
      const auto states = passes_[pass].view.rows_from(first, rows);
      part.passes.forward(part.layer, rows / length_, states, states);
      SQUEEZE_TRY(stream_.finish());
      return done(rows);
    });
  }

  Result<void> score(std::span<EvaluationSums> sums, bool compared, const Done& done) override {
    std::vector<TokenScores> scores(passes_.size());
    for (TokenScores& one : scores) SQUEEZE_TRY(one.reserve(stream_, batch_rows()));
    return in_batches([&](std::int64_t first, std::int64_t rows) -> Result<void> {
      for (std::int64_t row = 0; row < rows; row += length_) score_window(first, row, compared, scores);
      for (TokenScores& one : scores) one.download(stream_, rows);
      SQUEEZE_TRY(stream_.finish());
      for (std::int64_t row = 0; row < rows; row += length_)
        for (std::size_t i = 0; i < passes_.size(); ++i)
          add_window(row, scores[i], compared && i > 0 ? &scores[0] : nullptr, sums[i]);
      return done(rows);
    });
  }

 private:
  struct Part {
    Decoder decoder;
    DevicePasses<T> passes;
    DeviceLayer<T> layer;
    DeviceHead<T> head;
  };
  struct Pass {
    Part* part = nullptr;
    DeviceArray<float> states = {};
    DeviceView<float> view = {};
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

  // Of whole windows.
  template <typename Body>
  Result<void> in_batches(const Body& body) const {
    for (std::int64_t first = 0; first < windows_.size(); first += batch_rows())
      SQUEEZE_TRY(body(first, std::min(batch_rows(), windows_.size() - first)));
    return {};
  }

  // By the processor, which has the tables.
  Result<void> embed(Pass& pass) {
    const Decoder& decoder = pass.part->decoder;
    pass.view = pass.states.matrix(stream_, windows_.size(), decoder.hidden());
    SQUEEZE_ASSIGN(const auto room, PinnedArray<float>::make(batch_rows() * decoder.hidden()));
    return in_batches([&](std::int64_t first, std::int64_t rows) {
      decoder.embed(windows_.flat().subspan(first, rows), length_, 0, {room.data(), rows, decoder.hidden()});
      stream_.upload(pass.view.rows_from(first, rows), room.data());
      return stream_.finish();
    });
  }

  // Scores of the window that begins at `row` of the batch that begins at `batch`; of its last token, from which
  // nothing is predicted, there are none.
  void score_window(std::int64_t batch, std::int64_t row, bool compared, std::span<TokenScores> scores) {
    const std::int64_t predicted = length_ - 1, vocabulary = parts_.front()->decoder.vocabulary();
    const std::int64_t block =
        std::max<std::int64_t>(1, kLogitBytes / static_cast<std::int64_t>(sizeof(float)) / vocabulary);
    for (std::int64_t first = row; first < row + predicted; first += block) {
      const std::int64_t count = std::min(block, row + predicted - first);
      const std::int32_t* const targets = ids_.data() + batch + first + 1;
      DeviceView<float> p = {};
      for (std::size_t i = 0; i < passes_.size(); ++i) {
        Part& part = *passes_[i].part;
        const auto logits = logits_[i == 0 ? 0 : 1].matrix(stream_, count, vocabulary);
        part.passes.logits(part.head, passes_[i].view.rows_from(batch + first, count), logits);
        cross_entropy(stream_, logits, targets, scores[i].losses.data() + first);
        if (!compared) continue;
        argmax_log_probability(stream_, logits, scores[i].tops.data() + first,
                               scores[i].log_probabilities.data() + first);
        if (i == 0)
          p = logits;
        else
          kl_divergence_rows(stream_, p, logits, scores[i].divergences.data() + first);
      }
    }
  }

  void add_window(std::int64_t row, const TokenScores& scores, const TokenScores* reference, EvaluationSums& to) const {
    for (std::int64_t r = row; r < row + length_ - 1; ++r) {
      to.nll += static_cast<double>(scores.losses_here.data()[r]);
      if (reference == nullptr) continue;
      to.kl += static_cast<double>(scores.divergences_here.data()[r]);
      to.same_top += scores.tops_here.data()[r] == reference->tops_here.data()[r] ? 1 : 0;
    }
  }

  std::int64_t length_, chunk_bytes_ = 0;
  Stream stream_;
  WeightUploader<T> uploader_;
  std::vector<std::unique_ptr<Part>> parts_;
  MatrixView<const std::int32_t> windows_;
  std::vector<Pass> passes_;
  DeviceArray<std::int32_t> ids_;
  DeviceArray<float> logits_[2];  // of the first pass, and of any other
};

}  // namespace

Result<std::unique_ptr<EvaluationEngine>> make_device_evaluation(std::span<const Model* const> models,
                                                                 std::int64_t length, Precision precision, int device) {
  if (precision == Precision::kBFloat16) return DeviceEvaluation<BFloat16>::make(models, length, device);
  return DeviceEvaluation<float>::make(models, length, device);
}

}  // namespace squeeze
