// What the arithmetic of the kernels allows: products of codebooks that lie in the cache, by the processor time of one
// thread, the best of many. `squeeze bench --kernels` measures the same products out of memory. Results are checked by
// packed_lut_test.cpp and by that command.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>

#include "formats/lut/packed_lut.hpp"

using namespace squeeze;

namespace {

constexpr std::int64_t kRows = 512, kCols = 2048;

double thread_seconds() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

std::shared_ptr<const LinearWeight> random_weight(int bits, const DecodePath& path) {
  return pack_lut({.bits = bits,
                   .rows = kRows,
                   .cols = kCols,
                   .stored_as = "lut",
                   .size_bytes = 0,
                   .indices =
                       [bits](std::int64_t row, std::span<std::uint8_t> out) {
                         std::minstd_rand random(static_cast<unsigned>(row + 1));
                         for (std::uint8_t& index : out)
                           index = static_cast<std::uint8_t>(random() >> 8 & ((1u << bits) - 1));
                       },
                   .table =
                       [](std::int64_t, std::span<float> out) {
                         for (std::size_t i = 0; i < out.size(); ++i)
                           out[i] = static_cast<float>(i) - static_cast<float>(out.size()) / 2;
                       },
                   .sparse = nullptr},
                  path);
}

void measure(int bits, const DecodePath& path, std::int64_t tokens) {
  const auto weight = random_weight(bits, path);
  if (!weight) return;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Matrix<float> x(tokens, kCols), y(tokens, kRows);
  for (float& value : x.values) value = normal(random);
  DecodeInput input;
  input.assign(x.view());
  double best = 1;
  for (int round = 0; round < 300; ++round) {
    const double start = thread_seconds();
    weight->multiply_few(input, 0, kRows, y.view());
    best = std::min(best, thread_seconds() - start);
  }
  const double bytes = static_cast<double>(kRows * (kCols * bits / 8 + (2 << bits)));
  std::printf("| %d | %-8s | %-5s | %2ld | %6.1f | %6.1f |\n", bits, name_of(path.simd), path.int16 ? "int16" : "fp32",
              static_cast<long>(tokens), bytes / best / 1e9, static_cast<double>(kRows * kCols * tokens) / best / 1e9);
}

}  // namespace

int main() {
  std::printf("| bits | simd | arithmetic | vectors | GB/s of indices and codebooks | products/ns |\n");
  for (const Simd simd : {Simd::kAvx512, Simd::kAvx2})
    for (const bool int16 : {true, false})
      for (const int bits : {2, 3, 4, 8})
        for (const std::int64_t tokens : {1, 2, 4, 8, 16, 32})
          if (simd <= best_simd() && (int16 || tokens == 1)) measure(bits, {.simd = simd, .int16 = int16}, tokens);
}
