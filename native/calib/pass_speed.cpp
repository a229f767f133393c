#include "calib/pass_speed.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>

#include "base/threads.hpp"
#include "calib/gathered_gradients.hpp"
#include "calib/processor_engine.hpp"
#include "formats/multiply.hpp"
#include "formats/synthetic.hpp"
#include "ops/add/add.hpp"
#include "ops/attention/attention.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"
#include "ops/gated_mlp/gated_mlp.hpp"
#include "ops/rms_norm/rms_norm.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kMostTokens = 512;      // of longer sequences, a part is timed
constexpr double kMostProducts = 1e8;          // of one product that is timed
constexpr std::int64_t kMostRandom = 1 << 16;  // values that repeat
constexpr std::int64_t kBetweenRows = 128, kLossRows = 16;
constexpr int kRuns = 5;  // of one kind of work, after one that makes what is made once
constexpr double kLeastSeconds = 3e-3;

// Of the calling thread, which takes part in all parallel work: what it takes itself is what the work takes where no
// other program wants the processor, and other programs hardly change it.
double thread_seconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// The fastest of some short runs: what took longer was disturbed.
template <typename Body>
double seconds_of(const Body& body) {
  body();
  double best = 0, spent = 0;
  for (int run = 0; run < kRuns || spent < kLeastSeconds; ++run) {
    const double begun = thread_seconds();
    body();
    const double seconds = thread_seconds() - begun;
    best = run == 0 ? seconds : std::min(best, seconds);
    spent += seconds;
  }
  return best;
}

// Ordinary values, neither zero nor so small that the processor slows down.
Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols) {
  Matrix<float> m(rows, cols);
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(0.5f, 1.5f);
  const std::int64_t fresh = std::min(m.view().size(), kMostRandom);
  for (std::int64_t i = 0; i < fresh; ++i) m.values[i] = (i % 2 == 0 ? 1 : -1) * uniform(random);
  for (std::int64_t i = fresh; i < m.view().size(); ++i) m.values[i] = m.values[i - fresh];
  return m;
}

// Products with a piece of the largest matrix of a layer: whole rows of it.
Result<void> time_products(const Model& model, std::int64_t length, Precision precision, Estimator estimator,
                           PassSpeed& speed) {
  const auto in_layer = model.matrices().size() / static_cast<std::size_t>(model.config().layers);
  const auto layer = std::span(model.matrices()).first(in_layer);
  const MatrixSlot& largest = *std::ranges::max_element(layer, {}, [](const MatrixSlot& s) { return s.rows * s.cols; });
  const std::int64_t tokens = std::min(length, kMostTokens);
  const std::int64_t batch = std::max(tokens, std::min(kForwardRows / length * length, kMostTokens));
  const auto fitting = static_cast<std::int64_t>(kMostProducts / static_cast<double>(batch * largest.cols));
  MatrixSlot piece = largest;
  piece.rows = std::min(largest.rows, std::max<std::int64_t>(256, fitting / 64 * 64));
  const bool rounded = model.store().find(largest.name + ".weight")->dtype == DType::kBF16;
  SQUEEZE_ASSIGN(const auto w,
                 synthetic_weight(piece.rows, piece.cols,
                                  {.type = rounded ? SyntheticType::kBF16 : SyntheticType::kF16}, /*seed=*/1));

  Matrix<float> x = random_matrix(batch, piece.cols), y = random_matrix(batch, piece.rows);
  const auto one_x = x.view().rows_from(0, tokens);
  const auto one_y = y.view().rows_from(0, tokens);
  const double weights = static_cast<double>(piece.rows * piece.cols);
  const double of_one = 1 / (weights * static_cast<double>(tokens));
  // Before the products, which replace what they are given.
  GatheredGradients squares(estimator, precision, {&piece, 1});
  speed.squares = of_one * seconds_of([&] { squares.add(0, one_x, one_y); });
  speed.forward =
      seconds_of([&] { multiply(*w, x.view(), y.view(), precision); }) / (weights * static_cast<double>(batch));
  speed.again = batch == tokens ? speed.forward : of_one * seconds_of([&] { multiply(*w, one_x, one_y, precision); });
  speed.backward = of_one * seconds_of([&] { multiply_transposed(*w, one_y, one_x, precision); });
  return {};
}

void time_between(const ModelConfig& c, PassSpeed& speed) {
  const std::vector<float> weight(static_cast<std::size_t>(c.hidden), 1.0f);
  Matrix<float> x = random_matrix(kBetweenRows, c.hidden), y = x, gate = random_matrix(kBetweenRows, c.intermediate);
  Matrix<float> up = gate, dy = gate, d_gate = gate, d_up = gate;
  const float eps = static_cast<float>(c.norm_eps);
  speed.between = seconds_of([&] {
                    for (int i = 0; i < 2; ++i) {
                      rms_norm(x.view(), weight, eps, y.view());
                      add(y.view(), x.view());
                    }
                    gated_silu(gate.view(), up.view(), d_up.view());
                  }) /
                  kBetweenRows;
  speed.between_backward = seconds_of([&] {
                             for (int i = 0; i < 2; ++i) {
                               rms_norm_backward(x.view(), weight, eps, x.view(), y.view());
                               add(y.view(), x.view());
                               add(y.view(), x.view());
                             }
                             gated_silu_backward(gate.view(), up.view(), dy.view(), d_gate.view(), d_up.view());
                           }) /
                           kBetweenRows;
}

// Of as many key/value heads as there are threads; the time grows with the heads, and beyond kMostTokens with the
// square of the length, or with the window.
void time_attention(const ModelConfig& c, std::int64_t length, PassSpeed& speed) {
  const std::int64_t kv_heads = std::min<std::int64_t>(c.kv_heads, thread_count());
  const std::int64_t heads = kv_heads * (c.heads / c.kv_heads), tokens = std::min(length, kMostTokens);
  const AttentionShape shape{
      .heads = heads, .kv_heads = kv_heads, .head_dim = c.head_dim, .window = c.sliding_window.value_or(0)};
  const Matrix<float> q = random_matrix(tokens, heads * c.head_dim), kv = random_matrix(tokens, kv_heads * c.head_dim);
  Matrix<float> out = q, dq = q, dk = kv, dv = kv;
  // Pairs of a query and a key that it sees.
  const auto pairs = [&](std::int64_t count) {
    const auto seen = static_cast<double>(std::min(count, c.sliding_window.value_or(count)));
    return seen * (static_cast<double>(count) - seen / 2);
  };
  const double shares = std::ceil(static_cast<double>(c.kv_heads) / static_cast<double>(kv_heads));
  const double times = shares * pairs(length) / pairs(tokens);
  speed.attention = times * seconds_of([&] { attention(shape, 1, q.view(), kv.view(), kv.view(), out.view()); });
  speed.attention_backward =
      times * seconds_of([&] {
        attention_backward(shape, 1, q.view(), kv.view(), kv.view(), out.view(), dq.view(), dk.view(), dv.view());
      });
}

void time_loss(const ModelConfig& c, PassSpeed& speed) {
  Matrix<float> logits = random_matrix(kLossRows, c.vocabulary);
  const std::vector<std::int32_t> targets(kLossRows, 0);
  std::vector<double> losses(kLossRows);
  speed.loss = seconds_of([&] { cross_entropy_with_gradient(logits.view(), targets, losses); }) / kLossRows;
}

}  // namespace

Result<PassSpeed> measure_pass_speed(const Model& model, std::int64_t length, Precision precision,
                                     Estimator estimator) {
  SQUEEZE_TRY(check_supported(precision));
  PassSpeed speed;
  SQUEEZE_TRY(time_products(model, length, precision, estimator, speed));
  time_between(model.config(), speed);
  time_attention(model.config(), length, speed);
  time_loss(model.config(), speed);
  return speed;
}

double calibration_seconds(const PassSpeed& speed, const Model& model, std::int64_t samples, std::int64_t length) {
  const ModelConfig& c = model.config();
  double all = 0, last = 0;  // weights of the matrices, and of those whose product is not needed on the way back
  for (const MatrixSlot& slot : model.matrices()) {
    const double weights = static_cast<double>(slot.rows * slot.cols);
    all += weights;
    if (slot.role == "down" || slot.role == "fc2") last += weights;
  }
  const double layers = static_cast<double>(c.layers), head = static_cast<double>(c.vocabulary * c.hidden);
  const double products = all * (speed.forward + speed.backward + speed.squares) + (all - last) * speed.again +
                          head * (speed.again + speed.backward);
  const double token = products + layers * (2 * speed.between + speed.between_backward) + speed.loss;
  const double sequence = layers * (2 * speed.attention + speed.attention_backward);
  return static_cast<double>(samples) * (static_cast<double>(length) * token + sequence);
}

}  // namespace squeeze
