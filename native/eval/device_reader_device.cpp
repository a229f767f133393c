#include <algorithm>
#include <cassert>
#include <optional>

#include "archs/device_decode_step.hpp"
#include "archs/device_prompt_pass.hpp"
#include "eval/device_reader.hpp"
#include "ops/cross_entropy/cross_entropy_cuda.hpp"
#include "ops/sample/sample_cuda.hpp"
#include "ops/scratch.hpp"

namespace squeeze {

namespace {

// Logits of many tokens come to the host in parts of about this.
constexpr std::int64_t kLogitsBytes = std::int64_t{64} << 20;

// A token's step is recorded once and replayed. It ends with the choice of the next token in memory of the device,
// where the next step begins; so while the host still waits to see which one it is, that token's step is under way
// already. One that is then not wanted leaves behind only a position that nobody has read.
class DeviceReader final : public TextReader {
 public:
  DeviceReader(Stream stream, Stream copies, std::unique_ptr<DeviceModel> model)
      : stream_(std::move(stream)),
        copies_(std::move(copies)),
        model_(std::move(model)),
        step_(stream_, *model_),
        pass_(stream_, *model_),
        sampler_(stream_, model_->config().vocabulary, model_->context()) {}

  Result<void> take_memory();

  std::int64_t context() const override { return model_->context(); }
  std::int64_t vocabulary() const override { return model_->config().vocabulary; }
  std::int64_t memory_bytes() const override {
    return model_->size_bytes() + step_.size_bytes() + pass_.size_bytes() + sampler_.size_bytes() +
           logits_rows_.size_bytes();
  }
  void begin(const Sampling& sampling, std::span<const std::int32_t> prompt, std::int64_t most) override;
  Result<void> read(std::span<const std::int32_t> tokens, std::int64_t first, bool wants_next,
                    RunContext& run) override;
  Result<ChosenToken> choose(bool goes_on) override;
  Result<MatrixView<const float>> read_all(std::span<const std::int32_t> tokens, std::int64_t first,
                                           RunContext& run) override;

 private:
  DeviceTextState state() const { return {.position = state_.data(), .tokens = state_.data() + 1}; }
  void set_state(std::span<const std::int32_t> tokens, std::int64_t first);
  void take_next(std::int64_t count);
  void run_one();

  // Step and choice of one token.
  struct OneToken {
    bool has_run = false;
    Graph recorded = {};
  };

  Stream stream_, copies_;
  std::unique_ptr<DeviceModel> model_;
  DeviceDecodeStep step_;
  DevicePromptPass pass_;
  DeviceSampler sampler_;
  bool is_greedy_ = true;
  DeviceArray<std::int32_t> token_;     // the choice, on its way to the state
  DeviceArray<float> logprob_;          // and its log-probability
  DeviceArray<std::int32_t> state_;     // DeviceTextState: the position, then the tokens
  DeviceArray<ChosenOnDevice> chosen_;  // [context]: after the token at each position
  PinnedArray<ChosenOnDevice> told_;
  DeviceArray<float> logits_rows_;
  Scratch all_logits_;

  OneToken greedy_, sampled_;
  std::int64_t last_ = -1;             // position of the last token that was read
  std::optional<std::int32_t> ahead_;  // token at last_ + 1, whose step is under way
};

Result<void> DeviceReader::take_memory() {
  state_.vector(stream_, 1 + kPromptRows);
  chosen_.vector(stream_, model_->context());
  token_.vector(stream_, 1);
  logprob_.vector(stream_, 1);
  SQUEEZE_ASSIGN(told_, PinnedArray<ChosenOnDevice>::make(1));
  return stream_.finish();
}

void DeviceReader::set_state(std::span<const std::int32_t> tokens, std::int64_t first) {
  const auto position = static_cast<std::int32_t>(first);
  stream_.copy(state().position, &position, sizeof position);
  stream_.copy(state().tokens, tokens.data(), static_cast<std::int64_t>(tokens.size_bytes()));
}

void DeviceReader::begin(const Sampling& sampling, std::span<const std::int32_t> prompt, std::int64_t most) {
  stream_.enter();
  stream_.forget_lack_of_memory();
  ahead_.reset();  // a step under way chose as it was said before
  is_greedy_ = takes_likeliest(sampling);
  if (is_greedy_) return;
  // The numbers belong to places of the text, so that no step too many or too few can shift them.
  const auto first = static_cast<std::int64_t>(prompt.size()) - 1;
  std::vector<double> uniforms(static_cast<std::size_t>(std::min(most, context() - first)));
  Random random(sampling.seed);
  for (double& uniform : uniforms) uniform = random.uniform();
  sampler_.begin(stream_, sampling, prompt, first, uniforms);
}

// After `count` tokens: chooses the next one, and makes it what the next step reads.
void DeviceReader::take_next(std::int64_t count) {
  const auto read = static_cast<std::int32_t>(count);
  if (is_greedy_)
    argmax_log_probability(stream_, step_.logits(), token_.data(), logprob_.data());
  else
    sampler_.choose(stream_, step_.logits(), state().position, read - 1, token_.data(), logprob_.data());
  take_chosen(stream_, token_.data(), logprob_.data(), read, vocabulary(), state(), chosen_.data());
}

// The first time as it is, since that may allocate; the second time is recorded.
void DeviceReader::run_one() {
  OneToken& one = is_greedy_ ? greedy_ : sampled_;
  if (one.recorded) return one.recorded.launch(stream_);
  if (one.has_run) stream_.begin_recording();
  step_.run(stream_, state(), 1);
  take_next(1);
  if (one.has_run) {
    one.recorded = stream_.end_recording();
    one.recorded.launch(stream_);
  }
  one.has_run = !stream_.failed();
}

Result<void> DeviceReader::read(std::span<const std::int32_t> tokens, std::int64_t first, bool wants_next,
                                RunContext& run) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  assert(count >= 1 && count <= kPromptRows && first + count <= context());
  SQUEEZE_TRY(run.check_cancelled());
  stream_.enter();
  const bool is_under_way = count == 1 && first == last_ + 1 && ahead_ == tokens[0];
  ahead_.reset();
  if (!is_under_way) {
    set_state(tokens, first);
    if (count == 1) {
      run_one();
    } else if (count <= kDeviceFewVectors) {
      step_.run(stream_, state(), count);
    } else {
      SQUEEZE_ASSIGN(const auto x, pass_.run(stream_, state(), count, first, run));
      if (wants_next) step_.make_logits(stream_, x.rows_from(count - 1, 1));
    }
    if (count > 1 && wants_next) take_next(count);
  }
  last_ = first + count - 1;
  // Waited for, unless it began ahead: so a prompt can be cancelled between its parts, and its time is its own.
  if (!is_under_way || stream_.failed()) return stream_.finish();
  return {};
}

Result<ChosenToken> DeviceReader::choose(bool goes_on) {
  stream_.enter();
  copies_.wait_for(stream_);
  copies_.copy(told_.data(), chosen_.data() + last_, sizeof(ChosenOnDevice));
  const bool runs_ahead = goes_on && last_ + 1 < context();
  if (runs_ahead) run_one();
  SQUEEZE_TRY(copies_.finish());
  if (stream_.failed()) SQUEEZE_TRY(stream_.finish());
  const ChosenOnDevice chosen = told_.data()[0];
  if (runs_ahead) ahead_ = chosen.token;
  return ChosenToken{chosen.token, chosen.logprob};
}

Result<MatrixView<const float>> DeviceReader::read_all(std::span<const std::int32_t> tokens, std::int64_t first,
                                                       RunContext& run) {
  const MatrixView<float> out = all_logits_.matrix(static_cast<std::int64_t>(tokens.size()), vocabulary());
  const std::int64_t most = std::max<std::int64_t>(1, kLogitsBytes / (4 * vocabulary()));
  ahead_.reset();
  stream_.enter();
  stream_.forget_lack_of_memory();
  for (std::int64_t begin = 0; begin < out.rows; begin += kPromptRows) {
    const std::int64_t count = std::min(kPromptRows, out.rows - begin);
    set_state(tokens.subspan(begin, count), first + begin);
    SQUEEZE_ASSIGN(const auto x, pass_.run(stream_, state(), count, first + begin, run));
    for (std::int64_t row = 0; row < count; row += most) {
      const std::int64_t rows = std::min(most, count - row);
      const auto part = logits_rows_.matrix(stream_, rows, vocabulary());
      pass_.logits(stream_, x.rows_from(row, rows), part);
      stream_.download(out.row(begin + row).data(), part);
      SQUEEZE_TRY(stream_.finish());
    }
    last_ = first + begin + count - 1;
  }
  return MatrixView<const float>(out);
}

template <typename Source>
Result<std::unique_ptr<TextReader>> make_reader(const Source& source, std::int64_t context, int device) {
  if (context < 1)
    return Error{.code = ErrorCode::kInvalidRequest, .message = "A cache needs room for at least one token."};
  SQUEEZE_ASSIGN(Stream stream, Stream::make(device));
  SQUEEZE_ASSIGN(Stream copies, Stream::make(device));
  SQUEEZE_ASSIGN(auto model, DeviceModel::upload(stream, source, context));
  auto reader = std::make_unique<DeviceReader>(std::move(stream), std::move(copies), std::move(model));
  SQUEEZE_TRY(reader->take_memory());
  return std::unique_ptr<TextReader>(std::move(reader));
}

}  // namespace

Result<std::unique_ptr<TextReader>> make_device_reader(const std::shared_ptr<const Model>& model, std::int64_t context,
                                                       int device) {
  return make_reader(*model, context, device);
}

Result<std::unique_ptr<TextReader>> make_device_reader(const DeviceModel::Source& source, std::int64_t context,
                                                       int device) {
  return make_reader(source, context, device);
}

}  // namespace squeeze
