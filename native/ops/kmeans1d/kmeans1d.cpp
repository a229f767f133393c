#include "ops/kmeans1d/kmeans1d.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

#include "base/simd.hpp"
#include "ops/kmeans1d/exact_layer.hpp"

namespace squeeze {

namespace {

constexpr int kMaxLloydSteps = 1000;  // it settles in some tens; this only bounds what rounding could do

double squared_over(double moment, double weight) { return moment * moment / weight; }

}  // namespace

std::span<const double> Kmeans1d::solve_exact(int k) {
  assert(k >= 1);
  const std::int64_t count = row_.distinct();
  const auto weight = row_.weight(), moment = row_.moment();
  objectives_.assign(static_cast<std::size_t>(k), 0.0);
  split_stride_ = static_cast<std::int64_t>(weight.size());
  const std::int64_t layers = std::min<std::int64_t>(k, count);
  splits_.resize(static_cast<std::size_t>(std::max<std::int64_t>(1, layers) * split_stride_));
  gain_.resize(weight.size());
  next_gain_.resize(weight.size());
  std::fill_n(splits_.begin(), split_stride_, 0);
  gain_[0] = 0;
  for (std::int64_t j = 1; j <= count; ++j) gain_[j] = squared_over(moment[j], weight[j]);
  for (std::int64_t q = 1; q <= layers; ++q) {
    std::int32_t* splits = splits_.data() + (q - 1) * split_stride_;
    if (q > 1) {
      solve_layer({.weight = weight.data(),
                   .moment = moment.data(),
                   .gain_before = gain_.data(),
                   .split_before = splits - split_stride_,
                   .count = count,
                   .clusters = q,
                   .last = q == layers},
                  next_gain_.data(), splits);
      std::swap(gain_, next_gain_);
    }
    objectives_[q - 1] = std::max(0.0, row_.spread() - gain_[count]);
  }
  if (layers == count && layers > 0) objectives_[layers - 1] = 0;
  return objectives_;
}

void Kmeans1d::exact_centroids(int q, std::vector<double>& centroids) const {
  const auto weight = row_.weight(), moment = row_.moment();
  const std::int64_t clusters = std::min<std::int64_t>(q, row_.distinct());
  centroids.resize(static_cast<std::size_t>(clusters));
  std::int64_t end = row_.distinct();
  for (std::int64_t c = clusters; c-- > 0;) {
    const std::int64_t begin = splits_[c * split_stride_ + end];
    centroids[c] = row_.mean() + (moment[end] - moment[begin]) / (weight[end] - weight[begin]);
    end = begin;
  }
}

double Kmeans1d::cost_of(std::span<const std::int64_t> borders) const {
  double gain = 0;
  for (std::size_t c = 0; c + 1 < borders.size(); ++c)
    if (borders[c] < borders[c + 1])
      gain += squared_over(row_.moment()[borders[c + 1]] - row_.moment()[borders[c]],
                           row_.weight()[borders[c + 1]] - row_.weight()[borders[c]]);
  return std::max(0.0, row_.spread() - gain);
}

double Kmeans1d::solve_lloyd(int k, std::vector<double>& centroids) {
  assert(k >= 1);
  const auto values = row_.values(), weight = row_.weight(), moment = row_.moment();
  const std::int64_t count = row_.distinct();
  const std::int64_t clusters = std::min<std::int64_t>(k, count);
  if (clusters == count) {
    centroids.assign(values.begin(), values.end());
    return 0;
  }

  // Bins of neighbouring values, a third of them by count, by width and by weight: each alone is too coarse somewhere,
  // in the tails, in the middle, or around the few values that carry most of the weight.
  const std::int64_t bins = std::clamp<std::int64_t>(12 * clusters, 96, 1024);
  const double share = static_cast<double>(bins) / 3;
  const double per_count = share / static_cast<double>(count), per_value = share / (values.back() - values.front());
  const double per_weight = share / weight[count];
  bin_weight_.assign(1, 0.0);
  bin_moment_.assign(1, 0.0);
  bin_end_.assign(1, 0);
  double bin = 0;
  for (std::int64_t i = 1; i <= count; ++i) {
    const double next = i == count ? static_cast<double>(2 * bins)
                                   : std::floor(static_cast<double>(i) * per_count +
                                                (values[i] - values[0]) * per_value + weight[i] * per_weight);
    if (next == bin) continue;
    bin = next;
    bin_weight_.push_back(weight[i]);
    bin_moment_.push_back(moment[i]);
    bin_end_.push_back(static_cast<std::int32_t>(i));
  }
  const auto binned = static_cast<std::int64_t>(bin_end_.size()) - 1;
  const std::int64_t begun = std::min(clusters, binned);
  bin_weight_.resize(bin_weight_.size() + SortedRow::kPadding, std::numeric_limits<double>::infinity());
  bin_moment_.resize(bin_moment_.size() + SortedRow::kPadding, 0.0);
  const auto stride = static_cast<std::int64_t>(bin_weight_.size());
  bin_splits_.assign(static_cast<std::size_t>(begun * stride), 0);
  gain_.resize(std::max(gain_.size(), bin_weight_.size()));
  next_gain_.resize(gain_.size());
  gain_[0] = 0;
  for (std::int64_t j = 1; j <= binned; ++j) gain_[j] = squared_over(bin_moment_[j], bin_weight_[j]);
  for (std::int64_t q = 2; q <= begun; ++q) {
    solve_layer({.weight = bin_weight_.data(),
                 .moment = bin_moment_.data(),
                 .gain_before = gain_.data(),
                 .split_before = bin_splits_.data() + (q - 2) * stride,
                 .count = binned,
                 .clusters = q,
                 .last = q == begun},
                next_gain_.data(), bin_splits_.data() + (q - 1) * stride);
    std::swap(gain_, next_gain_);
  }
  borders_.assign(static_cast<std::size_t>(begun + 1), 0);
  for (std::int64_t c = begun, end = binned; c > 0; --c) {
    borders_[c] = bin_end_[end];
    end = bin_splits_[(c - 1) * stride + end];
  }

  // A cluster never empties: its centroid lies inside its run, so on either side of both its borders there is a value
  // that is nearer to it than to the neighbour.
  centroids.resize(static_cast<std::size_t>(begun));
  for (int step = 0; step < kMaxLloydSteps; ++step) {
    for (std::int64_t c = 0; c < begun; ++c)
      centroids[c] = row_.mean() +
                     (moment[borders_[c + 1]] - moment[borders_[c]]) / (weight[borders_[c + 1]] - weight[borders_[c]]);
    bool moved = false;
    for (std::int64_t c = 1; c < begun; ++c) {
      // Borders move a few places at a time, so walking from the last one beats a search from scratch.
      const double middle = 0.5 * (centroids[c - 1] + centroids[c]);
      std::int64_t border = std::max(borders_[c], borders_[c - 1] + 1);
      while (border > borders_[c - 1] + 1 && values[border - 1] > middle) --border;
      while (border < count - (begun - c) && values[border] <= middle) ++border;
      moved |= border != borders_[c];
      borders_[c] = border;
    }
    if (!moved) break;
  }
  return cost_of(borders_);
}

void round_codebook(std::span<const double> centroids, std::span<Half> table) {
  assert(centroids.size() <= table.size());
  Half last = {};
  for (std::size_t c = 0; c < table.size(); ++c) {
    if (c < centroids.size()) last = to_half(static_cast<float>(std::clamp(centroids[c], -65504.0, 65504.0)) + 0.0f);
    table[c] = last;
  }
}

namespace {

SQUEEZE_HOT void count_above(const float* values, const float* thresholds, std::int64_t count, int borders,
                             std::uint8_t* indices) {
  constexpr std::int64_t kBlock = 64;
  for (std::int64_t first = 0; first < count; first += kBlock) {
    std::int32_t above[kBlock] = {};
    float block[kBlock] = {};
    const std::int64_t size = count - first < kBlock ? count - first : kBlock;
    for (std::int64_t i = 0; i < size; ++i) block[i] = values[first + i];
    for (int t = 0; t < borders; ++t)
      for (std::int64_t i = 0; i < kBlock; ++i) above[i] += block[i] > thresholds[t];
    for (std::int64_t i = 0; i < size; ++i) indices[first + i] = static_cast<std::uint8_t>(above[i]);
  }
}

}  // namespace

void nearest_indices(std::span<const float> values, std::span<const Half> table, std::span<std::uint8_t> indices) {
  assert(table.size() >= 1 && table.size() <= 256 && indices.size() == values.size());
  float thresholds[255];
  for (std::size_t c = 0; c + 1 < table.size(); ++c) {
    // The largest float not above the exact middle: a float is above the one exactly when it is above the other.
    const double middle = 0.5 * (static_cast<double>(to_float(table[c])) + static_cast<double>(to_float(table[c + 1])));
    thresholds[c] = static_cast<float>(middle);
    if (static_cast<double>(thresholds[c]) > middle)
      thresholds[c] = std::nextafter(thresholds[c], -std::numeric_limits<float>::infinity());
  }
  count_above(values.data(), thresholds, static_cast<std::int64_t>(values.size()), static_cast<int>(table.size()) - 1,
              indices.data());
}

}  // namespace squeeze
