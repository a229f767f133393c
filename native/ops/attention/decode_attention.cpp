#include "ops/attention/decode_attention.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/simd.hpp"
#include "ops/exp/exp.hpp"
#include "ops/half/half_rows.hpp"

namespace squeeze {

namespace {

// Positions that are converted together: with 128 columns, keys and values fill 32 KB and stay in the first cache.
constexpr std::int64_t kTile = 32;
// Rows are padded by zeros to a multiple of this, so that kernels have no remainders.
constexpr std::int64_t kLanes = 32;

// What a query has summed so far: the largest score, and Σ e^(score − most).
struct Softmax {
  float most, total;
};

}  // namespace

// One query against the positions [begin, end) of a tile; sums[width] holds Σ e^(score − most) v. The query is scaled.
SQUEEZE_HOT static void attend_tile(const float* q, const float* keys, const float* values, std::int64_t begin,
                                    std::int64_t end, std::int64_t width, Softmax* softmax, float* sums) {
  float p[kTile];
  float most = softmax->most;
  for (std::int64_t j = begin; j < end; ++j) {
    const float* key = keys + j * width;
    float score = 0;
#pragma omp simd reduction(+ : score)
    for (std::int64_t i = 0; i < width; ++i) score += q[i] * key[i];
    p[j] = score;
    most = most < score ? score : most;
  }
  const float kept = exp_approx(softmax->most - most);
  float total = 0;
#pragma omp simd reduction(+ : total)
  for (std::int64_t j = begin; j < end; ++j) {
    p[j] = exp_approx(p[j] - most);
    total += p[j];
  }
  *softmax = {most, softmax->total * kept + total};
  for (std::int64_t first = 0; first < width; first += kLanes) {
    float sum[kLanes];
    for (int i = 0; i < kLanes; ++i) sum[i] = sums[first + i] * kept;
    for (std::int64_t j = begin; j < end; ++j)
      for (int i = 0; i < kLanes; ++i) sum[i] += p[j] * values[j * width + first + i];
    for (int i = 0; i < kLanes; ++i) sums[first + i] = sum[i];
  }
}

namespace {

// Rows [first, first + count) as fp32 [count, width].
void convert_rows(MatrixView<const Half> rows, std::int64_t first, std::int64_t count, std::int64_t width, float* out) {
  if (width == rows.cols) return to_floats(rows.data + first * width, count * width, out);
  for (std::int64_t r = 0; r < count; ++r, out += width) {
    to_floats(rows.data + (first + r) * rows.cols, rows.cols, out);
    std::fill(out + rows.cols, out + width, 0.0f);
  }
}

}  // namespace

void decode_attention(StridedView<const float> q, MatrixView<const Half> keys, MatrixView<const Half> values,
                      std::int64_t window, StridedView<float> out, DecodeAttentionScratch& scratch) {
  const std::int64_t dim = keys.cols, tokens = q.rows, group = q.cols / dim, known = keys.rows, past = known - tokens;
  assert(q.cols == group * dim && out.cols == q.cols && out.rows == tokens && past >= 0);
  assert(values.rows == known && values.cols == dim);
  const std::int64_t width = (dim + kLanes - 1) / kLanes * kLanes, rows = tokens * group;
  const float scale = 1.0f / std::sqrt(static_cast<float>(dim));

  // Query r is head r mod G of token r / G.
  const MatrixView<float> queries = scratch.queries.matrix(rows, width), sums = scratch.sums.matrix(rows, width);
  std::ranges::fill(sums.flat(), 0.0f);
  Softmax* const softmax = reinterpret_cast<Softmax*>(scratch.softmax.matrix(rows, 2).data);
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* from = q.data + r / group * q.stride + r % group * dim;
    const std::span<float> query = queries.row(r);
    for (std::int64_t i = 0; i < width; ++i) query[i] = i < dim ? from[i] * scale : 0.0f;
    softmax[r] = {-INFINITY, 0};
  }

  const MatrixView<float> tile = scratch.tile.matrix(2 * kTile, width);
  float *const tile_keys = tile.data, *const tile_values = tile.data + kTile * width;
  const std::int64_t oldest = window > 0 ? std::max<std::int64_t>(0, past - window + 1) : 0;
  for (std::int64_t first = oldest; first < known; first += kTile) {
    const std::int64_t count = std::min(kTile, known - first);
    convert_rows(keys, first, count, width, tile_keys);
    convert_rows(values, first, count, width, tile_values);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t position = past + r / group;
      const std::int64_t begin = window > 0 ? std::max<std::int64_t>(0, position - window + 1 - first) : 0;
      const std::int64_t end = std::min(count, position + 1 - first);
      if (begin < end)
        attend_tile(queries.row(r).data(), tile_keys, tile_values, begin, end, width, softmax + r, sums.row(r).data());
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    float* const to = out.data + r / group * out.stride + r % group * dim;
    for (std::int64_t i = 0; i < dim; ++i) to[i] = sums.row(r)[i] / softmax[r].total;
  }
}

}  // namespace squeeze
