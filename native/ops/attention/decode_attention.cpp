#include "ops/attention/decode_attention.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "base/simd.hpp"
#include "ops/exp/exp.hpp"
#include "ops/half/half_rows.hpp"

namespace squeeze {

namespace {

// Rows of values are padded by zeros to a multiple of this, so that their kernel has no remainder.
constexpr std::int64_t kLanes = 32;

// What a query has summed so far: the largest score, and Σ e^(score − most).
struct Softmax {
  float most, total;
};

}  // namespace

// scores[32] = q[dim] · keys[dim][32]
SQUEEZE_HOT static void block_scores(const float* q, const float* keys, std::int64_t dim, float* scores) {
  // Four sums side by side, so that not every addition waits for the one before.
  float a[kKeyBlock] = {}, b[kKeyBlock] = {}, c[kKeyBlock] = {}, e[kKeyBlock] = {};
  std::int64_t d = 0;
  for (; d + 4 <= dim; d += 4, keys += 4 * kKeyBlock) {
    for (int j = 0; j < kKeyBlock; ++j) a[j] += q[d] * keys[j];
    for (int j = 0; j < kKeyBlock; ++j) b[j] += q[d + 1] * keys[kKeyBlock + j];
    for (int j = 0; j < kKeyBlock; ++j) c[j] += q[d + 2] * keys[2 * kKeyBlock + j];
    for (int j = 0; j < kKeyBlock; ++j) e[j] += q[d + 3] * keys[3 * kKeyBlock + j];
  }
  for (; d < dim; ++d, keys += kKeyBlock)
    for (int j = 0; j < kKeyBlock; ++j) a[j] += q[d] * keys[j];
  for (int j = 0; j < kKeyBlock; ++j) scores[j] = (a[j] + b[j]) + (c[j] + e[j]);
}

// What a block's numbers come to, folded in halves: one after the other, each would wait for the one before.
template <typename Join>
[[gnu::always_inline]] static inline float fold(const float* x, Join join) {
  float half[kKeyBlock / 2];
  for (int j = 0; j < kKeyBlock / 2; ++j) half[j] = join(x[j], x[j + kKeyBlock / 2]);
  for (int width = kKeyBlock / 4; width > 0; width /= 2)
    for (int j = 0; j < width; ++j) half[j] = join(half[j], half[j + width]);
  return half[0];
}

// Turns the scores of a block into e^(score − most), most being the largest of those in [begin, end) and of what came
// before; the others become as good as zero. Returns by what is to be multiplied what was summed before.
SQUEEZE_HOT static float block_softmax(float* scores, std::int64_t begin, std::int64_t end, Softmax* softmax) {
  for (int j = 0; j < kKeyBlock; ++j) scores[j] = j >= begin && j < end ? scores[j] : -INFINITY;
  const float here = fold(scores, [](float a, float b) { return a < b ? b : a; });
  const float most = here < softmax->most ? softmax->most : here;
  for (int j = 0; j < kKeyBlock; ++j) scores[j] = exp_approx(scores[j] - most);
  const float kept = exp_approx(softmax->most - most);
  *softmax = {most, softmax->total * kept + fold(scores, [](float a, float b) { return a + b; })};
  return kept;
}

// sums[width] = kept · sums + Σ_j p[j] values[j][width] over [begin, end)
SQUEEZE_HOT static void add_block(const float* p, const float* values, std::int64_t begin, std::int64_t end,
                                  std::int64_t width, float kept, float* sums) {
  for (std::int64_t first = 0; first < width; first += kLanes) {
    float even[kLanes], odd[kLanes] = {};
    for (int i = 0; i < kLanes; ++i) even[i] = sums[first + i] * kept;
    const float* value = values + begin * width + first;
    std::int64_t j = begin;
    for (; j + 2 <= end; j += 2, value += 2 * width) {
      for (int i = 0; i < kLanes; ++i) even[i] += p[j] * value[i];
      for (int i = 0; i < kLanes; ++i) odd[i] += p[j + 1] * value[width + i];
    }
    for (int i = 0; j < end && i < kLanes; ++i) even[i] += p[j] * value[i];
    for (int i = 0; i < kLanes; ++i) sums[first + i] = even[i] + odd[i];
  }
}

namespace {

// Asks for what is read next, so that it is on its way while this block is worked on: a quarter faster out of cache
// (G = 1 to 8, D = 128, 64 MB of keys, one thread of a Zen 5, 2026-11). The processor's own prefetching ends at a page.
void prefetch(const Half* x, std::int64_t count) {
  constexpr std::int64_t line = 64 / sizeof(Half);
  for (std::int64_t i = 0; i < count; i += line) __builtin_prefetch(x + i, 0, 2);
}

// Rows [first, first + count) as fp32 [count, width].
void convert_rows(MatrixView<const Half> rows, std::int64_t first, std::int64_t count, std::int64_t width, float* out) {
  if (width == rows.cols) return to_floats(rows.data + first * width, count * width, out);
  for (std::int64_t r = 0; r < count; ++r, out += width) {
    to_floats(rows.data + (first + r) * rows.cols, rows.cols, out);
    std::fill(out + rows.cols, out + width, 0.0f);
  }
}

}  // namespace

void decode_attention(StridedView<const float> q, const LayerCache& cache, std::int64_t kv_head, std::int64_t known,
                      std::int64_t window, StridedView<float> out, DecodeAttentionScratch& scratch) {
  const std::int64_t dim = cache.head_dim(), tokens = q.rows, group = q.cols / dim, past = known - tokens;
  assert(q.cols == group * dim && out.cols == q.cols && out.rows == tokens && past >= 0);
  const std::int64_t width = (dim + kLanes - 1) / kLanes * kLanes, rows = tokens * group;
  const float scale = 1.0f / std::sqrt(static_cast<float>(dim));

  // Query r is head r mod G of token r / G.
  const MatrixView<float> queries = scratch.queries.matrix(rows, dim), sums = scratch.sums.matrix(rows, width);
  std::ranges::fill(sums.flat(), 0.0f);
  Softmax* const softmax = reinterpret_cast<Softmax*>(scratch.softmax.matrix(rows, 2).data);
  for (std::int64_t r = 0; r < rows; ++r) {
    const float* from = q.data + r / group * q.stride + r % group * dim;
    for (std::int64_t i = 0; i < dim; ++i) queries.row(r)[i] = from[i] * scale;
    softmax[r] = {-INFINITY, 0};
  }

  const MatrixView<const Half> values = cache.values(kv_head, known);
  float* const block_keys = scratch.keys.matrix(dim, kKeyBlock).data;
  float* const block_values = scratch.values.matrix(kKeyBlock, width).data;
  const std::int64_t oldest = window > 0 ? std::max<std::int64_t>(0, past - window + 1) : 0;
  for (std::int64_t block = oldest / kKeyBlock; block * kKeyBlock < known; ++block) {
    const std::int64_t first = block * kKeyBlock, count = std::min(kKeyBlock, known - first);
    const std::int64_t coming = std::min(kKeyBlock, known - first - count);
    to_floats(cache.keys(kv_head, block), dim * kKeyBlock, block_keys);
    convert_rows(values, first, count, width, block_values);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t position = past + r / group;
      const std::int64_t begin = window > 0 ? std::max<std::int64_t>(0, position - window + 1 - first) : 0;
      const std::int64_t end = std::min(count, position + 1 - first);
      if (begin >= end) continue;
      float scores[kKeyBlock];
      block_scores(queries.row(r).data(), block_keys, dim, scores);
      if (r == 0 && coming > 0) prefetch(cache.keys(kv_head, block + 1), dim * kKeyBlock);
      const float kept = block_softmax(scores, begin, end, softmax + r);
      add_block(scores, block_values, begin, end, width, kept, sums.row(r).data());
      if (r == 0 && coming > 0) prefetch(values.data + (first + count) * dim, coming * dim);
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    float* const to = out.data + r / group * out.stride + r % group * dim;
    for (std::int64_t i = 0; i < dim; ++i) to[i] = sums.row(r)[i] / softmax[r].total;
  }
}

}  // namespace squeeze
