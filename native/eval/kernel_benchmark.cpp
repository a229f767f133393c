#include "eval/kernel_benchmark.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <random>

#include "base/threads.hpp"

namespace squeeze {

namespace {

using Weight = std::shared_ptr<const LinearWeight>;

// Read in one pass, so that nothing of a copy is in a cache when its turn comes again.
constexpr std::int64_t kCycleBytes = 300'000'000;
constexpr double kEnoughMs = 250;  // of one measurement, also where products are slow
// Rows that a thread takes at once.
constexpr std::int64_t kChunkRows = 64;

// What rounding may cost. fp32: sums of up to 11,008 products in any order. int16: weights and inputs are each rounded
// to 8191 steps of their largest, which is about four times their usual size, so that a product is off by
// √2 · 4 / (8191 · √12) = 2e-4; five times that is no rounding any more.
double allowed_error(const DecodePath& path) { return path.int16 ? 1e-3 : 1e-5; }

Matrix<float> random_input(std::int64_t tokens, std::int64_t cols) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Matrix<float> x(tokens, cols);
  for (float& value : x.values) value = normal(random);
  return x;
}

void product(const LinearWeight& w, const DecodeInput& x, MatrixView<float> y) {
  const std::int64_t tile = w.tile_rows();
  parallel_for(w.rows(), (kChunkRows + tile - 1) / tile * tile,
               [&](std::int64_t first, std::int64_t last) { w.multiply_few(x, first, last, y); });
}

// y[T, N] = x Wᵀ in fp64.
Matrix<double> reference_product(const LinearWeight& w, MatrixView<const float> x) {
  Matrix<double> y(x.rows, w.rows());
  parallel_for(w.rows(), kChunkRows, [&](std::int64_t first, std::int64_t last) {
    std::vector<float> row(static_cast<std::size_t>(w.cols()));
    for (std::int64_t r = first; r < last; ++r) {
      w.dequantize_rows(r, {row.data(), 1, w.cols()});
      for (std::int64_t t = 0; t < x.rows; ++t) {
        double sum = 0;
        for (std::int64_t k = 0; k < w.cols(); ++k) sum += double{row[k]} * x.row(t)[k];
        y.view().row(t)[r] = sum;
      }
    }
  });
  return y;
}

// The matrix as multiply_few wants it.
Weight prepared(const Weight& weight, const DecodePath& path) {
  const Weight packed = weight->packed(path);
  return packed ? packed : weight;
}

// Copies of one matrix in turns, so that none is in a cache when it is read.
class Cycle {
 public:
  explicit Cycle(std::vector<Weight> copies) : copies_(std::move(copies)) {}

  // Milliseconds of one product, over all copies once; where products are slow, over fewer, and the next call goes on
  // with those that were left.
  double measure(const DecodeInput& x, MatrixView<float> y) {
    const auto start = std::chrono::steady_clock::now();
    double ms = 0;
    std::size_t products = 0;
    while (products < copies_.size() && ms < kEnoughMs) {
      product(*copies_[next_], x, y);
      next_ = (next_ + 1) % copies_.size();
      ++products;
      ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    }
    return ms / static_cast<double>(products);
  }

 private:
  std::vector<Weight> copies_;
  std::size_t next_ = 0;
};

}  // namespace

std::string text_of(const KernelCase& shape) {
  const SyntheticLayout& layout = shape.layout;
  std::string text = std::to_string(shape.rows) + " × " + std::to_string(shape.cols) + ", ";
  if (layout.type == SyntheticType::kF16) return text + "F16";
  if (layout.type == SyntheticType::kBF16) return text + "BF16";
  text += std::to_string(layout.bits) + " bits";
  char sparse[32] = "";
  if (layout.sparsity > 0) std::snprintf(sparse, sizeof(sparse), " + %.3g%%", 100 * layout.sparsity);
  return text + sparse;
}

Result<double> check_product(const LinearWeight& weight, const LinearWeight& stored, MatrixView<const float> x,
                             const DecodePath& path) {
  DecodeInput input;
  input.assign(x);
  Matrix<float> y(x.rows, weight.rows());
  product(weight, input, y.view());
  const Matrix<double> reference = reference_product(stored, x);
  double error = 0, size = 0;
  for (std::size_t i = 0; i < y.values.size(); ++i) {
    const double difference = y.values[i] - reference.values[i];
    error += difference * difference;
    size += reference.values[i] * reference.values[i];
  }
  const double relative = std::sqrt(error / size);
  if (relative <= allowed_error(path)) return relative;  // and not NaN
  return Error{.code = ErrorCode::kInternal,
               .message = "A product with " + std::to_string(x.rows) + " tokens is off by " + std::to_string(relative) +
                          " of its size, and is not timed."};
}

Result<KernelCaseTimes> benchmark_kernels(const KernelCase& shape, const KernelPlan& plan, const ReadBandwidth& memory,
                                          RunContext& context) {
  const Matrix<float> x = random_input(std::ranges::max(plan.tokens), shape.cols);
  std::vector<DecodeInput> inputs(plan.tokens.size());
  std::vector<Matrix<float>> outputs;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    inputs[i].assign(x.view().rows_from(0, plan.tokens[i]));
    outputs.emplace_back(plan.tokens[i], shape.rows);
  }

  SQUEEZE_ASSIGN(const Weight stored, synthetic_weight(shape.rows, shape.cols, shape.layout, 0));
  std::vector<Weight> copies = {prepared(stored, plan.path)};
  KernelCaseTimes times{.weight_bytes = copies.front()->size_bytes()};
  for (const std::int64_t tokens : plan.tokens) {
    auto error = check_product(*copies.front(), *stored, x.view().rows_from(0, tokens), plan.path);
    if (!error.ok()) {
      Error wrong = std::move(error).error();
      wrong.message = text_of(shape) + ": " + wrong.message;
      return wrong;
    }
    times.kernels.push_back({.tokens = tokens, .relative_error = error.value()});
  }

  for (std::uint64_t seed = 1; static_cast<std::int64_t>(copies.size()) * times.weight_bytes < kCycleBytes; ++seed) {
    SQUEEZE_TRY(context.check_cancelled());
    SQUEEZE_ASSIGN(const Weight copy, synthetic_weight(shape.rows, shape.cols, shape.layout, seed));
    copies.push_back(prepared(copy, plan.path));
  }
  Cycle cycle(std::move(copies));
  for (std::int64_t round = 0; round <= plan.rounds; ++round) {  // the first one warms up
    const double all = memory.measure(thread_count()), one = memory.measure(1);
    if (round > 0) times.all_threads.push_back(all);
    if (round > 0) times.one_thread.push_back(one);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      SQUEEZE_TRY(context.check_cancelled());
      const double ms = cycle.measure(inputs[i], outputs[i].view());
      if (round > 0) times.kernels[i].product_ms.push_back(ms);
    }
    context.report({.fraction = static_cast<double>(round + 1) / static_cast<double>(plan.rounds + 1)});
  }
  return times;
}

}  // namespace squeeze
