#include "ops/kmeans1d/kmeans1d.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

using namespace squeeze;

namespace {

// The optimum by trying every split of the sorted values, with every cost summed afresh: O(k n³), float64.
std::vector<double> oracle(const std::vector<float>& values, const std::vector<float>& weights, int k) {
  std::map<double, double> merged;
  for (std::size_t i = 0; i < values.size(); ++i)
    merged[static_cast<double>(values[i])] += weights.empty() ? 1.0 : static_cast<double>(weights[i]);
  const std::vector<std::pair<double, double>> points(merged.begin(), merged.end());
  const std::size_t n = points.size();
  const auto cost = [&](std::size_t i, std::size_t j) {
    double mass = 0, sum = 0, total = 0;
    for (std::size_t t = i; t < j; ++t) mass += points[t].second, sum += points[t].second * points[t].first;
    for (std::size_t t = i; t < j && mass > 0; ++t)
      total += points[t].second * std::pow(points[t].first - sum / mass, 2);
    return total;
  };
  std::vector<std::vector<double>> best(static_cast<std::size_t>(k) + 1, std::vector<double>(n + 1, INFINITY));
  std::vector<double> objectives;
  best[0][0] = 0;
  for (std::size_t q = 1; q <= static_cast<std::size_t>(k); ++q) {
    for (std::size_t j = 0; j <= n; ++j) {
      best[q][j] = best[q - 1][j];  // an empty cluster is allowed
      for (std::size_t i = 0; i < j; ++i) best[q][j] = std::min(best[q][j], best[q - 1][i] + cost(i, j));
    }
    objectives.push_back(best[q][n]);
  }
  return objectives;
}

double spread_of(const std::vector<float>& values, const std::vector<float>& weights) {
  return oracle(values, weights, 1)[0];
}

// Cost of every value going to its nearest centroid.
double cost(const std::vector<float>& values, const std::vector<float>& weights, const std::vector<double>& centroids) {
  double total = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    double nearest = INFINITY;
    for (const double c : centroids) nearest = std::min(nearest, std::pow(static_cast<double>(values[i]) - c, 2));
    total += nearest * (weights.empty() ? 1.0 : static_cast<double>(weights[i]));
  }
  return total;
}

struct Row {
  std::vector<float> values, weights;
};

enum class Store { kF32, kF16, kBF16, kWhole };

// Weights are lognormal: e^(±orders).
Row random_row(std::mt19937& random, std::size_t n, Store store, bool weighted, float orders = 6) {
  std::normal_distribution<float> normal;
  std::student_t_distribution<float> heavy(2);
  Row row;
  for (std::size_t i = 0; i < n; ++i) {
    const float value = 0.03f * heavy(random);
    row.values.push_back(store == Store::kF16     ? to_float(to_half(value))
                         : store == Store::kBF16  ? to_float(to_bfloat16(value))
                         : store == Store::kWhole ? std::round(100 * value)
                                                  : value);
    if (weighted) row.weights.push_back(std::exp(orders * normal(random)) * 1e-9f);
  }
  return row;
}

void check_against_oracle(const Row& row, int k) {
  const double rounding = 1e-12 * spread_of(row.values, row.weights) + 1e-300;
  const auto wanted = oracle(row.values, row.weights, k);
  Kmeans1d kmeans;
  kmeans.assign(row.values, row.weights);
  const auto got = kmeans.solve_exact(k);
  REQUIRE(got.size() == wanted.size());
  std::vector<double> centroids;
  for (int q = 1; q <= k; ++q) {
    REQUIRE(got[q - 1] == doctest::Approx(wanted[q - 1]).epsilon(1e-9).scale(rounding * 1e9));
    kmeans.exact_centroids(q, centroids);
    REQUIRE(std::ranges::is_sorted(centroids));
    REQUIRE(centroids.size() <= static_cast<std::size_t>(q));
    REQUIRE(std::abs(cost(row.values, row.weights, centroids) - wanted[q - 1]) <= 1e-9 * wanted[q - 1] + rounding);
  }
  const std::vector<double> exact(got.begin(), got.end());
  for (int q = 1; q <= k; ++q) {
    const double lloyd = kmeans.solve_lloyd(q, centroids);
    REQUIRE(std::ranges::is_sorted(centroids));
    REQUIRE(lloyd >= exact[q - 1] - rounding);
    // Settled: no value is nearer to another centroid than to its own.
    REQUIRE(std::abs(cost(row.values, row.weights, centroids) - lloyd) <= 1e-9 * lloyd + rounding);
  }
}

std::vector<float> exact_values(const std::vector<float>& values, int k) {
  Kmeans1d kmeans;
  kmeans.assign(values, {});
  kmeans.solve_exact(k);
  std::vector<double> centroids;
  kmeans.exact_centroids(k, centroids);
  return {centroids.begin(), centroids.end()};
}

}  // namespace

TEST_CASE("kmeans1d: the exact solver finds what brute force finds, for every number of clusters at once") {
  std::mt19937 random(7);
  for (const Store store : {Store::kF32, Store::kF16, Store::kBF16, Store::kWhole})
    for (const bool weighted : {false, true})
      for (const std::size_t n : {1, 2, 3, 5, 8, 9, 17, 40, 70})
        for (int repeat = 0; repeat < 4; ++repeat) check_against_oracle(random_row(random, n, store, weighted), 9);
}

TEST_CASE("kmeans1d: rows longer than a block, against a quadratic program") {
  std::mt19937 random(11);
  for (const std::size_t n : {150, 333}) check_against_oracle(random_row(random, n, Store::kF32, true), 6);
}

TEST_CASE("kmeans1d: known answers") {
  CHECK(exact_values(std::vector<float>(100, 0.75f), 4) == std::vector<float>{0.75f});
  std::vector<float> plateaus;
  for (int i = 0; i < 256; ++i) plateaus.push_back(static_cast<float>(i / 32) - 3.5f);
  CHECK(exact_values(plateaus, 8) == std::vector<float>{-3.5f, -2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 3.5f});
  std::vector<float> ramp;
  for (int i = 0; i < 256; ++i) ramp.push_back(static_cast<float>(i));
  std::vector<float> middles;
  for (int c = 0; c < 16; ++c) middles.push_back(static_cast<float>(16 * c) + 7.5f);
  CHECK(exact_values(ramp, 16) == middles);
  std::ranges::reverse(ramp);
  CHECK(exact_values(ramp, 16) == middles);

  Kmeans1d kmeans;
  kmeans.assign(plateaus, {});
  CHECK(kmeans.solve_exact(10)[7] == 0);
  CHECK(kmeans.solve_exact(10)[9] == 0);
  std::vector<double> centroids;
  CHECK(kmeans.solve_lloyd(8, centroids) == 0);
  CHECK(centroids.size() == 8);
}

TEST_CASE("kmeans1d: weights pull, zero weights have no say, and all zero means all equal") {
  Kmeans1d kmeans;
  std::vector<double> centroids;
  const std::vector<float> values = {0, 1, 10, 11};
  kmeans.assign(values, std::vector<float>{1, 3, 0, 5});
  kmeans.solve_exact(2);
  kmeans.exact_centroids(2, centroids);
  CHECK(centroids == std::vector<double>{0.75, 11});
  CHECK(kmeans.row().distinct() == 3);
  kmeans.assign(values, std::vector<float>{0, 0, 0, 0});
  kmeans.solve_exact(2);
  kmeans.exact_centroids(2, centroids);
  CHECK(centroids == std::vector<double>{0.5, 10.5});
  // The table over keys is left clean by rows that were given up or came out empty.
  kmeans.assign(std::vector<float>{5}, {});
  CHECK(kmeans.row().distinct() == 1);
}

TEST_CASE("kmeans1d: -0 and 0 are one value; extremes of float32 and weights 40 orders apart come through") {
  Kmeans1d kmeans;
  kmeans.assign(std::vector<float>{-0.0f, 0.0f, 1e-45f}, {});
  CHECK(kmeans.row().distinct() == 2);
  kmeans.assign(std::vector<float>{-0.0f, 0.0f, 2.0f}, {});
  CHECK(kmeans.row().distinct() == 2);
  const std::vector<float> values = {-3e38f, -1.234567f, 0, 1e-30f, 3e38f};
  kmeans.assign(values, std::vector<float>{1e-20f, 1e20f, 1, 1e-40f, 1e-20f});
  CHECK(kmeans.row().distinct() == 5);
  for (const double objective : kmeans.solve_exact(5)) CHECK(std::isfinite(objective));
  std::vector<double> centroids;
  kmeans.exact_centroids(4, centroids);
  CHECK(centroids.size() == 4);
  CHECK(std::isfinite(kmeans.solve_lloyd(3, centroids)));
}

TEST_CASE("kmeans1d: the key table and the sort agree") {
  std::mt19937 random(3);
  for (const Store store : {Store::kF16, Store::kBF16, Store::kWhole}) {
    Row row = random_row(random, 2000, store, true);
    Kmeans1d by_key, by_sorting;
    by_key.assign(row.values, row.weights);
    row.values.push_back(1.2345678e-7f);  // fits neither 16-bit type, and weighs nothing
    row.weights.push_back(0);
    by_sorting.assign(row.values, row.weights);
    CHECK(std::ranges::equal(by_key.row().values(), by_sorting.row().values()));
    CHECK(std::ranges::equal(by_key.row().weight(), by_sorting.row().weight()));
    CHECK(std::ranges::equal(by_key.row().moment(), by_sorting.row().moment()));
  }
}

TEST_CASE("kmeans1d: on real sizes exact is never above Lloyd, and Lloyd is close") {
  std::mt19937 random(5);
  for (const int k : {4, 8, 16, 64, 256}) {
    double exact = 0, lloyd = 0;
    for (int repeat = 0; repeat < 6; ++repeat) {
      const Row row = random_row(random, 2048, Store::kBF16, true, 2);
      Kmeans1d kmeans;
      kmeans.assign(row.values, row.weights);
      std::vector<double> centroids;
      const double one = kmeans.solve_exact(k)[k - 1], other = kmeans.solve_lloyd(k, centroids);
      REQUIRE(one <= other + 1e-12 * kmeans.row().spread());
      exact += one;
      lloyd += other;
    }
    INFO(k, " clusters: ", lloyd / exact);
    CHECK(lloyd <= (k <= 64 ? 1.03 : 1.5) * exact);
  }
}

TEST_CASE("codebook: rounding keeps order and pads; indices are the nearest by float64") {
  std::vector<Half> table(8);
  round_codebook(std::vector<double>{-1e9, -0.1, 1.0 / 3, 1e9}, table);
  CHECK(to_float(table[0]) == -65504);
  CHECK(to_float(table[1]) == to_float(to_half(-0.1f)));
  for (std::size_t c = 3; c < 8; ++c) CHECK(to_float(table[c]) == 65504);

  std::mt19937 random(9);
  for (const std::size_t entries : {4, 8, 16, 32, 256}) {
    const Row row = random_row(random, 1001, Store::kF32, false);
    std::vector<double> centroids;
    Kmeans1d kmeans;
    kmeans.assign(row.values, {});
    kmeans.solve_lloyd(static_cast<int>(entries), centroids);
    table.resize(entries);
    round_codebook(centroids, table);
    std::vector<float> values = row.values;
    for (std::size_t c = 0; c + 1 < entries; ++c)  // the middles themselves, and their neighbours
      for (const float way : {-1.0f, 1.0f}) {
        values.push_back(0.5f * (to_float(table[c]) + to_float(table[c + 1])));
        values.push_back(std::nextafter(values.back(), way));
      }
    std::vector<std::uint8_t> indices(values.size());
    nearest_indices(values, table, indices);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto distance = [&](std::size_t c) {
        return std::abs(static_cast<double>(values[i]) - static_cast<double>(to_float(table[c])));
      };
      for (std::size_t c = 0; c < entries; ++c) REQUIRE(distance(indices[i]) <= distance(c));
    }
  }
}
