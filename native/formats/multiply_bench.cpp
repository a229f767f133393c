// Rate of products of stored weights with the vectors of a prompt, beside the rate of the product alone (bf16 weights
// that lie in memory as they are), for the matrices of a model of 2048 × 5632. Checked against float64 before timed.
//   multiply_bench [threads]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>

#include "base/test_folder.hpp"
#include "base/threads.hpp"
#include "formats/lut/lut.hpp"
#include "formats/multiply.hpp"

using namespace squeeze;

namespace {

constexpr int kRounds = 9;
using Weight = std::shared_ptr<const LinearWeight>;

struct Layout {
  const char* name;
  Weight weight;
};

// By the clock; with one thread by the processor's time, which a busy machine does not lengthen.
double now() {
  if (thread_count() == 1) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Weight load(const TestFolder& folder, const std::vector<OwnedTensor>& tensors, std::int64_t rows, std::int64_t cols) {
  std::vector<TensorSource> sources;
  for (const OwnedTensor& t : tensors) sources.push_back(tensor_source<std::byte>(t.name, t.dtype, t.shape, t.bytes));
  const auto written = write_safetensors(folder / "m.safetensors", sources, {});
  auto store = TensorStore::open(folder.path());
  auto weight = load_linear(store.value(), "w", rows, cols);
  if (!written.ok() || !weight.ok()) {
    std::printf("could not make the weights\n");
    std::exit(1);
  }
  return weight.value();
}

Weight dense(const TestFolder& folder, DType dtype, std::int64_t rows, std::int64_t cols) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::uint16_t> bits(static_cast<std::size_t>(rows * cols));
  for (std::uint16_t& value : bits)
    value = dtype == DType::kF16 ? to_half(normal(random)).bits : to_bfloat16(normal(random)).bits;
  return load(folder, {owned_tensor<std::uint16_t>("w.weight", dtype, {rows, cols}, bits)}, rows, cols);
}

Weight codebooks(const TestFolder& folder, int bits, std::int64_t rows, std::int64_t cols) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  Matrix<std::uint8_t> indices(rows, cols);
  Matrix<Half> tables(rows, std::int64_t{1} << bits);
  for (std::uint8_t& index : indices.values) index = static_cast<std::uint8_t>(random() & ((1u << bits) - 1));
  for (Half& value : tables.values) value = to_half(normal(random));
  return load(folder, lut_tensors("w", bits, indices.view(), tables.view(), nullptr), rows, cols);
}

// |y − reference| ≤ c · Σ|x||w| on a choice of elements: c = 2^-7 for factors rounded to 8 bits each, √K ε for fp32.
bool right(const LinearWeight& w, MatrixView<const float> x, MatrixView<const float> y, Precision precision) {
  const double c = precision == Precision::kBFloat16 ? 0x1p-7 : std::sqrt(static_cast<double>(x.cols)) * 6e-8;
  Matrix<float> row(1, w.cols());
  for (std::int64_t n = 0; n < w.rows(); n += 97) {
    w.dequantize_rows(n, row.view());
    for (std::int64_t m = 0; m < x.rows; m += 13) {
      double sum = 0, size = 0;
      for (std::int64_t k = 0; k < x.cols; ++k) {
        const double term = static_cast<double>(x.row(m)[k]) * row.values[k];
        sum += term;
        size += std::abs(term);
      }
      if (!(std::abs(y.row(m)[n] - sum) <= c * size)) return false;
    }
  }
  return true;
}

void measure(const std::vector<Layout>& layouts, std::int64_t m, Precision precision) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  const LinearWeight& first = *layouts.front().weight;
  Matrix<float> x(m, first.cols()), y(m, first.rows()), back(m, first.cols());
  for (float& value : x.values) value = normal(random);
  std::vector<std::vector<double>> forward(layouts.size()), transposed(layouts.size());
  const auto timed = [](std::vector<double>& into, const auto& run) {
    const double start = now();
    run();
    into.push_back(now() - start);
  };
  for (int round = 0; round < kRounds; ++round)
    for (std::size_t i = 0; i < layouts.size(); ++i) {
      const LinearWeight& w = *layouts[i].weight;
      timed(forward[i], [&] { multiply(w, x.view(), y.view(), precision); });
      if (round == 0 && !right(w, x.view(), y.view(), precision)) {
        std::printf("%s is WRONG\n", layouts[i].name);
        std::exit(1);
      }
      timed(transposed[i], [&] { multiply_transposed(w, y.view(), back.view(), precision); });
    }
  const double flop = 2.0 * static_cast<double>(m * first.rows() * first.cols());
  std::printf("M=%lld N=%lld K=%lld %s threads=%d:", static_cast<long long>(m), static_cast<long long>(first.rows()),
              static_cast<long long>(first.cols()), name_of(precision), thread_count());
  for (std::size_t i = 0; i < layouts.size(); ++i) {
    std::ranges::sort(forward[i]);
    std::ranges::sort(transposed[i]);
    std::printf("  %s %.0f, transposed %.0f;", layouts[i].name, flop * 1e-9 / forward[i][kRounds / 2],
                flop * 1e-9 / transposed[i][kRounds / 2]);
  }
  std::printf(" GFLOP/s\n");
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  set_thread_count(count > 1 ? std::atoi(arguments[1]) : 0);
  for (const auto& [rows, cols] : {std::pair<std::int64_t, std::int64_t>{2048, 2048}, {5632, 2048}, {2048, 5632}}) {
    TestFolder bf16, f16, three, four;
    const std::vector<Layout> layouts = {{"BF16", dense(bf16, DType::kBF16, rows, cols)},
                                         {"F16", dense(f16, DType::kF16, rows, cols)},
                                         {"3 bits", codebooks(three, 3, rows, cols)},
                                         {"4 bits", codebooks(four, 4, rows, cols)}};
    for (const std::int64_t m : {32, 64, 128, 256, 512})
      for (const Precision precision : {Precision::kFloat32, Precision::kBFloat16})
        if (check_supported(precision).ok()) measure(layouts, m, precision);
  }
}
