#include "ops/rope/rope.hpp"

#include <cassert>
#include <cmath>
#include <numbers>

#include "base/simd.hpp"
#include "base/threads.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

namespace {

float scaled(float frequency, const RopeScaling& s) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  const double context = static_cast<double>(s.original_context);
  if (wavelength > context / s.low_freq_factor) return static_cast<float>(frequency / s.factor);
  if (wavelength < context / s.high_freq_factor) return frequency;
  const double kept = (context / wavelength - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
  return static_cast<float>((1 - kept) * frequency / s.factor + kept * frequency);
}

}  // namespace

RopeTable::RopeTable(std::int64_t position_count, std::int64_t head_dim, double theta,
                     const std::optional<RopeScaling>& scaling)
    : positions(position_count), half(head_dim / 2) {
  assert(head_dim % 2 == 0);
  std::vector<float> frequencies;
  for (std::int64_t i = 0; i < half; ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
    const float frequency = static_cast<float>(1.0 / std::pow(theta, exponent));
    frequencies.push_back(scaling ? scaled(frequency, *scaling) : frequency);
  }
  cosine.reserve(static_cast<std::size_t>(positions * half));
  sine.reserve(static_cast<std::size_t>(positions * half));
  for (std::int64_t p = 0; p < positions; ++p) {
    for (const float frequency : frequencies) {
      const float angle = static_cast<float>(p) * frequency;
      cosine.push_back(std::cos(angle));
      sine.push_back(std::sin(angle));
    }
  }
}

// One row of heads; `sign` −1 turns back.
SQUEEZE_HOT static void turn_heads(float* x, std::int64_t heads, std::int64_t half, const float* cosine,
                                   const float* sine, float sign) {
  for (std::int64_t h = 0; h < heads; ++h, x += 2 * half) {
    for (std::int64_t i = 0; i < half; ++i) {
      const float a = x[i], b = x[i + half], s = sign * sine[i];
      x[i] = a * cosine[i] - b * s;
      x[i + half] = b * cosine[i] + a * s;
    }
  }
}

void rope(const RopeTable& table, std::int64_t length, std::int64_t first_position, MatrixView<float> x, Turn turn) {
  assert(length > 0 && x.rows % length == 0 && first_position + length <= table.positions);
  assert(table.half > 0 && x.cols % (2 * table.half) == 0);
  const std::int64_t heads = x.cols / (2 * table.half);
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      const std::int64_t offset = (first_position + r % length) * table.half;
      turn_heads(x.data + r * x.cols, heads, table.half, table.cosine.data() + offset, table.sine.data() + offset,
                 turn == Turn::kForward ? 1.0f : -1.0f);
    }
  });
}

}  // namespace squeeze
