#include "eval/evaluate.hpp"

#include <algorithm>
#include <vector>

#include "archs/decoder.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kCandidateBytes = std::int64_t{4} << 30;  // of hidden states of all candidates together

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

Evaluation evaluation_of(const EvaluationSums& sums, MatrixView<const std::int32_t> tokens,
                         const EvaluationSums* reference) {
  Evaluation result{.mean_nll = 0, .tokens = tokens.rows * (tokens.cols - 1), .windows = tokens.rows, .divergence = {}};
  const double count = static_cast<double>(result.tokens);
  result.mean_nll = sums.nll / count;
  if (reference)
    result.divergence = Divergence{.kl_mean = sums.kl / count,
                                   .top1_agreement = static_cast<double>(sums.same_top) / count,
                                   .against_nll = reference->nll / count};
  return result;
}

std::int64_t windows_in(std::int64_t bytes, std::int64_t length, std::int64_t width, std::int64_t passes) {
  const std::int64_t window_bytes = length * width * static_cast<std::int64_t>(sizeof(float)) * passes;
  return std::max<std::int64_t>(1, bytes / window_bytes);
}

Result<std::unique_ptr<EvaluationEngine>> make_engine(const EvaluationEngineFactory& factory,
                                                      std::span<const Model* const> models, std::int64_t length,
                                                      Precision precision) {
  return factory ? factory(models, length, precision) : make_processor_evaluation(models, length, precision);
}

}  // namespace

Result<Evaluation> evaluate(const Model& model, const Model* against, MatrixView<const std::int32_t> tokens,
                            RunContext& context, Precision precision, const EvaluationEngineFactory& factory,
                            std::int64_t state_bytes) {
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
  // The reference comes first.
  std::vector<const Model*> models{&model};
  if (against != nullptr) models.insert(models.begin(), against);
  SQUEEZE_ASSIGN(const auto engine, make_engine(factory, models, length, precision));

  context.stage("Evaluating", 1);
  // Each window also passes the head, which is counted as one layer more.
  const double layers = static_cast<double>(model.config().layers + (against ? against->config().layers : 0) + 1);
  Reporter reporter{context, layers * static_cast<double>(tokens.size())};
  const auto report = [&](std::int64_t done) { return reporter.add(done, layers); };
  const std::int64_t widest = std::max(model.config().hidden, against ? against->config().hidden : 0);
  const std::int64_t bytes = state_bytes > 0 ? std::min(state_bytes, engine->chunk_bytes()) : engine->chunk_bytes();
  const std::int64_t chunk = windows_in(bytes, length, widest, against ? 2 : 1);

  constexpr std::size_t kPlaces[] = {0, 1};
  std::vector<EvaluationSums> sums(models.size());
  for (std::int64_t first = 0; first < tokens.rows; first += chunk) {
    const auto windows = tokens.rows_from(first, std::min(chunk, tokens.rows - first));
    SQUEEZE_TRY(engine->begin(windows, std::span(kPlaces).first(models.size())));
    for (std::size_t i = 0; i < models.size(); ++i)
      for (std::int64_t layer = 0; layer < models[i]->config().layers; ++layer) {
        SQUEEZE_ASSIGN(const LayerWeights weights, models[i]->layer(layer));
        SQUEEZE_TRY(engine->forward(i, weights, report));
      }
    SQUEEZE_TRY(engine->score(sums, against != nullptr, report));
  }
  return evaluation_of(sums.back(), tokens, against != nullptr ? &sums.front() : nullptr);
}

std::int64_t candidates_at_once(const ModelConfig& config, MatrixView<const std::int32_t> tokens,
                                std::int64_t state_bytes) {
  const std::int64_t bytes = state_bytes > 0 ? state_bytes : kCandidateBytes;
  return std::max<std::int64_t>(1, windows_in(bytes, tokens.size(), config.hidden, 1) - 1);
}

Result<CandidateEvaluator> CandidateEvaluator::make(const Model& model, MatrixView<const std::int32_t> tokens,
                                                    Precision precision, const EvaluationEngineFactory& factory) {
  SQUEEZE_TRY(check_tokens(model.config(), tokens));
  const Model* const models[] = {&model};
  SQUEEZE_ASSIGN(auto engine, make_engine(factory, models, tokens.cols, precision));
  return CandidateEvaluator(model, tokens, std::move(engine));
}

Result<std::vector<Evaluation>> CandidateEvaluator::evaluate(std::int64_t count, const CandidateLayers& layers,
                                                             RunContext& context) {
  // The model itself comes first.
  const bool first = !begun_;
  const std::vector<std::size_t> places(static_cast<std::size_t>(count) + 1, 0);
  if (first)
    SQUEEZE_TRY(engine_->begin(tokens_, places));
  else
    SQUEEZE_TRY(engine_->begin_others(std::span(places).first(static_cast<std::size_t>(count))));

  const double passes = static_cast<double>(count + (first ? 1 : 0));
  const double rounds = static_cast<double>(model_->config().layers) * passes + static_cast<double>(count + 1);
  Reporter reporter{context, rounds * static_cast<double>(tokens_.size())};
  const auto report = [&](std::int64_t done) { return reporter.add(done, rounds); };
  for (std::int64_t index = 0; index < model_->config().layers; ++index) {
    SQUEEZE_ASSIGN(const LayerWeights weights, model_->layer(index));
    SQUEEZE_ASSIGN(const std::vector<LayerWeights> theirs, layers(index, weights));
    if (first) SQUEEZE_TRY(engine_->forward(0, weights, report));
    for (std::size_t i = 0; i < theirs.size(); ++i) SQUEEZE_TRY(engine_->forward(i + 1, theirs[i], report));
  }
  begun_ = true;
  std::vector<EvaluationSums> sums(places.size());
  SQUEEZE_TRY(engine_->score(sums, /*compared=*/true, [&](std::int64_t done) { return report(done * (count + 1)); }));
  own_ = evaluation_of(sums.front(), tokens_, nullptr);
  std::vector<Evaluation> out;
  for (std::size_t i = 1; i < sums.size(); ++i) out.push_back(evaluation_of(sums[i], tokens_, &sums.front()));
  return out;
}

}  // namespace squeeze
