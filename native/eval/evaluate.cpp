#include "eval/evaluate.hpp"

#include <algorithm>
#include <functional>
#include <vector>

#include "archs/decoder.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kChunkBytes = 1 << 30;                    // of hidden states held while the layers pass by
constexpr std::int64_t kCandidateBytes = std::int64_t{4} << 30;  // of hidden states of all candidates together
constexpr std::int64_t kBatchRows = 1024;       // tokens in one pass of a layer: large products, bounded memory
constexpr std::int64_t kLogitFloats = 1 << 24;  // 64 MB of logits at a time

// One set of weights on its way through a chunk of windows.
struct Pass {
  Matrix<float> states = {};
  Scratch logits = {};
  double nll = 0;
  // Of candidates, against the reference.
  double kl = 0;
  std::int64_t same_top = 0;
};

// All passes use one workspace: they go one after the other.
struct Walk {
  const Decoder& decoder;
  DecoderWorkspace& space;
  MatrixView<const std::int32_t> windows;
  std::int64_t batch;  // windows in one pass of a layer

  void embed(Pass& pass) const {
    pass.states = {};  // freed before the next size is taken
    pass.states = Matrix<float>(windows.size(), decoder.hidden());
    decoder.embed(windows.flat(), windows.cols, 0, pass.states.view());
  }

  // Calls `done(tokens)` after each batch.
  Result<void> layer(const LayerWeights& weights, Pass& pass,
                     const std::function<Result<void>(std::int64_t)>& done) const {
    const std::int64_t length = windows.cols;
    for (std::int64_t first = 0; first < windows.rows; first += batch) {
      const std::int64_t count = std::min(batch, windows.rows - first);
      decoder.forward(weights, count, pass.states.view().rows_from(first * length, count * length), space);
      SQUEEZE_TRY(done(count * length));
    }
    return {};
  }
};

// Counts tokens times layers, of both models.
struct Reporter {
  RunContext& context;
  double total;
  double done = 0;

  Result<void> add(std::int64_t tokens, double layers) {
    done += static_cast<double>(tokens);
    context.report({.fraction = std::min(1.0, done / total), .work_done = done / layers, .unit = "tokens"});
    return context.check_cancelled();
  }
};

std::int64_t first_of_largest(std::span<const float> row) { return std::ranges::max_element(row) - row.begin(); }

// A pass with the decoder whose head turns its states into logits.
struct Scored {
  const Decoder& decoder;
  Pass& pass;
};

// Losses of the predicted tokens of one window, a block of rows at a time; the reference's logits serve all candidates.
void score(std::int64_t first_row, std::span<const std::int32_t> window, std::optional<Scored> reference,
           std::span<const Scored> candidates, DecoderWorkspace& space) {
  const std::int64_t predicted = static_cast<std::int64_t>(window.size()) - 1;
  const std::int64_t vocabulary = candidates.front().decoder.vocabulary();
  const std::int64_t block = std::max<std::int64_t>(1, kLogitFloats / vocabulary);
  std::vector<double> losses;
  for (std::int64_t first = 0; first < predicted; first += block) {
    const std::int64_t count = std::min(block, predicted - first);
    const auto targets = window.subspan(first + 1, count);
    losses.resize(count);
    const auto logits_of = [&](const Scored& one, Scratch& room) {
      const MatrixView<float> logits = room.matrix(count, vocabulary);
      one.decoder.logits(one.pass.states.view().rows_from(first_row + first, count), logits, space);
      cross_entropy(logits, targets, losses);
      for (const double loss : losses) one.pass.nll += loss;
      return logits;
    };
    MatrixView<float> p = {};
    if (reference) p = logits_of(*reference, reference->pass.logits);
    for (const Scored& candidate : candidates) {
      const MatrixView<float> q = logits_of(candidate, candidates.front().pass.logits);
      if (!reference) continue;
      kl_divergence_rows(p, q, losses);
      for (std::int64_t r = 0; r < count; ++r) {
        candidate.pass.kl += losses[r];
        candidate.pass.same_top += first_of_largest(p.row(r)) == first_of_largest(q.row(r)) ? 1 : 0;
      }
    }
  }
}

Evaluation evaluation_of(const Pass& pass, MatrixView<const std::int32_t> tokens, const Pass* reference) {
  Evaluation result{.mean_nll = 0, .tokens = tokens.rows * (tokens.cols - 1), .windows = tokens.rows, .divergence = {}};
  const double count = static_cast<double>(result.tokens);
  result.mean_nll = pass.nll / count;
  if (reference)
    result.divergence = Divergence{.kl_mean = pass.kl / count,
                                   .top1_agreement = static_cast<double>(pass.same_top) / count,
                                   .against_nll = reference->nll / count};
  return result;
}

std::int64_t windows_in(std::int64_t bytes, std::int64_t length, std::int64_t width, std::int64_t passes) {
  const std::int64_t window_bytes = length * width * static_cast<std::int64_t>(sizeof(float)) * passes;
  return std::max<std::int64_t>(1, bytes / window_bytes);
}

}  // namespace

Result<Evaluation> evaluate(const Model& model, const Model* against, MatrixView<const std::int32_t> tokens,
                            RunContext& context, Precision precision) {
  SQUEEZE_TRY(check_tokens(model.config(), tokens));
  if (against != nullptr) {
    if (against->config().vocabulary != model.config().vocabulary)
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = "The models cannot be compared: their vocabularies hold " +
                              std::to_string(model.config().vocabulary) + " and " +
                              std::to_string(against->config().vocabulary) + " tokens."};
    SQUEEZE_TRY(check_tokens(against->config(), tokens));
  }
  const std::int64_t length = tokens.cols;
  SQUEEZE_ASSIGN(const Decoder decoder, Decoder::make(model, length, precision));
  std::optional<Decoder> other_decoder;
  if (against != nullptr) {
    SQUEEZE_ASSIGN(other_decoder, Decoder::make(*against, length, precision));
  }

  context.stage("Evaluating", 1);
  // Each window also passes the head, which is counted as one layer more.
  const double layers = static_cast<double>(model.config().layers + (against ? against->config().layers : 0) + 1);
  Reporter reporter{context, layers * static_cast<double>(tokens.size())};
  const std::int64_t widest = std::max(model.config().hidden, against ? against->config().hidden : 0);
  const std::int64_t chunk = windows_in(kChunkBytes, length, widest, against ? 2 : 1);

  Pass pass, other;
  DecoderWorkspace space;
  const auto run = [&](const Decoder& by, Pass& through, MatrixView<const std::int32_t> windows) -> Result<void> {
    const Walk walk{by, space, windows, std::max<std::int64_t>(1, kBatchRows / length)};
    walk.embed(through);
    for (std::int64_t layer = 0; layer < by.model().config().layers; ++layer) {
      SQUEEZE_ASSIGN(const LayerWeights weights, by.model().layer(layer));
      SQUEEZE_TRY(walk.layer(weights, through, [&](std::int64_t done) { return reporter.add(done, layers); }));
    }
    return {};
  };
  const Scored candidate{decoder, pass};
  std::optional<Scored> reference;
  if (other_decoder) reference.emplace(*other_decoder, other);
  for (std::int64_t first = 0; first < tokens.rows; first += chunk) {
    const auto windows = tokens.rows_from(first, std::min(chunk, tokens.rows - first));
    SQUEEZE_TRY(run(decoder, pass, windows));
    if (other_decoder) SQUEEZE_TRY(run(*other_decoder, other, windows));
    for (std::int64_t w = 0; w < windows.rows; ++w) {
      score(w * length, windows.row(w), reference, {&candidate, 1}, space);
      SQUEEZE_TRY(reporter.add(length, layers));
    }
  }
  return evaluation_of(pass, tokens, other_decoder ? &other : nullptr);
}

std::int64_t candidates_at_once(const ModelConfig& config, MatrixView<const std::int32_t> tokens) {
  return std::max<std::int64_t>(1, windows_in(kCandidateBytes, tokens.size(), config.hidden, 1) - 1);
}

Result<CandidateEvaluations> evaluate_candidates(const Model& model, std::int64_t count, const CandidateLayers& layers,
                                                 MatrixView<const std::int32_t> tokens, RunContext& context,
                                                 Precision precision) {
  SQUEEZE_TRY(check_tokens(model.config(), tokens));
  const std::int64_t length = tokens.cols;
  SQUEEZE_ASSIGN(const Decoder decoder, Decoder::make(model, length, precision));
  DecoderWorkspace space;
  const Walk walk{decoder, space, tokens, std::max<std::int64_t>(1, kBatchRows / length)};
  Pass own;
  std::vector<Pass> passes(static_cast<std::size_t>(count));
  walk.embed(own);
  for (Pass& pass : passes) pass.states = own.states;

  const double rounds = static_cast<double>((model.config().layers + 1) * (count + 1));
  Reporter reporter{context, rounds * static_cast<double>(tokens.size())};
  const auto report = [&](std::int64_t done) { return reporter.add(done, rounds); };
  for (std::int64_t index = 0; index < model.config().layers; ++index) {
    SQUEEZE_ASSIGN(const LayerWeights weights, model.layer(index));
    SQUEEZE_ASSIGN(const std::vector<LayerWeights> theirs, layers(index, weights));
    SQUEEZE_TRY(walk.layer(weights, own, report));
    for (std::size_t i = 0; i < passes.size(); ++i) SQUEEZE_TRY(walk.layer(theirs[i], passes[i], report));
  }
  std::vector<Scored> candidates;
  for (Pass& pass : passes) candidates.push_back({decoder, pass});
  for (std::int64_t w = 0; w < tokens.rows; ++w) {
    score(w * length, tokens.row(w), Scored{decoder, own}, candidates, space);
    SQUEEZE_TRY(report(length * (count + 1)));
  }
  CandidateEvaluations out;
  out.own = evaluation_of(own, tokens, nullptr);
  for (const Pass& pass : passes) out.candidates.push_back(evaluation_of(pass, tokens, &own));
  return out;
}

}  // namespace squeeze
