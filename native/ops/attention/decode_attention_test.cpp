#include "ops/attention/decode_attention.hpp"

#include <doctest/doctest.h>

#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

struct Case {
  std::int64_t tokens, group, head_dim, known, window;
};

const Case kCases[] = {
    {1, 1, 4, 1, 0},        // the first token
    {1, 1, 64, 31, 0},      // less than a tile
    {1, 4, 128, 32, 0},     // exactly one
    {1, 4, 128, 33, 0},     // one more
    {1, 8, 80, 700, 0},     // a width that is padded
    {1, 3, 6, 500, 0},      // an odd one
    {1, 2, 64, 500, 100},   // a window
    {1, 2, 64, 500, 1},     // a window of the token itself
    {1, 2, 64, 50, 1000},   // a window longer than the text
    {2, 2, 64, 2, 0},       // two tokens at the start of a text
    {5, 3, 16, 37, 0},      // behind a cache, across a tile's border
    {32, 4, 64, 32, 0},     // a short prompt
    {32, 1, 128, 1000, 0},  //
    {32, 2, 24, 333, 40},   // a window that begins behind some tokens' first tile
    {7, 2, 8, 64, 3},
};

// Queries around which scores reach ±20 or so, so that the softmax is neither flat nor a single position. Keys and
// values as fp16 holds them, and in the second of two heads of a cache.
struct Inputs {
  Matrix<float> q, keys, values;
  LayerCache cache;
};

Matrix<float> as_half(Matrix<float> m) {
  for (float& value : m.values) value = to_float(to_half(value));
  return m;
}

Inputs inputs_of(const Case& c) {
  Inputs in{random_matrix(c.tokens, c.group * c.head_dim, 1, 4), as_half(random_matrix(c.known, c.head_dim, 2, 3)),
            as_half(random_matrix(c.known, c.head_dim, 3, 2)), LayerCache(2, c.known + 1, c.head_dim)};
  for (std::int64_t p = 0; p < c.known; ++p)
    in.cache.store(1, p, in.keys.view().row(p).data(), in.values.view().row(p).data());
  return in;
}

// Plain loops in float64; and a bound on what fp32 may differ by.
struct Wanted {
  std::vector<double> out, bound;
};

Wanted reference(const Case& c, const Inputs& in) {
  Wanted wanted;
  const std::int64_t dim = c.head_dim;
  const double root = std::sqrt(static_cast<double>(dim)), eps = 0x1p-24;
  for (std::int64_t t = 0; t < c.tokens; ++t)
    for (std::int64_t h = 0; h < c.group; ++h) {
      const std::int64_t position = c.known - c.tokens + t;
      const std::int64_t from = c.window > 0 ? std::max<std::int64_t>(0, position - c.window + 1) : 0;
      std::vector<double> scores;
      double size = 0, most = -1e300, sum = 0;  // size: the largest Σ|q||k| / √D
      for (std::int64_t j = from; j <= position; ++j) {
        double score = 0, absolute = 0;
        for (std::int64_t d = 0; d < dim; ++d) {
          const double product = static_cast<double>(in.q.view().row(t)[h * dim + d]) * in.keys.view().row(j)[d];
          score += product / root;
          absolute += std::abs(product) / root;
        }
        scores.push_back(score);
        size = std::max(size, absolute);
        most = std::max(most, score);
      }
      for (double& score : scores) sum += score = std::exp(score - most);
      for (std::int64_t d = 0; d < dim; ++d) {
        double value = 0, absolute = 0;
        for (std::int64_t j = from; j <= position; ++j) {
          const double term = scores[j - from] / sum * in.values.view().row(j)[d];
          value += term;
          absolute += std::abs(term);
        }
        wanted.out.push_back(value);
        // A score is off by (D + 3) ε Σ|q||k| at most (D additions, scaling), and with it the exponential by as much,
        // relatively; the polynomial adds 2e-7 for each tile's rescaling, the sums over positions one ε each.
        const double tiles = static_cast<double>((position - from) / 32 + 2);
        const double relative = 2 * (static_cast<double>(dim + 3) * eps * size + tiles * 2e-7 +
                                     static_cast<double>(position - from + 1) * eps);
        wanted.bound.push_back(2 * relative * absolute + 1e-30);
      }
    }
  return wanted;
}

}  // namespace

TEST_CASE("decode attention against float64 loops (tier B)") {
  DecodeAttentionScratch scratch;  // one for all cases, as a thread keeps it
  for (const Case& c : kCases) {
    CAPTURE(c.tokens);
    CAPTURE(c.group);
    CAPTURE(c.head_dim);
    CAPTURE(c.known);
    CAPTURE(c.window);
    const Inputs in = inputs_of(c);
    const Wanted wanted = reference(c, in);
    Matrix<float> out(c.tokens, c.group * c.head_dim);
    decode_attention(in.q.view(), in.cache, 1, c.known, c.window, out.view(), scratch);
    for (std::size_t i = 0; i < wanted.out.size(); ++i) {
      CAPTURE(i);
      REQUIRE(std::abs(out.values[i] - wanted.out[i]) <= wanted.bound[i]);
    }
    CHECK(relative_error(out.values, wanted.out) < 5e-6);
  }
}

TEST_CASE("decode attention reads and writes columns of wider matrices") {
  const Case c{3, 2, 16, 40, 0};
  const Inputs in = inputs_of(c);
  Matrix<float> wide_q(3, 100), wide_out(3, 90), out(3, 32);
  std::ranges::fill(wide_q.values, NAN);
  std::ranges::fill(wide_out.values, 7.0f);
  for (std::int64_t t = 0; t < 3; ++t) std::ranges::copy(in.q.view().row(t), wide_q.view().row(t).begin() + 5);
  DecodeAttentionScratch scratch;
  decode_attention(in.q.view(), in.cache, 1, c.known, 0, out.view(), scratch);
  decode_attention(StridedView<const float>(wide_q.values.data() + 5, 3, 32, 100), in.cache, 1, c.known, 0,
                   StridedView<float>(wide_out.values.data() + 40, 3, 32, 90), scratch);
  for (std::int64_t t = 0; t < 3; ++t)
    for (std::int64_t i = 0; i < 90; ++i)
      CHECK(wide_out.view().row(t)[i] == (i >= 40 && i < 72 ? out.view().row(t)[i - 40] : 7.0f));
}

TEST_CASE("a model that has diverged still shows it after the cache") {
  LayerCache cache(2, 4, 8);
  CHECK(cache.size_bytes() == 2 * (32 + 4) * 8 * 2);  // keys fill whole blocks
  std::vector<float> key(8, 1.0f), value(8, 1e6f);
  cache.store(1, 0, key.data(), value.data());
  CHECK(to_float(cache.values(1, 1).row(0)[3]) == 65504.0f);
  value[3] = NAN;
  cache.store(1, 1, key.data(), value.data());
  Matrix<float> q(1, 8), out(1, 8);
  DecodeAttentionScratch scratch;
  decode_attention(q.view(), cache, 1, 2, 0, out.view(), scratch);
  CHECK(out.values[2] == 65504.0f);
  CHECK(std::isnan(out.values[3]));
  key[0] = NAN;
  cache.store(1, 2, key.data(), value.data());
  decode_attention(q.view(), cache, 1, 3, 0, out.view(), scratch);
  CHECK(std::isnan(out.values[2]));
}
