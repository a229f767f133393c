// Products with few vectors: how near the speed of memory they run. Matrices are larger than any cache; what memory
// gives is measured between the rounds, by the same threads. Each product is checked before it is timed. usage:
// lut_bench [THREADS [ROUNDS]]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include "base/threads.hpp"
#include "formats/lut/packed_lut.hpp"

using namespace squeeze;

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::int64_t kBytes = 320 << 20;

struct Case {
  int bits;
  std::int64_t cols;
  DecodePath path;
  std::int64_t tokens;
};

// Pseudo-random indices without a file: a multiplicative hash of row and word.
void make_indices(int bits, std::int64_t row, std::span<std::uint8_t> out) {
  std::uint64_t state = static_cast<std::uint64_t>(row) * 0x9e3779b97f4a7c15u + 1;
  for (std::uint8_t& index : out) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    index = static_cast<std::uint8_t>(state >> 56 & ((1u << bits) - 1));
  }
}

std::shared_ptr<const LinearWeight> make_weight(const Case& c, std::int64_t rows) {
  const int bits = c.bits;
  return pack_lut({.bits = bits,
                   .rows = rows,
                   .cols = c.cols,
                   .stored_as = "lut",
                   .size_bytes = rows * (c.cols * bits / 8 + (2 << bits)),
                   .indices = [bits](std::int64_t row, std::span<std::uint8_t> out) { make_indices(bits, row, out); },
                   .table =
                       [](std::int64_t row, std::span<float> out) {
                         for (std::size_t i = 0; i < out.size(); ++i)
                           out[i] = (static_cast<float>(i) - static_cast<float>(out.size()) / 2) *
                                    (1 + 0.001f * static_cast<float>(row % 100));
                       },
                   .sparse = nullptr},
                  c.path);
}

double seconds(const std::function<void()>& body) {
  const auto start = Clock::now();
  body();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// Largest |y − ref| over Σ|w||x|, on the first and last rows.
double error_of(const LinearWeight& weight, const DecodeInput& x, const Matrix<float>& y) {
  double worst = 0;
  std::vector<float> row(static_cast<std::size_t>(weight.cols()));
  for (const std::int64_t r : {std::int64_t{0}, std::int64_t{5}, weight.rows() - 1}) {
    weight.dequantize_rows(r, {row.data(), 1, weight.cols()});
    for (std::int64_t t = 0; t < x.tokens(); ++t) {
      double sum = 0, magnitude = 0;
      for (std::int64_t j = 0; j < weight.cols(); ++j) {
        sum += static_cast<double>(row[j]) * x.floats(t)[j];
        magnitude += std::fabs(static_cast<double>(row[j]) * x.floats(t)[j]);
      }
      worst = std::max(worst, std::fabs(y.values[t * weight.rows() + r] - sum) / magnitude);
    }
  }
  return worst;
}

void run(const Case& c, int rounds, const std::vector<std::uint64_t>& memory) {
  const std::int64_t row_bytes = c.cols * c.bits / 8 + (2 << c.bits);
  const std::int64_t rows = kBytes / row_bytes / 4 * 4;
  const auto weight = make_weight(c, rows);
  if (!weight) return;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Matrix<float> x(c.tokens, c.cols), y(c.tokens, rows);
  for (float& value : x.values) value = normal(random);
  DecodeInput input;
  input.assign(x.view());
  const std::int64_t chunk = std::max<std::int64_t>(1, 65536 / row_bytes / 4) * 4;
  const auto product = [&] {
    parallel_for(rows, chunk,
                 [&](std::int64_t first, std::int64_t last) { weight->multiply_few(input, first, last, y.view()); });
  };
  const auto read = [&] {
    std::uint64_t sum = 0;
    const std::uint64_t* const words = memory.data();
    parallel_for(static_cast<std::int64_t>(memory.size()), 1 << 16, [&](std::int64_t first, std::int64_t last) {
      std::uint64_t part = 0;
#pragma omp simd reduction(^ : part)
      for (std::int64_t i = first; i < last; ++i) part ^= words[i];
#pragma omp atomic
      sum += part;
    });
    if (sum == 1) std::printf(" ");
  };
  product();
  const double error = error_of(*weight, input, y);
  if (!(error < 1e-3)) {
    std::printf("%d bits: WRONG, error %g\n", c.bits, error);
    std::exit(1);
  }
  std::vector<double> products, reads;
  for (int i = 0; i < rounds; ++i) {
    reads.push_back(seconds(read));
    products.push_back(seconds(product));
  }
  const double rate = static_cast<double>(rows * row_bytes) / median(products) / 1e9;
  const double limit = static_cast<double>(memory.size() * 8) / median(reads) / 1e9;
  std::printf("| %d | %6ld | %-8s | %-5s | %2ld | %6.1f | %6.1f | %4.2f | %.1e |\n", c.bits, static_cast<long>(c.cols),
              name_of(c.path.simd), c.path.int16 ? "int16" : "fp32", static_cast<long>(c.tokens), rate, limit,
              rate / limit, error);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  set_thread_count(argc > 1 ? std::atoi(argv[1]) : 0);
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  const std::vector<std::uint64_t> memory(kBytes / 8, 0x123456789abcdefu);
  std::printf("| bits | K | simd | arithmetic | tokens | GB/s | read GB/s | share | error |\n");
  for (const std::int64_t cols : {2048, 5632})
    for (const Simd simd : {Simd::kAvx512, Simd::kAvx2})
      for (const bool int16 : {true, false})
        for (const int bits : {2, 3, 4, 8})
          for (const std::int64_t tokens : {1, 4, 16})
            if (simd <= best_simd() && (tokens == 1 || (int16 && cols == 2048)))
              run({bits, cols, {simd, int16}, tokens}, rounds, memory);
}
