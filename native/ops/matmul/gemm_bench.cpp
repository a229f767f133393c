// Matrix products of the sizes of prompts and calibrations, y[M, N] = x[M, K] w[N, K]ᵀ: dnnl_sgemm on all threads,
// blocks of 64 rows of w that threads take one by one (ops/matmul/block_matmul.hpp) in fp32 and bf16, and OpenBLAS
// where it is installed. Then products of one attention head, on one thread. Every result is checked before its speed
// is told; ways alternate, so that a busy machine does no single one of them injustice.
//   gemm_bench [threads]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "base/threads.hpp"
#include "ops/matmul/block_matmul.hpp"
#include "ops/matmul/matmul.hpp"
#include "ops/matmul/precision.hpp"
#include "ops/matmul/rounded.hpp"

#ifdef SQUEEZE_OPENBLAS
#include <cblas.h>
extern "C" void openblas_set_num_threads(int);
#endif

using namespace squeeze;

namespace {

constexpr std::int64_t kBlockRows = 64;
constexpr int kRounds = 9;

struct Way {
  const char* name;
  std::function<void()> run;
  std::vector<double> seconds = {};
};

Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Matrix<float> m(rows, cols);
  for (float& value : m.values) value = to_float(to_bfloat16(uniform(random)));  // exact in either type
  return m;
}

// By the clock; with one thread by the processor's time, since a lost time slice is not the library's doing.
double now() {
  if (thread_count() == 1) return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// |y − reference| <= √K · ε · Σ|x||w| on a choice of elements, in float64.
bool right(const Matrix<float>& x, const Matrix<float>& w, const Matrix<float>& y) {
  for (std::size_t i = 0; i < y.values.size(); i += 9973) {
    const auto row = x.view().row(static_cast<std::int64_t>(i) / y.cols),
               col = w.view().row(static_cast<std::int64_t>(i) % y.cols);
    double sum = 0, size = 0;
    for (std::size_t k = 0; k < row.size(); ++k) {
      sum += static_cast<double>(row[k]) * col[k];
      size += std::abs(static_cast<double>(row[k]) * col[k]);
    }
    if (!(std::abs(y.values[i] - sum) <= std::sqrt(static_cast<double>(x.cols)) * 6e-8 * size)) return false;
  }
  return true;
}

template <typename T>
void in_blocks(MatrixView<const T> x, MatrixView<const T> w, MatrixView<float> y) {
  parallel_for(w.rows, kBlockRows, [&](std::int64_t first, std::int64_t last) {
    thread_local Scratch room;
    const MatrixView<float> product = room.matrix(x.rows, last - first);
    block_matmul_nt<T>(x, w.rows_from(first, last - first), product);
    for (std::int64_t r = 0; r < x.rows; ++r) std::ranges::copy(product.row(r), y.row(r).data() + first);
  });
}

void tell(std::vector<Way>& ways, const Matrix<float>& x, const Matrix<float>& w, Matrix<float>& y) {
  for (Way& way : ways) {
    std::ranges::fill(y.values, 0.0f);
    way.run();
    if (!right(x, w, y)) {
      std::printf("%s is WRONG\n", way.name);
      std::exit(1);
    }
  }
  // A product of a head takes microseconds: it is repeated until a clock can tell.
  const double flop = 2.0 * static_cast<double>(x.rows * w.rows * x.cols);
  const int repeats = std::max(1, static_cast<int>(2e8 / flop));
  for (int round = 0; round < kRounds; ++round)
    for (Way& way : ways) {
      const double start = now();
      for (int i = 0; i < repeats; ++i) way.run();
      way.seconds.push_back((now() - start) / repeats);
    }
  std::printf("M=%lld N=%lld K=%lld threads=%d:", static_cast<long long>(x.rows), static_cast<long long>(w.rows),
              static_cast<long long>(x.cols), thread_count());
  for (Way& way : ways) {
    std::ranges::sort(way.seconds);
    std::printf("  %s %.0f", way.name, flop * 1e-9 / way.seconds[kRounds / 2]);
  }
  std::printf(" GFLOP/s\n");
  std::fflush(stdout);
}

void measure(std::int64_t m, std::int64_t n, std::int64_t k) {
  const Matrix<float> x = random_matrix(m, k, 1), w = random_matrix(n, k, 2);
  ScratchOf<BFloat16> x_room, w_room;
  const auto x16 = rounded(x.view(), x_room), w16 = rounded(w.view(), w_room);
  Matrix<float> y(m, n);
  std::vector<Way> ways;
  ways.push_back({"sgemm", [&] { matmul_nt(x.view(), w.view(), y.view()); }});
  ways.push_back({"fp32 blocks", [&] { in_blocks<float>(x.view(), w.view(), y.view()); }});
  if (fastest_precision() == Precision::kBFloat16)
    ways.push_back({"bf16 blocks", [&] { in_blocks<BFloat16>(x16, w16, y.view()); }});
#ifdef SQUEEZE_OPENBLAS
  openblas_set_num_threads(thread_count());
  ways.push_back({"OpenBLAS", [&] {
                    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(m),
                                static_cast<blasint>(n), static_cast<blasint>(k), 1, x.values.data(),
                                static_cast<blasint>(k), w.values.data(), static_cast<blasint>(k), 0, y.values.data(),
                                static_cast<blasint>(n));
                  }});
#endif
  tell(ways, x, w, y);
}

// Scores of one head, q[queries, D] k[keys, D]ᵀ, as attention lays them out: rows of all heads side by side.
void measure_head(std::int64_t queries, std::int64_t keys, std::int64_t dim) {
  constexpr std::int64_t heads = 8;
  const Matrix<float> q = random_matrix(queries, dim, 1), k = random_matrix(keys, dim, 2);
  Matrix<float> q_all(queries, heads * dim), k_all(keys, heads * dim), y(queries, keys);
  for (std::int64_t r = 0; r < queries; ++r) std::ranges::copy(q.view().row(r), q_all.view().row(r).data());
  for (std::int64_t r = 0; r < keys; ++r) std::ranges::copy(k.view().row(r), k_all.view().row(r).data());
  const StridedView<const float> q_h(q_all.values.data(), queries, dim, heads * dim),
      k_h(k_all.values.data(), keys, dim, heads * dim);
  std::vector<Way> ways;
  ways.push_back({"sgemm", [&] { matmul_nt(q_h, k_h, y.view()); }});
  ways.push_back({"primitive", [&] { block_matmul_nt<float>(q_h, k_h, y.view()); }});
  tell(ways, q, k, y);
}

}  // namespace

int main(int count, char** arguments) {
  set_thread_count(count > 1 ? std::atoi(arguments[1]) : 0);
  for (const std::int64_t k : {2048, 5632})
    for (const std::int64_t m : {32, 64, 128, 256, 512}) measure(m, 2048, k);
  measure(512, 11008, 4096);
  measure(256, 288, 288);
  measure(256, 128, 128);
  set_thread_count(1);
  for (const std::int64_t length : {32, 128, 512})
    for (const std::int64_t dim : {16, 48, 64, 128}) measure_head(std::min<std::int64_t>(128, length), length, dim);
}
