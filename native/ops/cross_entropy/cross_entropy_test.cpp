#include "ops/cross_entropy/cross_entropy.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

double reference_lse(const double* x, std::int64_t count) {
  const double most = *std::max_element(x, x + count);
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += std::exp(x[i] - most);
  return most + std::log(sum);
}

struct Case {
  std::int64_t rows, vocabulary;
  float scale;
};

constexpr Case kCases[] = {{1, 2, 1}, {3, 17, 5}, {2, 2049, 30}, {40, 384, 1}, {2, 32000, 10}};

}  // namespace

TEST_CASE("cross_entropy and its gradient against float64 (tiers B, D)") {
  for (const Case& c : kCases) {
    CAPTURE(c.vocabulary);
    const auto logits = random_matrix(c.rows, c.vocabulary, 1, c.scale);
    const auto exact = in_double(logits);
    std::vector<std::int32_t> targets;
    for (std::int64_t r = 0; r < c.rows; ++r) targets.push_back(static_cast<std::int32_t>((r * 7919) % c.vocabulary));
    std::vector<double> losses(c.rows), again(c.rows);
    cross_entropy(logits.view(), targets, losses);
    auto gradient = logits;
    cross_entropy_with_gradient(gradient.view(), targets, again);
    CHECK(losses == again);
    double worst_loss = 0;
    std::vector<double> wanted(exact.size());
    for (std::int64_t r = 0; r < c.rows; ++r) {
      const double* row = exact.data() + r * c.vocabulary;
      const double total = reference_lse(row, c.vocabulary);
      worst_loss = std::max(worst_loss, std::abs(losses[r] - (total - row[targets[r]])));
      for (std::int64_t v = 0; v < c.vocabulary; ++v)
        wanted[r * c.vocabulary + v] = std::exp(row[v] - total) - (v == targets[r] ? 1 : 0);
    }
    CHECK(worst_loss < 1e-6 * (1 + c.scale));
    CHECK(relative_error(gradient.values, wanted) < 3e-6);
  }
}

TEST_CASE("cross_entropy's gradient against differences (tier D)") {
  const auto logits = random_matrix(1, 9, 4, 3);
  const auto differences =
      central_differences([](const auto& x) { return reference_lse(x.data(), 9) - x[5]; }, in_double(logits));
  auto gradient = logits;
  std::vector<double> loss(1);
  cross_entropy_with_gradient(gradient.view(), std::vector<std::int32_t>{5}, loss);
  CHECK(relative_error(gradient.values, differences) < 1e-6);
}

TEST_CASE("cross_entropy does not hide what is not finite") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  Matrix<float> logits(3, 4);
  logits.values = {1, NAN, 0, 0, inf, 0, 0, 0, -inf, 0, 0, 0};
  std::vector<double> losses(3);
  cross_entropy(logits.view(), std::vector<std::int32_t>{0, 1, 1}, losses);
  CHECK(std::isnan(losses[0]));
  CHECK_FALSE(std::isfinite(losses[1]));
  CHECK(losses[2] == doctest::Approx(std::log(3.0)));  // a class that cannot be is no divergence
}

TEST_CASE("kl_divergence against float64, and zero for equal rows (tier B)") {
  for (const Case& c : kCases) {
    const auto p = random_matrix(1, c.vocabulary, 1, c.scale);
    auto q = random_matrix(1, c.vocabulary, 2, 0.01f);
    for (std::size_t i = 0; i < q.values.size(); ++i) q.values[i] += p.values[i];
    const auto exact_p = in_double(p), exact_q = in_double(q);
    const double lse_p = reference_lse(exact_p.data(), c.vocabulary),
                 lse_q = reference_lse(exact_q.data(), c.vocabulary);
    double wanted = 0;
    for (std::size_t i = 0; i < exact_p.size(); ++i)
      wanted += std::exp(exact_p[i] - lse_p) * ((exact_p[i] - lse_p) - (exact_q[i] - lse_q));
    CAPTURE(c.vocabulary);
    CHECK(std::abs(kl_divergence(p.values, q.values) - wanted) < 5e-7);  // two normalisers, each to a rounding of fp32
    CHECK(std::abs(kl_divergence(p.values, p.values)) < 1e-12);
  }
}
