#include <algorithm>
#include <cassert>
#include <future>
#include <numeric>

#include "archs/device_passes.hpp"
#include "archs/device_pipe.hpp"
#include "base/threads.hpp"
#include "calib/device_engine.hpp"
#include "ops/add/add_cuda.hpp"
#include "ops/cross_entropy/cross_entropy_cuda.hpp"
#include "ops/half/half_cuda.hpp"

namespace squeeze {

namespace {

// What is gathered of one layer's gradients, on the device.
template <typename T>
class DeviceGradients {
 public:
  DeviceGradients(std::optional<Estimator> estimator, std::int64_t length) : estimator_(estimator), length_(length) {}

  // What has no codebook is left out where the gradients of those are wanted.
  void begin(Stream& stream, std::span<const MatrixSlot> slots, const DeviceLayer<T>& layer) {
    codebooks_.clear();
    for (const auto* linear : layer.linears()) codebooks_.push_back(linear->codebooks);
    assert(codebooks_.size() == slots.size());
    std::int64_t total = 0;
    for (std::size_t i = 0; i < slots.size(); ++i)
      if (is_wanted(i)) total += padded(slots[i]);
    const auto all = sums_.vector(stream, total);
    stream.fill(all.data, 0, total * static_cast<std::int64_t>(sizeof(float)));
    views_.clear();
    std::int64_t at = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      views_.push_back(is_wanted(i) ? DeviceView<float>{all.data + at, slots[i].rows, slots[i].cols}
                                    : DeviceView<float>{});
      if (is_wanted(i)) at += padded(slots[i]);
    }
  }

  // As GatheredGradients::add, of several samples.
  void add(DevicePasses<T>& passes, std::int64_t index, const DeviceFactor<T>& x, const DeviceFactor<T>& dy) {
    Stream& stream = passes.stream();
    const DeviceView<float> sum = views_[index];
    if (sum.data == nullptr) return;
    if (!estimator_) return passes.matmul().template tn<T>(stream, dy.rounded, x.rounded, sum, /*accumulate=*/true);
    if (estimator_ == Estimator::kToken) {
      const auto x_squares = x_squares_.matrix(stream, x.exact.rows, x.exact.cols);
      const auto dy_squares = dy_squares_.matrix(stream, dy.exact.rows, dy.exact.cols);
      square(stream, x.exact, x_squares);
      square(stream, dy.exact, dy_squares);
      return passes.matmul().template tn<T>(stream, dy_squares, x_squares, sum, /*accumulate=*/true);
    }
    const auto product = product_.matrix(stream, sum.rows, sum.cols);
    for (std::int64_t first = 0; first < x.rounded.rows; first += length_) {
      passes.matmul().template tn<T>(stream, dy.rounded.rows_from(first, length_), x.rounded.rows_from(first, length_),
                                     product);
      add_squares(stream, sum, product, 1.0f);
    }
  }

  // As GradientEngine::backward; they lie on the host, and live until the next call.
  Result<std::vector<MatrixView<const float>>> finish(Stream& stream, std::int64_t samples) {
    const auto gathered = estimator_ ? means(stream, samples) : of_entries(stream);
    std::int64_t total = 0;
    for (const DeviceView<float>& view : gathered) total += view.size();
    if (host_.size() < total) {
      host_ = {};  // freed before the next size is taken
      SQUEEZE_ASSIGN(host_, PinnedArray<float>::make(total));
    }
    std::vector<MatrixView<const float>> values;
    float* to = host_.data();
    for (const DeviceView<float>& view : gathered) {
      if (view.size() > 0) stream.download(to, view);
      values.push_back({to, view.rows, view.cols});
      to += view.size();
    }
    SQUEEZE_TRY(stream.finish());
    return values;
  }

 private:
  static std::int64_t padded(const MatrixSlot& slot) { return (slot.rows * slot.cols + 63) / 64 * 64; }
  bool is_wanted(std::size_t index) const { return estimator_ || codebooks_[index] != nullptr; }

  std::vector<DeviceView<float>> means(Stream& stream, std::int64_t samples) {
    for (const DeviceView<float>& sum : views_) scale(stream, sum, 1.0f / static_cast<float>(samples));
    return views_;
  }
  std::vector<DeviceView<float>> of_entries(Stream& stream) {
    std::int64_t total = 0;
    for (const StoredLut* codebooks : codebooks_)
      if (codebooks != nullptr) total += codebooks->rows() * codebooks->entries();
    float* next = of_entries_.vector(stream, total).data;
    std::vector<DeviceView<float>> views;
    for (std::size_t i = 0; i < codebooks_.size(); ++i) {
      DeviceView<float>& view = views.emplace_back();
      if (codebooks_[i] == nullptr) continue;
      view = {next, codebooks_[i]->rows(), codebooks_[i]->entries()};
      codebooks_[i]->sum_members(stream, views_[i], view);
      next += view.size();
    }
    return views;
  }

  std::optional<Estimator> estimator_;
  std::int64_t length_;
  DeviceArray<float> sums_, product_, of_entries_;
  DeviceArray<T> x_squares_, dy_squares_;
  std::vector<DeviceView<float>> views_;
  std::vector<const StoredLut*> codebooks_;  // of each linear; null: it has none
  PinnedArray<float> host_;
};

template <typename T>
class DeviceEngine final : public GradientEngine {
 public:
  static Result<std::unique_ptr<GradientEngine>> make(const Model& model, const GradientEngineOptions& options,
                                                      int device, std::int64_t batch_rows) {
    SQUEEZE_ASSIGN(auto decoder, Decoder::make(model, options.length));
    SQUEEZE_ASSIGN(auto stream_made, Stream::make(device));
    auto stream = std::make_unique<Stream>(std::move(stream_made));
    SQUEEZE_ASSIGN(auto passes, DevicePasses<T>::make(decoder, *stream));
    SQUEEZE_ASSIGN(auto uploader, WeightUploader<T>::make(device));
    SQUEEZE_ASSIGN(auto pipe, DevicePipe::make(device));
    auto engine = std::make_unique<DeviceEngine>(std::move(decoder), options, batch_rows, std::move(stream),
                                                 std::move(passes), std::move(uploader), std::move(pipe));
    for (Loaded& place : engine->places_) place.there.reserve(engine->stream(), model.config());
    SQUEEZE_TRY(engine->stream().finish());
    return std::unique_ptr<GradientEngine>(std::move(engine));
  }

  DeviceEngine(Decoder decoder, const GradientEngineOptions& options, std::int64_t batch_rows,
               std::unique_ptr<Stream> stream, DevicePasses<T> passes, WeightUploader<T> uploader, DevicePipe pipe)
      : decoder_(std::move(decoder)),
        options_(options),
        length_(options.length),
        batch_rows_(std::max<std::int64_t>(1, batch_rows / length_) * length_),
        stream_(std::move(stream)),
        passes_(std::move(passes)),
        uploader_(std::move(uploader)),
        pipe_(std::move(pipe)),
        gradients_(options.estimator, length_) {}
  ~DeviceEngine() override { wait_for_loader(); }

  // By the host: a row a token, and it is the host that keeps them.
  Result<void> embed(MatrixView<const std::int32_t> tokens, MatrixView<float> x) override {
    wait_for_loader();
    for (Loaded& place : places_) place.layer = -1;
    decoder_.embed(tokens.flat(), length_, 0, x);
    return {};
  }

  Result<const LayerWeights*> load(std::int64_t layer, std::int64_t next) override {
    wait_for_loader();
    if (places_[current_].layer != layer) {
      current_ = 1 - current_;
      if (places_[current_].layer != layer) begin_loading(places_[current_], layer);
      if (loading_.valid()) SQUEEZE_TRY(loading_.get());
    }
    if (next >= 0) begin_loading(places_[1 - current_], next);
    return &places_[current_].weights;
  }

  Result<void> forward(MatrixView<const float> x, MatrixView<float> y, const Done& done) override {
    return pipe_.run(
        stream(), {&x, 1}, y, batch_rows_,
        [&](std::int64_t, std::span<const DeviceView<const float>> in, DeviceView<float> out) {
          passes_.forward(places_[current_].there, out.rows / length_, in[0], out);
        },
        in_samples(done));
  }

  Result<void> head(MatrixView<const std::int32_t> tokens, MatrixView<const float> x, MatrixView<float> gradient,
                    std::span<double> losses, const Done& done) override {
    wait_for_loader();  // which uses the uploader
    DeviceHead<T> head;
    SQUEEZE_TRY(head.read(decoder_.model(), decoder_.head(), uploader_));
    DeviceArray<std::int32_t> ids;
    const auto ids_there = ids.assign(stream(), std::span<const std::int32_t>(tokens.flat()));
    const auto loss = [&](std::int64_t first, DeviceView<const float>, DeviceView<float> logits, float* values) {
      cross_entropy_with_gradient(stream(), logits, ids_there.data + first + 1, values);
    };
    return pass_head(head, {&x, 1}, gradient, losses, loss, done);
  }

  Result<void> distill(MatrixView<const float> taught, MatrixView<const float> x, MatrixView<float> gradient,
                       std::span<double> losses, const Done& done) override {
    SQUEEZE_TRY(read_heads());
    DeviceArray<float> room;
    const auto loss = [&](std::int64_t, DeviceView<const float> states, DeviceView<float> logits, float* values) {
      const auto wanted = room.matrix(stream(), logits.rows, logits.cols);
      passes_.logits(heads_->teacher, states, wanted);
      kl_divergence_with_gradient(stream(), wanted, logits, values);
    };
    const MatrixView<const float> in[] = {x, taught};
    return pass_head(heads_->student, in, gradient, losses, loss, done);
  }

  Result<std::vector<MatrixView<const float>>> backward(MatrixView<const float> x, MatrixView<float> gradient,
                                                        const Done& done) override {
    const Model& model = decoder_.model();
    const auto in_layer = static_cast<std::int64_t>(model.matrices().size()) / model.config().layers;
    const Loaded& loaded = places_[current_];
    gradients_.begin(stream(), std::span(model.matrices()).subspan(loaded.layer * in_layer, in_layer), loaded.there);
    const MatrixView<const float> in[] = {x, gradient};
    SQUEEZE_TRY(pipe_.run(
        stream(), in, gradient, batch_rows_,
        [&](std::int64_t, std::span<const DeviceView<const float>> there, DeviceView<float> out) {
          stream().copy(out.data, there[1].data, out.size() * static_cast<std::int64_t>(sizeof(float)));
          passes_.backward(places_[current_].there, out.rows / length_, there[0], out,
                           [&](std::int64_t index, const DeviceFactor<T>& input, const DeviceFactor<T>& d_output) {
                             gradients_.add(passes_, index, input, d_output);
                           });
        },
        in_samples(done)));
    return gradients_.finish(stream(), x.rows / length_);
  }

 private:
  struct Loaded {
    std::int64_t layer = -1;
    LayerWeights weights = {};
    DeviceLayer<T> there = {};
  };
  struct Heads {
    DeviceHead<T> student, teacher;
  };

  Stream& stream() { return *stream_; }

  DevicePipe::Done in_samples(const Done& done) const {
    return [this, &done](std::int64_t, std::int64_t rows) { return done(rows / length_); };
  }

  // Nothing computes with `place` any more: every pass is over when its call returns.
  void begin_loading(Loaded& place, std::int64_t layer) {
    place.layer = layer;
    loading_ = std::async(std::launch::async, [this, &place, layer, threads = thread_count()] {
      set_thread_count(threads);
      auto read = read_layer(place, layer);
      if (!read.ok()) place.layer = -1;
      return read;
    });
  }
  Result<void> read_layer(Loaded& place, std::int64_t layer) {
    place.weights = {};
    SQUEEZE_ASSIGN(place.weights, options_.layers ? options_.layers(layer) : decoder_.model().layer(layer));
    place.there.read(place.weights, uploader_);
    return uploader_.finish();
  }
  void wait_for_loader() {
    if (loading_.valid()) loading_.wait();
  }

  // Once: who distills does so again and again.
  Result<void> read_heads() {
    assert(options_.teacher != nullptr);
    if (heads_) return {};
    wait_for_loader();  // which uses the uploader
    auto heads = std::make_unique<Heads>();
    SQUEEZE_TRY(heads->student.read(decoder_.model(), decoder_.head(), uploader_));
    SQUEEZE_ASSIGN(const auto head, options_.teacher->head());
    SQUEEZE_TRY(heads->teacher.read(*options_.teacher, *head, uploader_));
    heads_ = std::move(heads);
    return {};
  }

  // Of the last layer's output in[0]. `loss` replaces logits by their gradient and fills in their losses; it is told
  // which row of in[0] the first one is of, and given the rows of in.back() that they stand for.
  template <typename Loss>
  Result<void> pass_head(const DeviceHead<T>& head, std::span<const MatrixView<const float>> in,
                         MatrixView<float> gradient, std::span<double> losses, const Loss& loss, const Done& done) {
    const std::int64_t vocabulary = decoder_.vocabulary();
    const std::int64_t block =
        std::max<std::int64_t>(1, kDeviceLogitBytes / static_cast<std::int64_t>(sizeof(float)) / vocabulary);
    DeviceArray<float> room, losses_there;
    SQUEEZE_ASSIGN(const auto losses_here, PinnedArray<float>::make(gradient.rows));
    return pipe_.run(
        stream(), in, gradient, batch_rows_,
        [&](std::int64_t first, std::span<const DeviceView<const float>> there, DeviceView<float> dx) {
          const auto values = losses_there.vector(stream(), batch_rows_);
          // Nothing is predicted from a sequence's last token: no loss, no gradient.
          stream().fill(values.data, 0, dx.rows * static_cast<std::int64_t>(sizeof(float)));
          stream().fill(dx.data, 0, dx.size() * static_cast<std::int64_t>(sizeof(float)));
          for (std::int64_t begin = 0; begin < dx.rows; begin += length_)
            for (std::int64_t row = begin, last = begin + length_ - 1; row < last; row += block) {
              const std::int64_t count = std::min(block, last - row);
              const auto x = there[0].rows_from(row, count);
              const auto logits = room.matrix(stream(), count, vocabulary);
              passes_.logits(head, x, logits);
              loss(first + row, there.back().rows_from(row, count), logits, values.data + row);
              passes_.logits_backward(head, x, logits, dx.rows_from(row, count));
            }
          stream().download(losses_here.data() + first, DeviceView<const float>{values.data, 1, dx.rows});
        },
        [&](std::int64_t first, std::int64_t count) {
          for (std::int64_t row = first; row < first + count; row += length_)
            losses[row / length_] = std::accumulate(losses_here.data() + row, losses_here.data() + row + length_, 0.0);
          return done(count / length_);
        });
  }

  Decoder decoder_;
  GradientEngineOptions options_;
  std::int64_t length_, batch_rows_;
  std::unique_ptr<Stream> stream_;
  DevicePasses<T> passes_;
  WeightUploader<T> uploader_;
  DevicePipe pipe_;
  DeviceGradients<T> gradients_;
  std::unique_ptr<const Heads> heads_;
  Loaded places_[2];
  int current_ = 0;
  std::future<Result<void>> loading_;
};

}  // namespace

Result<std::unique_ptr<GradientEngine>> make_device_engine(const Model& model, const GradientEngineOptions& options,
                                                           int device, std::int64_t batch_rows) {
  if (options.precision == Precision::kBFloat16)
    return DeviceEngine<BFloat16>::make(model, options, device, batch_rows);
  return DeviceEngine<float>::make(model, options, device, batch_rows);
}

}  // namespace squeeze
