#include "ops/kmeans1d/kmeans1d.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "base/matrix.hpp"
#include "device/test_device.hpp"
#include "ops/kmeans1d/kmeans1d_cuda.hpp"

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

// A matrix, and what it is clustered by.
struct Rows {
  Matrix<float> values, weights;   // weights: empty for equal ones
  Matrix<std::uint8_t> kept = {};  // empty for none
};

Rows random_rows(std::mt19937& random, std::int64_t count, std::int64_t length, Store store, bool weighted, bool keep) {
  Rows rows{{count, length}, {weighted ? count : 0, weighted ? length : 0}};
  for (std::int64_t r = 0; r < count; ++r) {
    const Row row = random_row(random, static_cast<std::size_t>(length), store, weighted, 2);
    std::ranges::copy(row.values, rows.values.view().row(r).begin());
    if (weighted) std::ranges::copy(row.weights, rows.weights.view().row(r).begin());
  }
  if (keep) {
    rows.kept = {count, length};
    for (std::uint8_t& kept : rows.kept.values) kept = random() % 16 == 0;
  }
  return rows;
}

struct Clustered {
  Matrix<Half> table;
  Matrix<std::uint8_t> indices;
  std::vector<double> objective;
};

std::vector<Clustered> on_processor(const Rows& rows, bool exact, const std::vector<int>& widths) {
  const std::int64_t count = rows.values.rows, length = rows.values.cols;
  std::vector<Clustered> results;
  for (const int k : widths) results.push_back({{count, k}, {count, length}, std::vector<double>(count)});
  Kmeans1d kmeans;
  std::vector<double> centroids;
  for (std::int64_t r = 0; r < count; ++r) {
    const auto values = rows.values.view().row(r);
    std::vector<float> weights(static_cast<std::size_t>(length), 1.0f);
    if (!rows.weights.values.empty()) std::ranges::copy(rows.weights.view().row(r), weights.begin());
    const auto kept = [&](std::size_t j) {
      return !rows.kept.values.empty() && rows.kept.values[static_cast<std::size_t>(r * length) + j] != 0;
    };
    std::vector<float> say = weights;
    for (std::size_t j = 0; j < say.size(); ++j) say[j] = kept(j) ? 0.0f : say[j];
    if (std::ranges::all_of(say, [](float f) { return f == 0; }))
      for (std::size_t j = 0; j < say.size(); ++j) say[j] = kept(j) ? 0.0f : 1.0f;
    kmeans.assign(values, say);
    if (exact) kmeans.solve_exact(*std::ranges::max_element(widths));
    for (std::size_t w = 0; w < widths.size(); ++w) {
      if (exact)
        kmeans.exact_centroids(widths[w], centroids);
      else
        kmeans.solve_lloyd(widths[w], centroids);
      const auto table = results[w].table.view().row(r);
      const auto indices = results[w].indices.view().row(r);
      round_codebook(centroids, table);
      nearest_indices(values, table, indices);
      for (std::size_t j = 0; j < values.size(); ++j) {
        const double error = static_cast<double>(values[j]) - static_cast<double>(to_float(table[indices[j]]));
        if (!kept(j)) results[w].objective[r] += static_cast<double>(weights[j]) * error * error;
      }
    }
  }
  return results;
}

// Tier A: the same bits, in tables, indices and objectives.
void check_device(TestDevice& device, const Rows& rows, bool exact, const std::vector<int>& widths) {
  CAPTURE(rows.values.cols);
  CAPTURE(exact);
  const auto wanted = on_processor(rows, exact, widths);
  const std::int64_t count = rows.values.rows, length = rows.values.cols;
  std::vector<DeviceCodebooks> books;
  for (const int k : widths)
    books.push_back(
        {device.empty<Half>(count, k), device.empty<std::uint8_t>(count, length), device.empty<double>(1, count).data});
  DeviceKmeans1d kmeans;
  kmeans.cluster(device.stream(), device.of(rows.values),
                 rows.weights.values.empty() ? nullptr : device.of(rows.weights).data,
                 rows.kept.values.empty() ? nullptr : device.of(rows.kept).data, exact, books);
  for (std::size_t w = 0; w < widths.size(); ++w) {
    CAPTURE(widths[w]);
    CHECK(device.back(books[w].tables).values == wanted[w].table.values);
    CHECK(device.back(books[w].indices).values == wanted[w].indices.values);
    CHECK(device.back(DeviceView<double>{books[w].objective, 1, count}).values == wanted[w].objective);
  }
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

TEST_CASE("kmeans1d: a row is not told by the rows before it") {
  // The least value stands alone in two clusters, so that the search for three begins below where two can end.
  const std::vector<float> values = {-100, 1, 2, 3, 4, 5};
  std::vector<double> alone, after;
  Kmeans1d fresh, used;
  fresh.assign(values, {});
  const double wanted = fresh.solve_exact(4)[2];
  fresh.exact_centroids(3, alone);
  for (const int k : {2, 3, 4}) {
    used.assign(std::vector<float>{-1e6f, 1, 2, 3, 4, 5}, {});
    used.solve_exact(k);
    used.assign(values, {});
    CHECK(used.solve_exact(4)[2] == wanted);
    used.exact_centroids(3, after);
    CHECK(after == alone);
  }
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

TEST_CASE("device: kmeans1d gives the bits of the processor, for every kind of value and length of row") {
  TestDevice device;
  if (!device) return;
  std::mt19937 random(21);
  for (const std::int64_t length : {1, 2, 5, 9, 17, 70, 1001})
    for (const Store store : {Store::kF32, Store::kF16, Store::kBF16, Store::kWhole})
      for (const bool weighted : {false, true})
        for (const bool exact : {false, true})
          check_device(device, random_rows(random, length > 500 ? 1 : 2, length, store, weighted, length % 2 == 1),
                       exact, {4, 8});
}

TEST_CASE("device: kmeans1d gives the bits of the processor, for every width alone and many at once") {
  TestDevice device;
  if (!device) return;
  std::mt19937 random(22);
  for (const bool exact : {false, true}) {
    const Rows rows = random_rows(random, 1, 333, Store::kBF16, true, true);
    for (const int k : {1, 2, 3, 16, 50}) check_device(device, rows, exact, {k});
    check_device(device, rows, exact, {4, 256, 8});
  }
}

TEST_CASE("device: kmeans1d of rows with more values than shared memory holds") {
  TestDevice device;
  if (!device) return;
  std::mt19937 random(23);
  for (const bool exact : {false, true}) {
    check_device(device, random_rows(random, 1, 4099, Store::kF32, true, true), exact, {8});
    check_device(device, random_rows(random, 1, 2011, Store::kF32, true, false), exact, {4});
    check_device(device, random_rows(random, 1, 65'537, Store::kBF16, true, false), exact, {8});
  }
}

TEST_CASE("device: kmeans1d of rows that are degenerate") {
  TestDevice device;
  if (!device) return;
  std::mt19937 random(24);
  Rows rows = random_rows(random, 9, 300, Store::kF16, true, true);
  const auto fill = [](auto row, auto value) { std::ranges::fill(row, value); };
  fill(rows.weights.view().row(0), 0.0f);          // no sensitivity
  fill(rows.kept.view().row(1), std::uint8_t{1});  // all kept
  fill(rows.values.view().row(2), 0.25f);          // one value
  fill(rows.values.view().row(3), -0.0f);          // one value, of two signs
  for (int j = 0; j < 300; j += 2) rows.values.view().row(3)[j] = 0.0f;
  for (int j = 0; j < 300; ++j) {
    rows.values.view().row(4)[j] = static_cast<float>(j / 32);   // plateaus
    rows.values.view().row(5)[j] = static_cast<float>(299 - j);  // a ramp: ties everywhere
    rows.weights.view().row(5)[j] = 1.0f;
    rows.weights.view().row(6)[j] = std::pow(10.0f, static_cast<float>(j % 75) - 38.0f);  // 75 orders
    rows.values.view().row(7)[j] =
        (j % 2 == 0 ? -1.0f : 1.0f) * std::ldexp(1.0f + 1e-7f * static_cast<float>(j), j % 250 - 125);
    rows.values.view().row(8)[j] = 3e38f * (j % 3 == 0 ? -1.0f : 1.0f);
    rows.weights.view().row(8)[j] = j % 2 == 0 ? 0.0f : 1e-40f;
  }
  fill(rows.kept.view().row(0), std::uint8_t{0});
  for (const bool exact : {false, true}) check_device(device, rows, exact, {4, 8, 16});
}
