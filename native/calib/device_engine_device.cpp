#include <algorithm>
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

// F of one layer on the device.
template <typename T>
class DeviceSquares {
 public:
  DeviceSquares(Estimator estimator, std::int64_t length) : estimator_(estimator), length_(length) {}

  void begin(Stream& stream, std::span<const MatrixSlot> slots) {
    std::int64_t total = 0;
    for (const MatrixSlot& slot : slots) total += padded(slot);
    const auto all = sums_.vector(stream, total);
    stream.fill(all.data, 0, total * static_cast<std::int64_t>(sizeof(float)));
    views_.clear();
    for (std::int64_t at = 0; const MatrixSlot& slot : slots) {
      views_.push_back({all.data + at, slot.rows, slot.cols});
      at += padded(slot);
    }
  }

  // As SquaredGradients::add, of several samples.
  void add(DevicePasses<T>& passes, std::int64_t index, const DeviceFactor<T>& x, const DeviceFactor<T>& dy) {
    Stream& stream = passes.stream();
    const DeviceView<float> sum = views_[index];
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

  // The means, on the host; they live until the next call.
  Result<std::vector<MatrixView<const float>>> finish(Stream& stream, std::int64_t samples) {
    if (host_.size() < sums_.capacity()) {
      host_ = {};  // freed before the next size is taken
      SQUEEZE_ASSIGN(host_, PinnedArray<float>::make(sums_.capacity()));
    }
    std::vector<MatrixView<const float>> values;
    for (const DeviceView<float>& sum : views_) {
      float* const to = host_.data() + (sum.data - sums_.data());
      scale(stream, sum, 1.0f / static_cast<float>(samples));
      stream.download(to, sum);
      values.push_back({to, sum.rows, sum.cols});
    }
    SQUEEZE_TRY(stream.finish());
    return values;
  }

 private:
  static std::int64_t padded(const MatrixSlot& slot) { return (slot.rows * slot.cols + 63) / 64 * 64; }

  Estimator estimator_;
  std::int64_t length_;
  DeviceArray<float> sums_, product_;
  DeviceArray<T> x_squares_, dy_squares_;
  std::vector<DeviceView<float>> views_;
  PinnedArray<float> host_;
};

template <typename T>
class DeviceEngine final : public GradientEngine {
 public:
  static Result<std::unique_ptr<GradientEngine>> make(const Model& model, std::int64_t length, Estimator estimator,
                                                      int device, std::int64_t batch_rows) {
    SQUEEZE_ASSIGN(auto decoder, Decoder::make(model, length));
    SQUEEZE_ASSIGN(auto stream_made, Stream::make(device));
    auto stream = std::make_unique<Stream>(std::move(stream_made));
    SQUEEZE_ASSIGN(auto passes, DevicePasses<T>::make(decoder, *stream));
    SQUEEZE_ASSIGN(auto uploader, WeightUploader<T>::make(device));
    SQUEEZE_ASSIGN(auto pipe, DevicePipe::make(device));
    auto engine = std::make_unique<DeviceEngine>(std::move(decoder), length, batch_rows, estimator, std::move(stream),
                                                 std::move(passes), std::move(uploader), std::move(pipe));
    for (Loaded& place : engine->places_) place.there.reserve(engine->stream(), model.config());
    SQUEEZE_TRY(engine->stream().finish());
    return std::unique_ptr<GradientEngine>(std::move(engine));
  }

  DeviceEngine(Decoder decoder, std::int64_t length, std::int64_t batch_rows, Estimator estimator,
               std::unique_ptr<Stream> stream, DevicePasses<T> passes, WeightUploader<T> uploader, DevicePipe pipe)
      : decoder_(std::move(decoder)),
        length_(length),
        batch_rows_(std::max<std::int64_t>(1, batch_rows / length) * length),
        stream_(std::move(stream)),
        passes_(std::move(passes)),
        uploader_(std::move(uploader)),
        pipe_(std::move(pipe)),
        squares_(estimator, length) {}
  ~DeviceEngine() override { wait_for_loader(); }

  // By the host: a row a token, and it is the host that keeps them.
  Result<void> embed(MatrixView<const std::int32_t> tokens, MatrixView<float> x) override {
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
    DeviceArray<float> logits, losses_there;
    SQUEEZE_ASSIGN(const auto losses_here, PinnedArray<float>::make(x.rows));
    const auto ids_there = ids.assign(stream(), std::span<const std::int32_t>(tokens.flat()));
    return pipe_.run(
        stream(), {&x, 1}, gradient, batch_rows_,
        [&](std::int64_t first, std::span<const DeviceView<const float>> in, DeviceView<float> out) {
          const auto of_tokens = losses_there.vector(stream(), batch_rows_);
          stream().fill(of_tokens.data, 0, out.rows * static_cast<std::int64_t>(sizeof(float)));
          for (std::int64_t row = 0; row < out.rows; row += length_)
            head_of(head, ids_there.data + first + row, in[0].rows_from(row, length_), out.rows_from(row, length_),
                    of_tokens.data + row, logits);
          stream().download(losses_here.data() + first, DeviceView<const float>{of_tokens.data, 1, out.rows});
        },
        [&](std::int64_t first, std::int64_t count) {
          for (std::int64_t row = first; row < first + count; row += length_)
            losses[row / length_] = std::accumulate(losses_here.data() + row, losses_here.data() + row + length_, 0.0);
          return done(count / length_);
        });
  }

  Result<std::vector<MatrixView<const float>>> backward(MatrixView<const float> x, MatrixView<float> gradient,
                                                        const Done& done) override {
    const Model& model = decoder_.model();
    const auto in_layer = static_cast<std::int64_t>(model.matrices().size()) / model.config().layers;
    squares_.begin(stream(), std::span(model.matrices()).subspan(places_[current_].layer * in_layer, in_layer));
    const MatrixView<const float> in[] = {x, gradient};
    SQUEEZE_TRY(pipe_.run(
        stream(), in, gradient, batch_rows_,
        [&](std::int64_t, std::span<const DeviceView<const float>> there, DeviceView<float> out) {
          stream().copy(out.data, there[1].data, out.size() * static_cast<std::int64_t>(sizeof(float)));
          passes_.backward(places_[current_].there, out.rows / length_, there[0], out,
                           [&](std::int64_t index, const DeviceFactor<T>& input, const DeviceFactor<T>& d_output) {
                             squares_.add(passes_, index, input, d_output);
                           });
        },
        in_samples(done)));
    return squares_.finish(stream(), x.rows / length_);
  }

 private:
  struct Loaded {
    std::int64_t layer = -1;
    LayerWeights weights = {};
    DeviceLayer<T> there = {};
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
    SQUEEZE_ASSIGN(place.weights, decoder_.model().layer(layer));
    place.there.read(place.weights, uploader_);
    return uploader_.finish();
  }
  void wait_for_loader() {
    if (loading_.valid()) loading_.wait();
  }

  // The gradient and the losses of one sequence; its last token, from which nothing is predicted, keeps a loss of 0.
  void head_of(const DeviceHead<T>& head, const std::int32_t* tokens, DeviceView<const float> x, DeviceView<float> dx,
               float* losses, DeviceArray<float>& room) {
    const std::int64_t predicted = length_ - 1, vocabulary = decoder_.vocabulary();
    const std::int64_t block =
        std::max<std::int64_t>(1, kDeviceLogitBytes / static_cast<std::int64_t>(sizeof(float)) / vocabulary);
    for (std::int64_t first = 0; first < predicted; first += block) {
      const std::int64_t count = std::min(block, predicted - first);
      const auto logits = room.matrix(stream(), count, vocabulary);
      passes_.logits(head, x.rows_from(first, count), logits);
      cross_entropy_with_gradient(stream(), logits, tokens + first + 1, losses + first);
      passes_.logits_backward(head, x.rows_from(first, count), logits, dx.rows_from(first, count));
    }
    stream().fill(dx.rows_from(predicted, 1).data, 0, dx.cols * static_cast<std::int64_t>(sizeof(float)));
  }

  Decoder decoder_;
  std::int64_t length_, batch_rows_;
  std::unique_ptr<Stream> stream_;
  DevicePasses<T> passes_;
  WeightUploader<T> uploader_;
  DevicePipe pipe_;
  DeviceSquares<T> squares_;
  Loaded places_[2];
  int current_ = 0;
  std::future<Result<void>> loading_;
};

}  // namespace

Result<std::unique_ptr<GradientEngine>> make_device_engine(const Model& model, std::int64_t length, Precision precision,
                                                           Estimator estimator, int device, std::int64_t batch_rows) {
  if (precision == Precision::kBFloat16)
    return DeviceEngine<BFloat16>::make(model, length, estimator, device, batch_rows);
  return DeviceEngine<float>::make(model, length, estimator, device, batch_rows);
}

}  // namespace squeeze
