#include "eval/token_divergence.hpp"

#include <algorithm>
#include <cmath>

#include "ops/cross_entropy/cross_entropy.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kLogitFloats = 1 << 24;  // 64 MB of logits of each model at a time
constexpr std::int64_t kMostRows = 128;         // so that it can be cancelled, and says how far it is

std::int64_t first_of_largest(std::span<const float> row) { return std::ranges::max_element(row) - row.begin(); }

void append_logprobs(MatrixView<const float> logits, std::span<const std::int32_t> targets, std::vector<double>& out) {
  std::vector<double> losses(targets.size());
  cross_entropy(logits, targets, losses);
  std::ranges::transform(losses, std::back_inserter(out), std::negate{});
}

}  // namespace

Result<TokenDivergence> token_divergence(Generator& model, Generator& reference, std::span<const std::int32_t> prompt,
                                         std::span<const std::int32_t> answer, RunContext& run) {
  const std::int64_t vocabulary = model.vocabulary();
  if (reference.vocabulary() != vocabulary)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "The models cannot be compared: their vocabularies hold " + std::to_string(vocabulary) +
                            " and " + std::to_string(reference.vocabulary()) + " tokens."};
  run.stage("Comparing", 1);
  std::vector<std::int32_t> text(prompt.begin(), prompt.end());
  text.insert(text.end(), answer.begin(), answer.end());
  const auto begin = static_cast<std::int64_t>(prompt.size()), size = static_cast<std::int64_t>(text.size());
  const std::int64_t block = std::clamp<std::int64_t>(kLogitFloats / vocabulary, 1, kMostRows);

  TokenDivergence out;
  std::vector<float> held;  // the reference's logits, where both models are one and the next call overwrites them
  for (std::int64_t first = begin; first < size; first += block) {
    const std::int64_t count = std::min(block, size - first);
    const auto targets = std::span(text).subspan(first, count);
    SQUEEZE_ASSIGN(MatrixView<const float> p, reference.predict(text, first, count, run));
    if (&model == &reference) {
      held.assign(p.data, p.data + p.size());
      p = {held.data(), p.rows, p.cols};
    }
    SQUEEZE_ASSIGN(const MatrixView<const float> q, model.predict(text, first, count, run));
    append_logprobs(q, targets, out.logprob);
    append_logprobs(p, targets, out.reference_logprob);
    out.kl.resize(out.logprob.size());
    kl_divergence_rows(p, q, std::span(out.kl).last(count));
    for (std::int64_t r = 0; r < count; ++r)
      out.same_top.push_back(first_of_largest(p.row(r)) == first_of_largest(q.row(r)));
    if (!std::ranges::all_of(std::span(out.kl).last(count), [](double kl) { return std::isfinite(kl); }))
      return Error{.code = ErrorCode::kValueNotFinite,
                   .message = "The divergence is not finite: one of the models has diverged."};
    const auto done = static_cast<double>(out.kl.size());
    run.report({.fraction = done / static_cast<double>(answer.size()), .work_done = done, .unit = "tokens"});
  }
  return out;
}

}  // namespace squeeze
