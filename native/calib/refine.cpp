#include "calib/refine.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <cmath>
#include <numbers>
#include <random>

#include "archs/decoder.hpp"
#include "archs/fingerprint.hpp"
#include "calib/activation_store.hpp"
#include "calib/processor_engine.hpp"
#include "calib/refined_codebooks.hpp"
#include "calib/refinement_journal.hpp"

namespace squeeze {

namespace {

// Tokens, in whole samples and at least one: of a step, and held out, which are a fifth of all at most.
constexpr std::int64_t kStepTokens = 2048, kHeldOutTokens = 4096;
constexpr std::int64_t kLeastPerHeldOut = 5;
// Rate of the first step, in distances between entries of a row, as RefinedCodebooks::move has it. It falls to zero
// along half a cosine, and is cut to a third whenever it turns out to be too high for what there is to win.
constexpr double kRate = 0.03;
constexpr double kCut = 1.0 / 3;
constexpr std::int64_t kJudgeEvery = 4;  // steps
constexpr auto kJournalEvery = std::chrono::seconds(5);
constexpr double kBackwardCost = 3;  // of a layer, in forward passes of it

// Samples in the order of training, then those held out. The order is the same for the same number of samples.
struct Samples {
  Matrix<std::int32_t> tokens;
  std::int64_t training = 0;

  std::int64_t held_out() const { return tokens.rows - training; }
};

// Of one step: whole ones, at least one.
std::int64_t samples_of_step(std::int64_t length) { return std::max<std::int64_t>(1, kStepTokens / length); }

Samples split(MatrixView<const std::int32_t> tokens, std::int64_t steps) {
  const std::int64_t most = std::max<std::int64_t>(1, tokens.rows / kLeastPerHeldOut);
  const std::int64_t count = std::clamp<std::int64_t>(kHeldOutTokens / tokens.cols, 1, most);
  std::vector<std::int64_t> order, held_out;
  for (std::int64_t s = 0; s < tokens.rows; ++s)  // evenly from the whole text
    ((s + 1) * count / tokens.rows > s * count / tokens.rows ? held_out : order).push_back(s);
  // Neighbours in a text are alike: a step is to see samples from all over it. (std::shuffle differs by library.)
  std::mt19937 random(1);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
  const auto training =
      std::min(static_cast<std::int64_t>(order.size()), steps * samples_of_step(tokens.cols));  // no step reads others
  order.resize(static_cast<std::size_t>(training));
  order.insert(order.end(), held_out.begin(), held_out.end());
  Samples samples{.tokens = {static_cast<std::int64_t>(order.size()), tokens.cols}, .training = training};
  for (std::int64_t s = 0; s < samples.tokens.rows; ++s)
    std::ranges::copy(tokens.row(order[s]), samples.tokens.view().row(s).begin());
  return samples;
}

class Refiner {
 public:
  Refiner(const Model& checkpoint, const Model& squeezed, Samples samples, const RefinementOptions& options,
          RunContext& context)
      : checkpoint_(checkpoint),
        squeezed_(squeezed),
        samples_(std::move(samples)),
        options_(options),
        context_(context) {}

  Result<Refinement> operator()();

 private:
  struct Rows {
    std::int64_t first, count;  // samples
  };
  // Passes of one sample through one layer, forwards, and tokens that are read.
  struct Work {
    double passes = 0, tokens = 0;
  };

  Result<void> open();
  Result<void> teach();
  Result<LayerWeights> layer(std::int64_t index) const;
  template <typename Slot>
  Result<void> forward(GradientEngine& engine, Rows samples, const Slot& slot, const std::string& detail);
  Result<double> loss_of(Rows samples, MatrixView<const float> x, MatrixView<float> gradient);
  Result<double> held_out_loss();
  Result<void> gather(std::int64_t layer, MatrixView<const float> x, MatrixView<float> gradient);
  Result<void> step(RefinementState& state);
  Result<void> judge(RefinementState& state);
  Result<void> descend(const RefinementJournal& journal, RefinementState& state);
  std::string inputs_text() const;
  Rows batch_of(std::int64_t step) const;
  Work work_of(std::int64_t steps, std::int64_t judged) const;

  std::int64_t layers() const { return squeezed_.config().layers; }
  MatrixView<const std::int32_t> tokens_of(Rows samples) const {
    return samples_.tokens.view().rows_from(samples.first, samples.count);
  }
  template <typename Body>
  void for_each_codebooks(const Body& body) {
    for (std::size_t i = 0; i < codebooks_.size(); ++i)
      if (codebooks_[i]) body(squeezed_.matrices()[i].name, *codebooks_[i]);
  }
  // Reports `passes` more forward passes of one sample through one layer.
  Result<void> advance(double passes, const std::string& detail);

  const Model& checkpoint_;
  const Model& squeezed_;
  const Samples samples_;
  const RefinementOptions& options_;
  RunContext& context_;
  std::vector<std::optional<RefinedCodebooks>> codebooks_;  // of each matrix; none: it has no codebooks
  // The checkpoint's last hidden states; the inputs of all layers, the last output and the gradient of one step; the
  // same of the held-out samples, where one place serves all layers.
  std::optional<ActivationStore> taught_, inputs_, held_out_;
  Work plan_;
  double done_ = 0;                         // passes
  std::unique_ptr<GradientEngine> engine_;  // of the squeezed model; last, as it may be reading layers until it is gone
};

Result<void> Refiner::advance(double passes, const std::string& detail) {
  done_ += passes;
  const double fraction = done_ / plan_.passes;
  context_.report({.fraction = fraction, .work_done = fraction * plan_.tokens, .unit = "tokens", .detail = detail});
  return context_.check_cancelled();
}

// What the first `steps` steps cost, with the samples that they are judged by.
Refiner::Work Refiner::work_of(std::int64_t steps, std::int64_t judged) const {
  double read = static_cast<double>(judged * samples_.held_out()), passes = read;
  for (std::int64_t s = 1; s <= steps; ++s) {
    const auto count = static_cast<double>(batch_of(s).count);
    read += count;
    passes += (1 + kBackwardCost) * count;
  }
  return {.passes = passes * static_cast<double>(layers()), .tokens = read * static_cast<double>(samples_.tokens.cols)};
}

Refiner::Rows Refiner::batch_of(std::int64_t step) const {
  const std::int64_t batches = std::max<std::int64_t>(1, samples_.training / samples_of_step(samples_.tokens.cols));
  const std::int64_t batch = (step - 1) % batches;
  const std::int64_t first = batch * samples_.training / batches;
  return {first, (batch + 1) * samples_.training / batches - first};
}

std::string Refiner::inputs_text() const {
  Fingerprint hash;
  hash.add("refinement 2");
  hash.add(checkpoint_.fingerprint());
  hash.add(squeezed_.fingerprint());
  hash.add(options_.steps);
  hash.add(samples_.tokens.cols);
  hash.add(std::as_bytes(samples_.tokens.view().flat()));
  return hash.hex();
}

Result<void> Refiner::open() {
  const std::int64_t length = samples_.tokens.cols, hidden = squeezed_.config().hidden;
  for (const MatrixSlot& slot : squeezed_.matrices()) {
    SQUEEZE_ASSIGN(const auto linear, squeezed_.linear(slot));
    const auto* lut = dynamic_cast<const LutWeight*>(linear.get());
    codebooks_.push_back(lut ? std::optional<RefinedCodebooks>(*lut) : std::nullopt);
  }
  const std::int64_t limit = options_.memory_limit_bytes > 0 ? options_.memory_limit_bytes : free_memory_bytes() / 2;
  const auto room = [&](std::int64_t slots, std::int64_t samples) {
    return ActivationStore::make(slots, samples * length, hidden, limit / 3, options_.folder);
  };
  std::int64_t most = 0;
  for (std::int64_t s = 1; s <= samples_.training; ++s) most = std::max(most, batch_of(s).count);
  SQUEEZE_ASSIGN(auto taught, room(1, samples_.tokens.rows));
  taught_.emplace(std::move(taught));
  SQUEEZE_ASSIGN(auto inputs, room(layers() + 2, most));
  inputs_.emplace(std::move(inputs));
  SQUEEZE_ASSIGN(auto held_out, room(2, samples_.held_out()));
  held_out_.emplace(std::move(held_out));
  return {};
}

// Slot 0 takes the embedded tokens, slot i + 1 what layer i makes of slot i.
template <typename Slot>
Result<void> Refiner::forward(GradientEngine& engine, Rows samples, const Slot& slot, const std::string& detail) {
  SQUEEZE_TRY(engine.embed(tokens_of(samples), slot(0)));
  for (std::int64_t i = 0; i < layers(); ++i) {
    SQUEEZE_TRY(engine.load(i, i + 1 < layers() ? i + 1 : -1));
    SQUEEZE_TRY(engine.forward(slot(i), slot(i + 1),
                               [&](std::int64_t count) { return advance(static_cast<double>(count), detail); }));
  }
  return {};
}

// The checkpoint's last hidden states, then the engine that learns from them: a device never has to hold both engines.
Result<void> Refiner::teach() {
  const GradientEngineFactory make = options_.engine ? options_.engine : make_processor_engine;
  const std::int64_t length = samples_.tokens.cols;
  {
    SQUEEZE_ASSIGN(const auto teacher, make(checkpoint_, {.length = length}));
    const auto slot = [&](std::int64_t) { return taught_->slot(0); };
    SQUEEZE_TRY(forward(*teacher, {0, samples_.tokens.rows}, slot, "Reading the checkpoint"));
  }
  SQUEEZE_ASSIGN(engine_, make(squeezed_, {.length = length,
                                           .layers = [this](std::int64_t index) { return layer(index); },
                                           .teacher = &checkpoint_}));
  return {};
}

// The layer as it would be read back if the codebooks were stored now.
Result<LayerWeights> Refiner::layer(std::int64_t index) const {
  SQUEEZE_ASSIGN(LayerWeights weights, squeezed_.layer(index));
  for (std::size_t i = 0; i < codebooks_.size(); ++i) {
    const MatrixSlot& slot = squeezed_.matrices()[i];
    if (slot.layer != index || !codebooks_[i]) continue;
    auto& linear = weights.linear(slot.role);
    linear = static_cast<const LutWeight&>(*linear).with_tables(codebooks_[i]->rounded());
  }
  return weights;
}

Result<double> Refiner::loss_of(Rows samples, MatrixView<const float> x, MatrixView<float> gradient) {
  const auto taught = taught_->slot(0).rows_from(samples.first * samples_.tokens.cols, x.rows);
  std::vector<double> losses(static_cast<std::size_t>(samples.count));
  SQUEEZE_TRY(engine_->distill(taught, x, gradient, losses, [&](std::int64_t) { return context_.check_cancelled(); }));
  double total = 0;
  for (const double value : losses) total += value;
  return total / static_cast<double>(samples.count * (samples_.tokens.cols - 1));
}

Result<double> Refiner::held_out_loss() {
  const Rows samples{samples_.training, samples_.held_out()};
  const MatrixView<float> x = held_out_->slot(0);
  const auto slot = [&](std::int64_t) { return x; };
  SQUEEZE_TRY(forward(*engine_, samples, slot, "Held-out samples"));
  return loss_of(samples, x, held_out_->slot(1));
}

// The gradients of the codebooks of one layer, and that of the layer's input. Nothing is read ahead of layer 0:
// codebooks move before they are read again.
Result<void> Refiner::gather(std::int64_t index, MatrixView<const float> x, MatrixView<float> gradient) {
  const auto in_layer = static_cast<std::int64_t>(codebooks_.size()) / layers();
  SQUEEZE_TRY(engine_->load(index, index - 1));
  SQUEEZE_ASSIGN(const auto sums, engine_->backward(x, gradient, [&](std::int64_t count) {
    return advance(kBackwardCost * static_cast<double>(count), "Layer " + std::to_string(index));
  }));
  for (std::int64_t i = 0; i < in_layer; ++i)
    if (auto& codebooks = codebooks_[index * in_layer + i]) codebooks->take(sums[i]);
  return {};
}

Result<void> Refiner::step(RefinementState& state) {
  const std::int64_t number = state.step + 1;
  const Rows samples = batch_of(number);
  const auto slot = [&](std::int64_t i) { return inputs_->slot(i).rows_from(0, samples.count * samples_.tokens.cols); };
  SQUEEZE_TRY(forward(*engine_, samples, slot, "Step " + std::to_string(number)));
  const MatrixView<float> gradient = slot(layers() + 1);
  SQUEEZE_ASSIGN(const double loss, loss_of(samples, slot(layers()), gradient));
  if (!std::isfinite(loss)) return Error{.code = ErrorCode::kValueNotFinite, .message = "Refinement has diverged."};
  for (std::int64_t i = layers() - 1; i >= 0; --i) SQUEEZE_TRY(gather(i, slot(i), gradient));
  const double progress = static_cast<double>(number - 1) / static_cast<double>(options_.steps);
  const double rate = kRate * std::pow(kCut, state.cuts) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
  for (auto& entry : codebooks_)
    if (entry) entry->move(number - state.begun, rate);
  state.step = number;
  return {};
}

// From where the state stands. It is whole after every call of judge() and step(), whatever becomes of them.
Result<void> Refiner::descend(const RefinementJournal& journal, RefinementState& state) {
  auto written = std::chrono::steady_clock::now();
  while (true) {
    const bool last = state.step == options_.steps;
    if (state.judged < state.step && (last || state.step % kJudgeEvery == 0)) SQUEEZE_TRY(judge(state));
    if (last) return {};
    SQUEEZE_TRY(step(state));
    if (const auto now = std::chrono::steady_clock::now(); now - written > kJournalEvery) {
      SQUEEZE_TRY(journal.write(state));
      written = now;
    }
  }
}

Result<void> Refiner::judge(RefinementState& state) {
  SQUEEZE_ASSIGN(const double loss, held_out_loss());
  if (state.judged < 0) {
    if (!std::isfinite(loss))
      return Error{.code = ErrorCode::kValueNotFinite,
                   .message = "The squeezed model diverges on the calibration text, so it cannot be refined.",
                   .hint = "Squeeze it without refinement, or with more bits."};
    state.before = state.best = loss;
  } else if (loss < state.best) {
    state.best = loss;
    state.best_step = state.step;
    for_each_codebooks([&](const std::string& name, RefinedCodebooks& c) { state.best_tables[name] = c.rounded(); });
  } else {
    for_each_codebooks([&](const std::string& name, RefinedCodebooks& c) { c.return_to(state.best_tables.at(name)); });
    ++state.cuts;
    state.begun = state.step;
  }
  state.judged = state.step;
  return {};
}

Result<Refinement> Refiner::operator()() {
  SQUEEZE_TRY(open());
  RefinementState state;
  for_each_codebooks([&](const std::string& name, RefinedCodebooks& c) {
    state.moving[name] = c.state();
    state.best_tables[name] = c.rounded();
  });
  const RefinementJournal journal(options_.folder, inputs_text());
  journal.read(state);
  const auto times_judged = [](std::int64_t step) { return (step + kJudgeEvery - 1) / kJudgeEvery + 1; };
  plan_ = work_of(options_.steps, times_judged(options_.steps));
  plan_.passes += static_cast<double>(samples_.tokens.rows * layers());
  plan_.tokens += static_cast<double>(samples_.tokens.view().size());
  if (state.judged >= 0) done_ = work_of(state.step, times_judged(state.judged)).passes;
  SQUEEZE_TRY(teach());
  if (auto done = descend(journal, state); !done.ok()) {
    if (state.step > 0) SQUEEZE_TRY(journal.write(state));
    return std::move(done).error();
  }
  return Refinement{.steps = options_.steps,
                    .best_step = state.best_step,
                    .samples = samples_.training,
                    .held_out = samples_.held_out(),
                    .before = state.before,
                    .after = state.best,
                    .tables = std::move(state.best_tables)};
}

}  // namespace

Result<void> check_refinement(const Model& checkpoint, MatrixView<const std::int32_t> tokens) {
  SQUEEZE_TRY(check_tokens(checkpoint.config(), tokens));
  if (tokens.rows >= 2) return {};
  return Error{.code = ErrorCode::kTextTooShort,
               .message = "Refinement needs at least two samples: one to learn from, one to be judged by.",
               .hint = "Take a longer text or shorter samples, or do not refine."};
}

Result<Refinement> refine(const Model& checkpoint, const Model& squeezed, MatrixView<const std::int32_t> tokens,
                          const RefinementOptions& options, RunContext& context) {
  assert(options.steps > 0);
  SQUEEZE_TRY(check_refinement(checkpoint, tokens));
  return Refiner(checkpoint, squeezed, split(tokens, options.steps), options, context)();
}

}  // namespace squeeze
