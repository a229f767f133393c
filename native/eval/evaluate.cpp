#include "eval/evaluate.hpp"

#include <algorithm>
#include <vector>

#include "archs/decoder.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kChunkBytes = 1 << 30;   // of hidden states held while the layers pass by
constexpr std::int64_t kBatchRows = 1024;       // tokens in one pass of a layer: large products, bounded memory
constexpr std::int64_t kLogitFloats = 1 << 24;  // 64 MB of logits at a time

// A model on its way through a chunk of windows.
struct Runner {
  const Model* model;
  Decoder decoder;
  Matrix<float> states = {};
  DecoderWorkspace space = {};
  Scratch logits = {};

  static Result<Runner> make(const Model& model, std::int64_t length, Precision precision) {
    SQUEEZE_ASSIGN(auto decoder, Decoder::make(model, length, precision));
    return Runner{.model = &model, .decoder = std::move(decoder)};
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

Result<void> run_layers(Runner& runner, MatrixView<const std::int32_t> windows, std::int64_t batch, Reporter& reporter,
                        double layers) {
  const std::int64_t length = windows.cols;
  runner.states = {};  // freed before the next size is taken
  runner.states = Matrix<float>(windows.size(), runner.decoder.hidden());
  runner.decoder.embed(windows.flat(), length, 0, runner.states.view());
  for (std::int64_t layer = 0; layer < runner.model->config().layers; ++layer) {
    SQUEEZE_ASSIGN(const LayerWeights weights, runner.model->layer(layer));
    for (std::int64_t first = 0; first < windows.rows; first += batch) {
      const std::int64_t count = std::min(batch, windows.rows - first);
      runner.decoder.forward(weights, count, runner.states.view().rows_from(first * length, count * length),
                             runner.space);
      SQUEEZE_TRY(reporter.add(count * length, layers));
    }
  }
  return {};
}

std::int64_t first_of_largest(std::span<const float> row) { return std::ranges::max_element(row) - row.begin(); }

struct Sums {
  double nll = 0, against_nll = 0, kl = 0;
  std::int64_t same_top = 0;
};

// Losses of the predicted tokens of one window, a block of rows at a time.
void score(Runner& model, Runner* against, std::int64_t first_row, std::span<const std::int32_t> window, Sums& sums) {
  const std::int64_t predicted = static_cast<std::int64_t>(window.size()) - 1;
  const std::int64_t vocabulary = model.decoder.vocabulary();
  const std::int64_t block = std::max<std::int64_t>(1, kLogitFloats / vocabulary);
  std::vector<double> losses;
  for (std::int64_t first = 0; first < predicted; first += block) {
    const std::int64_t count = std::min(block, predicted - first);
    const auto targets = window.subspan(first + 1, count);
    losses.resize(count);
    const auto logits_of = [&](Runner& runner, double& nll) {
      const MatrixView<float> logits = runner.logits.matrix(count, vocabulary);
      runner.decoder.logits(runner.states.view().rows_from(first_row + first, count), logits, runner.space);
      cross_entropy(logits, targets, losses);
      for (const double loss : losses) nll += loss;
      return logits;
    };
    const MatrixView<float> q = logits_of(model, sums.nll);
    if (against == nullptr) continue;
    const MatrixView<float> p = logits_of(*against, sums.against_nll);
    kl_divergence_rows(p, q, losses);
    for (std::int64_t r = 0; r < count; ++r) {
      sums.kl += losses[r];
      sums.same_top += first_of_largest(p.row(r)) == first_of_largest(q.row(r)) ? 1 : 0;
    }
  }
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
  SQUEEZE_ASSIGN(Runner runner, Runner::make(model, length, precision));
  std::optional<Runner> other;
  if (against != nullptr) {
    SQUEEZE_ASSIGN(other, Runner::make(*against, length, precision));
  }

  context.stage("Evaluating", 1);
  // Each window also passes the head, which is counted as one layer more.
  const double layers = static_cast<double>(model.config().layers + (against ? against->config().layers : 0) + 1);
  Reporter reporter{context, layers * static_cast<double>(tokens.size())};
  const std::int64_t widest = std::max(model.config().hidden, against ? against->config().hidden : 0);
  const std::int64_t window_bytes = length * widest * static_cast<std::int64_t>(sizeof(float)) * (against ? 2 : 1);
  const std::int64_t chunk = std::max<std::int64_t>(1, kChunkBytes / window_bytes);
  const std::int64_t batch = std::max<std::int64_t>(1, kBatchRows / length);

  Sums sums;
  for (std::int64_t first = 0; first < tokens.rows; first += chunk) {
    const auto windows = tokens.rows_from(first, std::min(chunk, tokens.rows - first));
    SQUEEZE_TRY(run_layers(runner, windows, batch, reporter, layers));
    if (other) SQUEEZE_TRY(run_layers(*other, windows, batch, reporter, layers));
    for (std::int64_t w = 0; w < windows.rows; ++w) {
      score(runner, other ? &*other : nullptr, w * length, windows.row(w), sums);
      SQUEEZE_TRY(reporter.add(length, layers));
    }
  }

  Evaluation result{.mean_nll = 0, .tokens = tokens.rows * (length - 1), .windows = tokens.rows, .divergence = {}};
  const double count = static_cast<double>(result.tokens);
  result.mean_nll = sums.nll / count;
  if (other)
    result.divergence = Divergence{.kl_mean = sums.kl / count,
                                   .top1_agreement = static_cast<double>(sums.same_top) / count,
                                   .against_nll = sums.against_nll / count};
  return result;
}

}  // namespace squeeze
