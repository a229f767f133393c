#include "ops/cross_entropy/cross_entropy.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "device/test_device.hpp"
#include "ops/cross_entropy/cross_entropy_cuda.hpp"
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

TEST_CASE("kl_divergence's gradient against differences (tier D)") {
  const auto p = random_matrix(2, 9, 4, 3), q = random_matrix(2, 9, 5, 3);
  auto gradient = q;
  std::vector<double> out(2), alone(2);
  kl_divergence_with_gradient(p.view(), gradient.view(), out);
  kl_divergence_rows(p.view(), q.view(), alone);
  CHECK(out == alone);
  const auto exact_p = in_double(p);
  const auto total = [&](const auto& x) {
    double sum = 0;
    for (std::size_t r = 0; r < 2; ++r) {
      const double *p_row = exact_p.data() + r * 9, *q_row = x.data() + r * 9;
      const double lse_p = reference_lse(p_row, 9), lse_q = reference_lse(q_row, 9);
      for (std::size_t v = 0; v < 9; ++v) sum += std::exp(p_row[v] - lse_p) * (p_row[v] - lse_p - q_row[v] + lse_q);
    }
    return sum;
  };
  CHECK(relative_error(gradient.values, central_differences(total, in_double(q))) < 1e-5);
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

TEST_CASE("device: cross_entropy, its gradient and the likeliest class against float64 (tiers B, D)") {
  TestDevice device;
  if (!device) return;
  for (const Case& c : kCases) {
    CAPTURE(c.vocabulary);
    const auto logits = random_matrix(c.rows, c.vocabulary, 1, c.scale);
    const auto exact = in_double(logits);
    std::vector<std::int32_t> targets;
    for (std::int64_t r = 0; r < c.rows; ++r) targets.push_back(static_cast<std::int32_t>((r * 7919) % c.vocabulary));
    const auto logits_there = device.of(logits), gradient_there = device.of(logits);
    const auto targets_there = device.of(targets), classes_there = device.empty<std::int32_t>(1, c.rows);
    const auto losses_there = device.empty<float>(1, c.rows), again_there = device.empty<float>(1, c.rows),
               log_probability_there = device.empty<float>(1, c.rows);
    cross_entropy(device.stream(), logits_there, targets_there.data, losses_there.data);
    cross_entropy_with_gradient(device.stream(), gradient_there, targets_there.data, again_there.data);
    argmax_log_probability(device.stream(), logits_there, classes_there.data, log_probability_there.data);
    const auto losses = device.back(losses_there), log_probability = device.back(log_probability_there);
    const auto classes = device.back(classes_there);
    CHECK(device.back(again_there).values == losses.values);
    double worst = 0;
    std::vector<double> wanted(exact.size());
    for (std::int64_t r = 0; r < c.rows; ++r) {
      const double* row = exact.data() + r * c.vocabulary;
      const double total = reference_lse(row, c.vocabulary);
      const std::int64_t best = std::max_element(row, row + c.vocabulary) - row;
      CHECK(classes.values[r] == best);
      worst = std::max(worst, std::abs(losses.values[r] - (total - row[targets[r]])));
      worst = std::max(worst, std::abs(log_probability.values[r] - (row[best] - total)));
      for (std::int64_t v = 0; v < c.vocabulary; ++v)
        wanted[r * c.vocabulary + v] = std::exp(row[v] - total) - (v == targets[r] ? 1 : 0);
    }
    CHECK(worst < 1e-6 * (1 + c.scale));
    CHECK(relative_error(device.back(gradient_there).values, wanted) < 3e-6);
  }
}

TEST_CASE("device: cross_entropy does not hide what is not finite, and the first of equal classes is the likeliest") {
  TestDevice device;
  if (!device) return;
  constexpr float inf = std::numeric_limits<float>::infinity();
  Matrix<float> logits(5, 4);
  logits.values = {1, NAN, 0, 0, inf, 0, 0, 0, -inf, 0, 0, 0, 1, 3, 3, 3, NAN, NAN, NAN, NAN};
  const auto there = device.of(logits);
  const auto targets = device.of(std::vector<std::int32_t>{0, 1, 1, 1, 1}), classes = device.empty<std::int32_t>(1, 5);
  const auto losses_there = device.empty<float>(1, 5), log_probability_there = device.empty<float>(1, 5);
  argmax_log_probability(device.stream(), there, classes.data, log_probability_there.data);
  cross_entropy_with_gradient(device.stream(), there, targets.data, losses_there.data);
  const auto losses = device.back(losses_there), log_probability = device.back(log_probability_there);
  for (const std::size_t r : {0, 1, 4}) {
    CHECK_FALSE(std::isfinite(losses.values[r]));
    CHECK_FALSE(std::isfinite(log_probability.values[r]));
  }
  CHECK(losses.values[2] == doctest::Approx(std::log(3.0)));
  CHECK(device.back(there).values[8] == 0.0f);  // no gradient for what cannot be
  CHECK(device.back(classes).values == std::vector<std::int32_t>{0, 0, 1, 1, 0});
}

TEST_CASE("device: kl_divergence and its gradient as on the processor, and zero for equal rows (tier B)") {
  TestDevice device;
  if (!device) return;
  for (const Case& c : kCases) {
    const auto p = random_matrix(c.rows, c.vocabulary, 1, c.scale);
    auto q = random_matrix(c.rows, c.vocabulary, 2, 0.01f);
    for (std::size_t i = 0; i < q.values.size(); ++i) q.values[i] += p.values[i];
    std::vector<double> wanted(c.rows);
    kl_divergence_rows(p.view(), q.view(), wanted);
    const auto p_there = device.of(p), q_there = device.of(q), out = device.empty<float>(1, c.rows),
               of_equal = device.empty<float>(1, c.rows);
    kl_divergence_rows(device.stream(), p_there, q_there, out.data);
    kl_divergence_rows(device.stream(), p_there, p_there, of_equal.data);
    const auto gradient_there = device.of(q), again_there = device.empty<float>(1, c.rows);
    kl_divergence_with_gradient(device.stream(), p_there, gradient_there, again_there.data);
    auto gradient = q;
    kl_divergence_with_gradient(p.view(), gradient.view(), wanted);
    const auto found = device.back(out), zeros = device.back(of_equal);
    CAPTURE(c.vocabulary);
    CHECK(device.back(again_there).values == found.values);
    // Each probability is off by the rounding of its row's normaliser to fp32.
    const auto gradient_back = device.back(gradient_there);
    for (std::size_t i = 0; i < gradient.values.size(); ++i)
      CHECK(std::abs(gradient_back.values[i] - gradient.values[i]) < 5e-6);
    for (std::int64_t r = 0; r < c.rows; ++r) {
      CHECK(std::abs(found.values[r] - wanted[r]) < 1e-6);  // each is within 5e-7 of the formula
      CHECK(std::abs(zeros.values[r]) < 1e-12);
    }
  }
}
