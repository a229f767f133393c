#include "calib/refined_codebooks.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace squeeze {

namespace {

constexpr double kFirstDecay = 0.9, kSecondDecay = 0.95;
constexpr double kMostHalf = 65504;
constexpr double kLeastDeviation = 1e-12;  // beside gradients of 1e-3 and more: only entries without members have less

}  // namespace

RefinedCodebooks::RefinedCodebooks(const LutWeight& stored)
    : values_(stored.rows(), std::int64_t{1} << stored.bits()),
      first_moment_(values_.rows, values_.cols),
      second_moment_(values_.rows, values_.cols),
      gradient_(values_.rows, values_.cols) {
  for (std::int64_t r = 0; r < values_.rows; ++r) {
    const std::span<float> row = values_.view().row(r);
    stored.table(r, row);
    const auto [least, most] = std::ranges::minmax(row);
    spacing_.push_back((most - least) / static_cast<float>(row.size() - 1));
  }
}

std::vector<Half> RefinedCodebooks::rounded() const {
  std::vector<Half> halves(values_.values.size());
  std::ranges::transform(values_.values, halves.begin(), to_half);
  return halves;
}

void RefinedCodebooks::take(MatrixView<const float> gradient) {
  assert(gradient.rows == rows() && gradient.cols == entries());
  std::ranges::copy(gradient.flat(), gradient_.values.begin());
}

void RefinedCodebooks::move(std::int64_t step, double rate) {
  const double first_scale = 1 / (1 - std::pow(kFirstDecay, static_cast<double>(step)));
  const double second_scale = 1 / (1 - std::pow(kSecondDecay, static_cast<double>(step)));
  for (std::size_t i = 0; i < values_.values.size(); ++i) {
    const double g = static_cast<double>(gradient_.values[i]);
    float& first = first_moment_.values[i];
    float& second = second_moment_.values[i];
    first = static_cast<float>(kFirstDecay * first + (1 - kFirstDecay) * g);
    second = static_cast<float>(kSecondDecay * second + (1 - kSecondDecay) * g * g);
    const double deviation = std::sqrt(second_scale * second);
    if (deviation < kLeastDeviation) continue;
    const double size = rate * spacing_[i / static_cast<std::size_t>(values_.cols)];
    const double moved = values_.values[i] - size * first_scale * first / deviation;
    values_.values[i] = static_cast<float>(std::clamp(moved, -kMostHalf, kMostHalf));
  }
}

void RefinedCodebooks::return_to(std::span<const Half> values) {
  std::ranges::transform(values, values_.values.begin(), [](Half value) { return to_float(value); });
  std::ranges::fill(first_moment_.values, 0.0f);
  std::ranges::fill(second_moment_.values, 0.0f);
}

std::vector<MatrixView<float>> RefinedCodebooks::state() {
  return {values_.view(), first_moment_.view(), second_moment_.view()};
}

}  // namespace squeeze
