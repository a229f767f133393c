// Matrix products of a calibration's sizes: oneDNN's sgemm (what ops/matmul uses), its matmul primitive in bf16 with
// fp32 accumulation, and OpenBLAS where it is installed. Every result is checked before its speed is told.
//   gemm_bench [threads]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <oneapi/dnnl/dnnl.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "base/threads.hpp"
#include "ops/matmul/matmul.hpp"

#ifdef SQUEEZE_OPENBLAS
#include <cblas.h>
extern "C" void openblas_set_num_threads(int);
#endif

using namespace squeeze;

namespace {

Matrix<float> random_matrix(std::int64_t rows, std::int64_t cols, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Matrix<float> m(rows, cols);
  for (float& value : m.values) value = to_float(to_bfloat16(uniform(random)));  // exact in either type
  return m;
}

std::vector<BFloat16> as_bfloat16(const Matrix<float>& m) {
  std::vector<BFloat16> out;
  for (const float value : m.values) out.push_back(to_bfloat16(value));
  return out;
}

struct Seconds {
  double wall = 1e30, cpu = 1e30;
};

// The fastest of several runs, by the clock and by the processor's time. With one thread the latter is the honest
// figure on a shared machine: a lost time slice is not the library's doing.
Seconds fastest(const std::function<void()>& run) {
  run();
  Seconds best;
  double total = 0;
  for (int i = 0; i < 20 && (i < 5 || total < 3); ++i) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    run();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best.wall = std::min(best.wall, seconds);
    best.cpu = std::min(best.cpu, static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC);
    total += seconds;
  }
  return best;
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

void measure(std::int64_t m, std::int64_t n, std::int64_t k) {
  const Matrix<float> x = random_matrix(m, k, 1), w = random_matrix(n, k, 2);
  Matrix<float> y(m, n);
  double base = 0;
  const auto tell = [&](const char* name, const std::function<void()>& run) {
    std::ranges::fill(y.values, 0.0f);
    const Seconds best = fastest(run);
    const double seconds = thread_count() == 1 ? best.cpu : best.wall;
    if (base == 0) base = seconds;
    std::printf("M=%lld N=%lld K=%lld threads=%d  %-14s %8.2f ms %8.2f ms CPU %8.1f GFLOP/s %6.2fx  %s\n",
                static_cast<long long>(m), static_cast<long long>(n), static_cast<long long>(k), thread_count(), name,
                best.wall * 1e3, best.cpu * 1e3, 2e-9 * static_cast<double>(m * n * k) / seconds, base / seconds,
                right(x, w, y) ? "right" : "WRONG");
    std::fflush(stdout);
  };

  tell("oneDNN fp32", [&] { matmul_nt(x.view(), w.view(), y.view()); });

#ifdef SQUEEZE_OPENBLAS
  openblas_set_num_threads(thread_count());
  tell("OpenBLAS fp32", [&] {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, static_cast<blasint>(m), static_cast<blasint>(n),
                static_cast<blasint>(k), 1, x.values.data(), static_cast<blasint>(k), w.values.data(),
                static_cast<blasint>(k), 0, y.values.data(), static_cast<blasint>(n));
  });
#endif

  // Both operands as they would lie in memory: no time is spent on packing weights beforehand.
  using dnnl::memory;
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  auto x16 = as_bfloat16(x), w16 = as_bfloat16(w);
  const memory::desc x_desc({m, k}, memory::data_type::bf16, memory::format_tag::ab);
  const memory::desc w_desc({k, n}, memory::data_type::bf16, memory::format_tag::ba);
  const memory::desc y_desc({m, n}, memory::data_type::f32, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc primitive(dnnl::matmul::desc(x_desc, w_desc, y_desc), engine);
  const dnnl::matmul product(primitive);
  memory x_memory(x_desc, engine, x16.data()), w_memory(w_desc, engine, w16.data()),
      y_memory(y_desc, engine, y.values.data());
  tell("oneDNN bf16", [&] {
    product.execute(stream, {{DNNL_ARG_SRC, x_memory}, {DNNL_ARG_WEIGHTS, w_memory}, {DNNL_ARG_DST, y_memory}});
    stream.wait();
  });
  std::printf("  bf16 implementation: %s\n", primitive.impl_info_str());
}

}  // namespace

int main(int count, char** arguments) {
  set_thread_count(count > 1 ? std::atoi(arguments[1]) : 0);
  measure(512, 2048, 2048);
  measure(512, 4096, 4096);
  measure(512, 11008, 4096);
}
