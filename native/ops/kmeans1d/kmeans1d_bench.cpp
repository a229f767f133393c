// Clustering rate on one thread, in million weights a second, as JSON.
//   kmeans1d_bench                       times rows of 4,096 gaussian weights with heavy-tailed sensitivities
//   kmeans1d_bench --rows FILE.bin N K   solves rows of raw little-endian float32 (N·K values, then N·K sensitivities)
//                                        and prints both objectives of every row, for comparison with other solvers

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <random>
#include <string>

#include "ops/kmeans1d/kmeans1d.hpp"

using namespace squeeze;

namespace {

constexpr int kRounds = 9;

struct Rows {
  std::int64_t count, length;
  std::vector<float> values, weights;
  std::span<const float> value_row(std::int64_t r) const { return std::span(values).subspan(r * length, length); }
  std::span<const float> weight_row(std::int64_t r) const { return std::span(weights).subspan(r * length, length); }
};

Rows random_rows(std::int64_t count, std::int64_t length, bool bfloat16) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Rows rows{count, length, {}, {}};
  for (std::int64_t i = 0; i < count * length; ++i) {
    const float value = 0.02f * normal(random);
    rows.values.push_back(bfloat16 ? to_float(to_bfloat16(value)) : to_float(to_half(value)));
    rows.weights.push_back(1e-7f * std::exp(1.5f * normal(random)));
  }
  return rows;
}

// Processor time of this thread: what other programs take from the core does not count.
double thread_seconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double solve(Kmeans1d& kmeans, const Rows& rows, std::int64_t r, int k, bool exact, std::vector<double>& centroids) {
  kmeans.assign(rows.value_row(r), rows.weight_row(r));
  if (!exact) return kmeans.solve_lloyd(k, centroids);
  const double objective = kmeans.solve_exact(k)[k - 1];
  kmeans.exact_centroids(k, centroids);
  return objective;
}

// Objective summed over the row itself, in float64, and for the exact solver a local search that must find nothing.
bool verify(const Rows& rows, int k) {
  Kmeans1d kmeans;
  std::vector<double> centroids;
  for (std::int64_t r = 0; r < std::min<std::int64_t>(rows.count, 4); ++r) {
    double objectives[2];
    for (const bool exact : {false, true}) {
      objectives[exact] = solve(kmeans, rows, r, k, exact, centroids);
      double direct = 0;
      for (std::int64_t j = 0; j < rows.length; ++j) {
        double nearest = INFINITY;
        for (const double c : centroids)
          nearest = std::min(nearest, std::abs(static_cast<double>(rows.value_row(r)[j]) - c));
        direct += static_cast<double>(rows.weight_row(r)[j]) * nearest * nearest;
      }
      if (std::abs(direct - objectives[exact]) > 1e-9 * direct) return false;
    }
    if (objectives[1] > objectives[0] * (1 + 1e-12)) return false;
  }
  return true;
}

double rate(const Rows& rows, int k, bool exact) {
  Kmeans1d kmeans;
  std::vector<double> centroids, rates;
  for (int round = -1; round < kRounds; ++round) {
    const double begin = thread_seconds();
    for (std::int64_t r = 0; r < rows.count; ++r) solve(kmeans, rows, r, k, exact, centroids);
    const double seconds = thread_seconds() - begin;
    if (round >= 0) rates.push_back(static_cast<double>(rows.count * rows.length) / seconds * 1e-6);
  }
  std::ranges::nth_element(rates, rates.begin() + kRounds / 2);
  return rates[kRounds / 2];
}

int solve_file(const std::string& path, std::int64_t count, std::int64_t length) {
  Rows rows{count, length, std::vector<float>(count * length), std::vector<float>(count * length)};
  std::ifstream file(path, std::ios::binary);
  const auto bytes = static_cast<std::streamsize>(rows.values.size() * sizeof(float));
  file.read(reinterpret_cast<char*>(rows.values.data()), bytes);
  file.read(reinterpret_cast<char*>(rows.weights.data()), bytes);
  if (!file) {
    std::fprintf(stderr, "%s holds fewer than 2 x %ld x %ld float32 values\n", path.c_str(), count, length);
    return 2;
  }
  std::printf("[");
  Kmeans1d kmeans;
  std::vector<double> centroids;
  for (const int k : {4, 8, 16}) {
    for (const bool exact : {true, false}) {
      std::printf("%s{\"clusters\":%d,\"solver\":\"%s\",\"objectives\":[", k == 4 && exact ? "" : ",\n", k,
                  exact ? "exact" : "lloyd");
      for (std::int64_t r = 0; r < count; ++r)
        std::printf("%s%.17g", r ? "," : "", solve(kmeans, rows, r, k, exact, centroids));
      std::printf("]}");
    }
  }
  std::printf("]\n");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 5 && std::strcmp(argv[1], "--rows") == 0)
    return solve_file(argv[2], std::stol(argv[3]), std::stol(argv[4]));
  std::printf(
      "{\"bench\":\"kmeans1d\",\"threads\":1,\"row\":4096,\"unit\":\"million weights per second\",\"results\":[");
  bool first = true;
  for (const bool bfloat16 : {false, true}) {
    const Rows rows = random_rows(64, 4096, bfloat16);
    Kmeans1d kmeans;
    kmeans.assign(rows.value_row(0), rows.weight_row(0));
    for (const int k : {4, 8, 16, 64, 256}) {
      if (!verify(rows, k)) {
        std::fprintf(stderr, "kmeans1d_bench: the solvers are wrong for k = %d; nothing was timed\n", k);
        return 1;
      }
      for (const bool exact : {false, true}) {
        std::printf("%s\n{\"dtype\":\"%s\",\"distinct\":%ld,\"clusters\":%d,\"solver\":\"%s\",\"rate\":%.1f}",
                    first ? "" : ",", bfloat16 ? "BF16" : "F16", kmeans.row().distinct(), k, exact ? "exact" : "lloyd",
                    rate(rows, k, exact));
        first = false;
      }
    }
  }
  std::printf("\n]}\n");
  return 0;
}
