#include "ops/kmeans1d/sorted_row.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/half.hpp"
#include "base/simd.hpp"

namespace squeeze {

namespace {

constexpr double kLeastShare = 0x1p-48;
constexpr std::size_t kKeys = 1 << 16;

// Bits of a float, reordered so that unsigned order is numeric order; and back. −0 must have been made 0 before.
constexpr std::uint32_t ordered_32(std::uint32_t bits) { return bits & 0x80000000u ? ~bits : bits | 0x80000000u; }
constexpr std::uint32_t bits_of_32(std::uint32_t key) { return key & 0x80000000u ? key & 0x7fffffffu : ~key; }
constexpr std::uint16_t ordered_16(std::uint16_t bits) {
  return static_cast<std::uint16_t>(bits & 0x8000u ? ~bits : bits | 0x8000u);
}
constexpr std::uint16_t bits_of_16(std::size_t key) {
  return static_cast<std::uint16_t>(key & 0x8000u ? key & 0x7fffu : ~key);
}

// Adding 0 turns −0 into 0, so that the two merge.
template <typename T>
[[gnu::always_inline]] inline bool keys_as(const float* values, std::int64_t count, std::uint16_t* keys) {
  std::uint32_t differs = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = values[i] + 0.0f;
    T narrow;
    if constexpr (std::is_same_v<T, Half>) {
      narrow = to_half(value);
    } else {
      narrow = {static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16)};
    }
    differs |= std::bit_cast<std::uint32_t>(to_float(narrow)) ^ std::bit_cast<std::uint32_t>(value);
    keys[i] = ordered_16(narrow.bits);
  }
  return differs == 0;
}

SQUEEZE_HOT bool keys_of_bfloat16(const float* values, std::int64_t count, std::uint16_t* keys) {
  return keys_as<BFloat16>(values, count, keys);
}

SQUEEZE_HOT bool keys_of_half(const float* values, std::int64_t count, std::uint16_t* keys) {
  return keys_as<Half>(values, count, keys);
}

}  // namespace

bool SortedRow::gather_by_key(std::span<const float> values, std::span<const float> weights) {
  const auto count = static_cast<std::int64_t>(values.size());
  keys_.resize(values.size());
  const bool is_bfloat16 = keys_of_bfloat16(values.data(), count, keys_.data());
  if (!is_bfloat16 && !keys_of_half(values.data(), count, keys_.data())) return false;

  mass_of_key_.resize(kKeys);
  keys_seen_.resize(kKeys / 64);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint16_t key = keys_[i];
    mass_of_key_[key] += weights.empty() ? 1.0 : static_cast<double>(weights[i]);
    keys_seen_[key / 64] |= std::uint64_t{1} << key % 64;
  }
  for (std::size_t word = 0; word < keys_seen_.size(); ++word) {
    for (std::uint64_t left = std::exchange(keys_seen_[word], 0); left != 0; left &= left - 1) {
      const std::size_t key = word * 64 + static_cast<std::size_t>(std::countr_zero(left));
      const double mass = std::exchange(mass_of_key_[key], 0.0);
      if (mass == 0) continue;
      const std::uint16_t bits = bits_of_16(key);
      values_.push_back(static_cast<double>(is_bfloat16 ? to_float(BFloat16{bits}) : to_float(Half{bits})));
      mass_.push_back(mass);
    }
  }
  return true;
}

void SortedRow::gather_by_sorting(std::span<const float> values, std::span<const float> weights) {
  // Value in the upper half, weight in the lower: three passes of 11 bits sort by value and keep equal ones in order.
  pairs_.resize(values.size());
  scratch_.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint32_t key = ordered_32(std::bit_cast<std::uint32_t>(values[i] + 0.0f));
    pairs_[i] =
        static_cast<std::uint64_t>(key) << 32 | std::bit_cast<std::uint32_t>(weights.empty() ? 1.0f : weights[i]);
  }
  constexpr std::size_t kDigits = 1 << 11;
  for (const int shift : {32, 43, 54}) {
    std::uint32_t place[kDigits] = {};
    const auto digit = [shift](std::uint64_t pair) { return static_cast<std::size_t>(pair >> shift) % kDigits; };
    for (const std::uint64_t pair : pairs_) ++place[digit(pair)];
    std::exclusive_scan(std::begin(place), std::end(place), std::begin(place), 0u);
    for (const std::uint64_t pair : pairs_) scratch_[place[digit(pair)]++] = pair;
    std::swap(pairs_, scratch_);
  }
  std::uint32_t before = 0;
  for (const std::uint64_t pair : pairs_) {
    const float weight = std::bit_cast<float>(static_cast<std::uint32_t>(pair));
    const std::uint32_t key = static_cast<std::uint32_t>(pair >> 32);
    if (weight == 0) continue;
    if (!values_.empty() && key == before) {
      mass_.back() += static_cast<double>(weight);
      continue;
    }
    values_.push_back(static_cast<double>(std::bit_cast<float>(bits_of_32(key))));
    mass_.push_back(static_cast<double>(weight));
    before = key;
  }
}

void SortedRow::assign(std::span<const float> values, std::span<const float> weights) {
  assert(weights.empty() || weights.size() == values.size());
  assert(std::ranges::all_of(weights, [](float f) { return f >= 0 && std::isfinite(f); }));
  values_.clear();
  mass_.clear();
  if (!gather_by_key(values, weights)) gather_by_sorting(values, weights);
  if (values_.empty() && !weights.empty()) return assign(values, {});
  accumulate();
}

void SortedRow::accumulate() {
  const std::size_t count = values_.size();
  double total = 0, first_moment = 0;
  for (const double mass : mass_) total += mass;
  for (std::size_t i = 0; i < count; ++i) {
    mass_[i] = std::max(mass_[i], total * kLeastShare);
    first_moment += mass_[i] * values_[i];
  }
  mean_ = total > 0 ? first_moment / total : 0;
  spread_ = 0;
  weight_.resize(count + 1 + kPadding);
  moment_.resize(count + 1 + kPadding);
  weight_[0] = moment_[0] = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double shifted = values_[i] - mean_;
    weight_[i + 1] = weight_[i] + mass_[i];
    moment_[i + 1] = moment_[i] + mass_[i] * shifted;
    spread_ += mass_[i] * shifted * shifted;
  }
  for (std::size_t i = count + 1; i < weight_.size(); ++i) {
    weight_[i] = std::numeric_limits<double>::infinity();
    moment_[i] = 0;
  }
}

}  // namespace squeeze
