#include "calib/refined_codebooks.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/threads.hpp"
#include "calib/gradient_rows.hpp"
#include "formats/packed_indices.hpp"

namespace squeeze {

namespace {

constexpr double kFirstDecay = 0.9, kSecondDecay = 0.95;
constexpr double kMostHalf = 65504;
constexpr double kLeastDeviation = 1e-12;  // beside gradients of 1e-3 and more: only entries without members have less

// Sums of the gradients of each entry's members.
void add_members(std::span<const float> gradient, std::span<const std::uint8_t> indices, std::span<double> sums) {
  float part[1 << kMaxBits] = {};
  for (std::size_t j = 0; j < gradient.size(); ++j) part[indices[j]] += gradient[j];
  for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += part[k];
}

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

void RefinedCodebooks::begin(const LutWeight& stored) {
  std::ranges::fill(gradient_.values, 0.0);
  indices_ = Matrix<std::uint8_t>(stored.rows(), stored.cols());
  parallel_for(stored.rows(), 16, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) stored.indices(r, indices_.view().row(r));
  });
}

void RefinedCodebooks::add(MatrixView<const float> x, MatrixView<const float> dy) {
  assert(indices_.rows == dy.cols && indices_.cols == x.cols);
  for_gradient_rows(x, dy, [&](std::int64_t first, MatrixView<const float> product) {
    for (std::int64_t r = 0; r < product.rows; ++r)
      add_members(product.row(r), std::as_const(indices_).view().row(first + r), gradient_.view().row(first + r));
  });
}

void RefinedCodebooks::release() { indices_ = {}; }

void RefinedCodebooks::move(std::int64_t step, double rate) {
  const double first_scale = 1 / (1 - std::pow(kFirstDecay, static_cast<double>(step)));
  const double second_scale = 1 / (1 - std::pow(kSecondDecay, static_cast<double>(step)));
  for (std::size_t i = 0; i < values_.values.size(); ++i) {
    const double g = gradient_.values[i];
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
