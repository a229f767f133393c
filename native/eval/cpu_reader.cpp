#include "eval/cpu_reader.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "archs/decode_step.hpp"
#include "base/page_buffer.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"

namespace squeeze {

namespace {

class CpuReader final : public TextReader {
 public:
  CpuReader(std::shared_ptr<const Model> model, Decoder decoder, std::int64_t context)
      : model_(std::move(model)), decoder_(std::move(decoder)), context_(context) {
    logits_.resize(static_cast<std::size_t>(decoder_.vocabulary()));
    seen_.resize(logits_.size());
  }

  Result<void> take_weights(DecodePath path);

  std::int64_t context() const override { return context_; }
  std::int64_t vocabulary() const override { return decoder_.vocabulary(); }
  std::int64_t memory_bytes() const override;
  void begin(const Sampling& sampling, std::span<const std::int32_t> prompt, std::int64_t most) override;
  Result<void> read(std::span<const std::int32_t> tokens, std::int64_t first, bool wants_next,
                    RunContext& run) override;
  Result<ChosenToken> choose(bool goes_on) override;
  Result<MatrixView<const float>> read_all(std::span<const std::int32_t> tokens, std::int64_t first,
                                           RunContext& run) override;

 private:
  Result<MatrixView<float>> pass(std::span<const std::int32_t> tokens, std::int64_t first, RunContext& run);

  std::shared_ptr<const Model> model_;
  Decoder decoder_;
  std::int64_t context_;
  std::vector<LayerWeights> layers_;
  std::vector<LayerCache> caches_;
  std::optional<DecodeStep> step_;                 // made once layers and caches stand
  std::vector<float> logits_;                      // after the last token that was read
  std::int64_t direct_tokens_ = kMaxDecodeTokens;  // up to so many go through the decode step
  Sampling sampling_;
  Random random_{0};
  std::vector<bool> seen_;  // of each token of the vocabulary, whether it is in the text
  DecoderWorkspace space_;
  Scratch states_, predicted_;
};

Result<void> CpuReader::take_weights(DecodePath path) {
  const ModelConfig& c = model_->config();
  path.copy_dense = model_->store().size_bytes() <= physical_memory_bytes() / 3;
  if (decoder_.pack_head(path)) model_->store().let_go();
  for (std::int64_t i = 0; i < c.layers; ++i) {
    SQUEEZE_ASSIGN(auto weights, model_->layer(i));
    // Layer by layer, so that the stored weights and their copies never all stand in memory.
    if (weights.pack(path)) model_->store().let_go();
    for (const LinearWeight* linear : weights.linears())
      direct_tokens_ = std::min(direct_tokens_, linear->few_vectors());
    layers_.push_back(std::move(weights));
    caches_.emplace_back(c.kv_heads, context_, c.head_dim);
  }
  step_.emplace(decoder_, layers_, caches_);
  return {};
}

std::int64_t CpuReader::memory_bytes() const {
  std::int64_t bytes = decoder_.size_bytes();
  for (const LayerWeights& w : layers_)
    for (const LinearWeight* linear : w.linears()) bytes += linear->size_bytes();
  for (const LayerCache& cache : caches_) bytes += cache.size_bytes();
  return bytes;
}

// Many tokens by matrix products. Gives the last layer's output, [tokens, hidden].
Result<MatrixView<float>> CpuReader::pass(std::span<const std::int32_t> tokens, std::int64_t first, RunContext& run) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  const MatrixView<float> x = states_.matrix(count, decoder_.hidden());
  decoder_.embed(tokens, count, first, x);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    SQUEEZE_TRY(run.check_cancelled());  // one layer of a large model takes a good part of a second
    decoder_.forward_cached(layers_[i], first, x, caches_[i], space_);
  }
  return x;
}

Result<void> CpuReader::read(std::span<const std::int32_t> tokens, std::int64_t first, bool wants_next,
                             RunContext& run) {
  SQUEEZE_TRY(run.check_cancelled());
  if (static_cast<std::int64_t>(tokens.size()) <= direct_tokens_) {
    step_->run(tokens, first, logits_);
    return {};
  }
  SQUEEZE_ASSIGN(const MatrixView<float> x, pass(tokens, first, run));
  if (wants_next) step_->logits(x.rows_from(x.rows - 1, 1), logits_);
  return {};
}

void CpuReader::begin(const Sampling& sampling, std::span<const std::int32_t> prompt, std::int64_t) {
  sampling_ = sampling;
  random_ = Random(sampling.seed);
  seen_.assign(logits_.size(), false);
  for (const std::int32_t id : prompt) seen_[id] = true;
}

Result<ChosenToken> CpuReader::choose(bool) {
  const double total = log_sum_exp(logits_);
  if (!std::isfinite(total)) return ChosenToken{.token = 0, .logprob = NAN};
  const std::int32_t token = sample_token(logits_, sampling_, seen_, random_);
  seen_[token] = true;
  return ChosenToken{.token = token, .logprob = logits_[token] - total};
}

Result<MatrixView<const float>> CpuReader::read_all(std::span<const std::int32_t> tokens, std::int64_t first,
                                                    RunContext& run) {
  SQUEEZE_ASSIGN(const MatrixView<float> x, pass(tokens, first, run));
  const MatrixView<float> out = predicted_.matrix(x.rows, decoder_.vocabulary());
  decoder_.logits(x, out, space_);
  return MatrixView<const float>(out);
}

}  // namespace

Result<std::unique_ptr<TextReader>> make_cpu_reader(std::shared_ptr<const Model> model,
                                                    const CpuReaderOptions& options) {
  SQUEEZE_ASSIGN(auto decoder, Decoder::make(*model, options.context, options.prompt));
  auto reader = std::make_unique<CpuReader>(std::move(model), std::move(decoder), options.context);
  SQUEEZE_TRY(reader->take_weights(options.path));
  return std::unique_ptr<TextReader>(std::move(reader));
}

}  // namespace squeeze
