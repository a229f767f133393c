// Clustering rate of a GPU, in million weights a second, weights and sensitivities being there: gaussian bfloat16
// weights with heavy-tailed sensitivities. Checks eight rows of each against the processor, bit for bit, and reckons
// what all matrices of a Llama of 7B weights would take. A line "JSON {...}" for each measurement.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>
#include <vector>

#include "base/matrix.hpp"
#include "device/bench_device.hpp"
#include "ops/kmeans1d/kmeans1d.hpp"
#include "ops/kmeans1d/kmeans1d_cuda.hpp"

using namespace squeeze;

namespace {

constexpr int kRounds = 3;
constexpr std::int64_t kDifferent = 128;  // rows; the others repeat them
constexpr std::int64_t kChecked = 8;

struct Rows {
  Matrix<float> weights, sensitivity;
};

Rows random_rows(std::int64_t count, std::int64_t length) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Rows rows{{count, length}, {count, length}};
  const auto different = std::min(count, kDifferent) * length;
  for (std::int64_t i = 0; i < count * length; ++i) {
    float& weight = rows.weights.values[i];
    float& sensitivity = rows.sensitivity.values[i];
    weight = i < different ? to_float(to_bfloat16(0.02f * normal(random))) : rows.weights.values[i - different];
    sensitivity = i < different ? 1e-7f * std::exp(1.5f * normal(random)) : rows.sensitivity.values[i - different];
  }
  return rows;
}

struct Results {
  DeviceArray<Half> tables;
  DeviceArray<std::uint8_t> indices;
  DeviceArray<double> objective;
};

// Whether the first rows came out as the processor's; fails on errors of the device, too.
bool same_as_processor(Stream& stream, const Rows& rows, int k, bool exact, const DeviceCodebooks& got) {
  const std::int64_t length = rows.weights.cols, count = std::min(kChecked, got.tables.rows);
  Matrix<Half> tables(count, k);
  Matrix<std::uint8_t> indices(count, length);
  std::vector<double> objective(static_cast<std::size_t>(count));
  stream.download(tables.values.data(), got.tables.rows_from(0, count));
  stream.download(indices.values.data(), got.indices.rows_from(0, count));
  stream.download(objective.data(), DeviceView<double>{got.objective, 1, count});
  const auto done = stream.finish();
  if (!done.ok()) {
    std::fprintf(stderr, "%s\n", done.error().message.c_str());
    return false;
  }
  Kmeans1d kmeans;
  std::vector<double> centroids;
  std::vector<Half> table(static_cast<std::size_t>(k));
  std::vector<std::uint8_t> nearest(static_cast<std::size_t>(length));
  for (std::int64_t r = 0; r < count; ++r) {
    const auto weights = rows.weights.view().row(r);
    const auto sensitivity = rows.sensitivity.view().row(r);
    kmeans.assign(weights, sensitivity);
    if (exact) {
      kmeans.solve_exact(k);
      kmeans.exact_centroids(k, centroids);
    } else {
      kmeans.solve_lloyd(k, centroids);
    }
    round_codebook(centroids, table);
    nearest_indices(weights, table, nearest);
    double total = 0;
    for (std::size_t j = 0; j < nearest.size(); ++j) {
      const double error = static_cast<double>(weights[j]) - static_cast<double>(to_float(table[nearest[j]]));
      total += static_cast<double>(sensitivity[j]) * error * error;
    }
    if (!std::ranges::equal(tables.view().row(r), table) || !std::ranges::equal(indices.view().row(r), nearest) ||
        objective[static_cast<std::size_t>(r)] != total)
      return false;
  }
  return true;
}

}  // namespace

int main() {
  Stream stream = stream_or_exit();
  DeviceTimer timer(stream);
  DeviceKmeans1d kmeans;
  DeviceArray<float> weights_there, sensitivity_there;
  Results results;
  std::map<std::pair<int, bool>, std::map<std::int64_t, double>> rates;  // by bits and solver, then length: weights/s
  bool all_same = true;
  for (const std::int64_t length : {4096, 11008}) {
    const std::int64_t most = length == 4096 ? 8192 : 3072;
    const Rows rows = random_rows(most, length);
    const auto weights = weights_there.matrix(stream, most, length), f = sensitivity_there.matrix(stream, most, length);
    stream.upload(weights, rows.weights.values.data());
    stream.upload(f, rows.sensitivity.values.data());
    for (const int bits : {3, 4, 8}) {
      if (bits == 8 && length != 4096) continue;
      for (const bool exact : {true, false}) {
        const std::int64_t count = bits == 8 ? most / 8 : most;
        const int k = 1 << bits;
        const DeviceCodebooks books{results.tables.matrix(stream, count, k),
                                    results.indices.matrix(stream, count, length),
                                    results.objective.vector(stream, count).data};
        double best_ms = INFINITY;
        for (int round = bits == 8 ? 0 : -1; round < kRounds; ++round) {
          timer.start();
          kmeans.cluster(stream, weights.rows_from(0, count), f.data, nullptr, exact, {&books, 1});
          best_ms = std::min(best_ms, timer.stop_ms());
        }
        const bool same = same_as_processor(stream, rows, k, exact, books);
        all_same &= same;
        const double rate = static_cast<double>(count * length) / best_ms * 1e3;
        rates[{bits, exact}][length] = rate;
        std::printf(
            "JSON {\"bench\":\"kmeans1d\",\"device\":\"%s\",\"row\":%ld,\"rows\":%ld,\"bits\":%d,\"solver\":\"%s\","
            "\"million_weights_per_second\":%.1f,\"same_as_processor\":%s}\n",
            stream.device().name.c_str(), static_cast<long>(length), static_cast<long>(count), bits,
            exact ? "exact" : "lloyd", rate * 1e-6, same ? "true" : "false");
        std::fflush(stdout);
      }
    }
  }
  // Four matrices of attention, gate and up with rows of 4096; down with rows of 11008; 32 layers.
  for (const auto& [what, by_length] : rates) {
    if (by_length.size() < 2) continue;
    const double seconds =
        32 * ((4.0 * 4096 * 4096 + 2.0 * 11008 * 4096) / by_length.at(4096) + 4096.0 * 11008 / by_length.at(11008));
    std::printf("JSON {\"bench\":\"kmeans1d\",\"model\":\"llama-7b\",\"bits\":%d,\"solver\":\"%s\",\"seconds\":%.3f}\n",
                what.first, what.second ? "exact" : "lloyd", seconds);
  }
  return all_same ? 0 : 1;
}
