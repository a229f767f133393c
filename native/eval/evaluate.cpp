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

Result<void> embed(EvaluationEngine& engine, const Model& model, MatrixView<const std::int32_t> windows,
                   EvaluationPass& pass) {
  pass.states = {};  // freed before the next size is taken
  pass.states = Matrix<float>(windows.size(), model.config().hidden);
  return engine.embed(pass.model, windows, pass.states.view());
}

Evaluation evaluation_of(const EvaluationPass& pass, MatrixView<const std::int32_t> tokens,
                         const EvaluationPass* reference) {
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

Result<std::unique_ptr<EvaluationEngine>> make_engine(const EvaluationEngineFactory& factory,
                                                      std::span<const Model* const> models, std::int64_t length,
                                                      Precision precision) {
  return factory ? factory(models, length, precision) : make_processor_evaluation(models, length, precision);
}

}  // namespace

Result<Evaluation> evaluate(const Model& model, const Model* against, MatrixView<const std::int32_t> tokens,
                            RunContext& context, Precision precision, const EvaluationEngineFactory& factory) {
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
  const Model* const models[] = {&model, against};
  SQUEEZE_ASSIGN(const auto engine,
                 make_engine(factory, std::span(models).first(against != nullptr ? 2 : 1), length, precision));

  context.stage("Evaluating", 1);
  // Each window also passes the head, which is counted as one layer more.
  const double layers = static_cast<double>(model.config().layers + (against ? against->config().layers : 0) + 1);
  Reporter reporter{context, layers * static_cast<double>(tokens.size())};
  const auto report = [&](std::int64_t done) { return reporter.add(done, layers); };
  const std::int64_t widest = std::max(model.config().hidden, against ? against->config().hidden : 0);
  const std::int64_t chunk = windows_in(engine->chunk_bytes(), length, widest, against ? 2 : 1);

  EvaluationPass pass{.model = 0}, other{.model = 1};
  const auto run = [&](const Model& of, EvaluationPass& through,
                       MatrixView<const std::int32_t> windows) -> Result<void> {
    SQUEEZE_TRY(embed(*engine, of, windows, through));
    for (std::int64_t layer = 0; layer < of.config().layers; ++layer) {
      SQUEEZE_ASSIGN(const LayerWeights weights, of.layer(layer));
      SQUEEZE_TRY(engine->forward(through.model, weights, through.states.view(), report));
    }
    return {};
  };
  for (std::int64_t first = 0; first < tokens.rows; first += chunk) {
    const auto windows = tokens.rows_from(first, std::min(chunk, tokens.rows - first));
    SQUEEZE_TRY(run(model, pass, windows));
    if (against != nullptr) SQUEEZE_TRY(run(*against, other, windows));
    SQUEEZE_TRY(engine->score(windows, against != nullptr ? &other : nullptr, {&pass, 1}, report));
  }
  return evaluation_of(pass, tokens, against != nullptr ? &other : nullptr);
}

std::int64_t candidates_at_once(const ModelConfig& config, MatrixView<const std::int32_t> tokens) {
  return std::max<std::int64_t>(1, windows_in(kCandidateBytes, tokens.size(), config.hidden, 1) - 1);
}

Result<CandidateEvaluations> evaluate_candidates(const Model& model, std::int64_t count, const CandidateLayers& layers,
                                                 MatrixView<const std::int32_t> tokens, RunContext& context,
                                                 Precision precision, const EvaluationEngineFactory& factory) {
  SQUEEZE_TRY(check_tokens(model.config(), tokens));
  const Model* const models[] = {&model};
  SQUEEZE_ASSIGN(const auto engine, make_engine(factory, models, tokens.cols, precision));
  EvaluationPass own;
  std::vector<EvaluationPass> passes(static_cast<std::size_t>(count));
  SQUEEZE_TRY(embed(*engine, model, tokens, own));
  for (EvaluationPass& pass : passes) pass.states = own.states;

  const double rounds = static_cast<double>((model.config().layers + 1) * (count + 1));
  Reporter reporter{context, rounds * static_cast<double>(tokens.size())};
  const auto report = [&](std::int64_t done) { return reporter.add(done, rounds); };
  for (std::int64_t index = 0; index < model.config().layers; ++index) {
    SQUEEZE_ASSIGN(const LayerWeights weights, model.layer(index));
    SQUEEZE_ASSIGN(const std::vector<LayerWeights> theirs, layers(index, weights));
    SQUEEZE_TRY(engine->forward(0, weights, own.states.view(), report));
    for (std::size_t i = 0; i < passes.size(); ++i)
      SQUEEZE_TRY(engine->forward(0, theirs[i], passes[i].states.view(), report));
  }
  SQUEEZE_TRY(engine->score(tokens, &own, passes, [&](std::int64_t done) { return report(done * (count + 1)); }));
  CandidateEvaluations out;
  out.own = evaluation_of(own, tokens, nullptr);
  for (const EvaluationPass& pass : passes) out.candidates.push_back(evaluation_of(pass, tokens, &own));
  return out;
}

}  // namespace squeeze
