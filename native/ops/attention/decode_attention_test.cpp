#include "ops/attention/decode_attention.hpp"

#include <doctest/doctest.h>

#include "device/test_device.hpp"
#include "ops/attention/attention.hpp"
#include "ops/attention/decode_attention_cuda.hpp"
#include "ops/attention/device_cache.hpp"
#include "ops/half/half_rows.hpp"
#include "ops/reference_test.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/rope/rope.hpp"

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

namespace {

// Both heads of a cache with keys and values of their own, on the processor and on a device.
struct DeviceInputs {
  Matrix<float> q, keys, values;  // [T, 2 · G · D], [known, 2 · D] twice
  LayerCache cache;
  DeviceLayerCache there;
};

DeviceInputs device_inputs(const Case& c, TestDevice& device) {
  const std::int64_t context = c.known + 1;
  DeviceInputs in{random_matrix(c.tokens, 2 * c.group * c.head_dim, 1, 4), random_matrix(c.known, 2 * c.head_dim, 2, 3),
                  random_matrix(c.known, 2 * c.head_dim, 3, 2), LayerCache(2, context, c.head_dim),
                  DeviceLayerCache(device.stream(), 2, context, c.head_dim)};
  for (std::int64_t h = 0; h < 2; ++h)
    for (std::int64_t p = 0; p < c.known; ++p)
      in.cache.store(h, p, in.keys.view().row(p).data() + h * c.head_dim,
                     in.values.view().row(p).data() + h * c.head_dim);
  // In two parts, the second behind the first.
  for (std::int64_t first = 0, count = (c.known + 1) / 2; first < c.known; first += count, count = c.known - first) {
    const auto position = device.of(std::vector<std::int32_t>{static_cast<std::int32_t>(first)});
    const auto q = device.empty<float>(count, 2 * c.head_dim);
    store(device.stream(), in.there.view(), {}, position.data, q,
          device.of(MatrixView<const float>(in.keys.view().rows_from(first, count))),
          device.of(MatrixView<const float>(in.values.view().rows_from(first, count))));
  }
  return in;
}

Matrix<float> on_processor(const Case& c, const DeviceInputs& in) {
  DecodeAttentionScratch scratch;
  Matrix<float> out(c.tokens, 2 * c.group * c.head_dim);
  const std::int64_t width = c.group * c.head_dim;
  for (std::int64_t h = 0; h < 2; ++h)
    decode_attention(StridedView<const float>(in.q.values.data() + h * width, c.tokens, width, 2 * width), in.cache, h,
                     c.known, c.window, StridedView<float>(out.values.data() + h * width, c.tokens, width, 2 * width),
                     scratch);
  return out;
}

}  // namespace

TEST_CASE("device: decode attention, as on the processor") {
  TestDevice device;
  if (!device) return;
  std::vector<Case> cases(std::begin(kCases), std::end(kCases));
  cases.push_back({16, 4, 64, 200, 0});  // the most tokens
  cases.push_back({1, 1, 256, 90, 0});   // the widest head
  cases.push_back({1, 8, 128, 900, 0});
  for (const Case& c : cases) {
    CAPTURE(c.tokens);
    CAPTURE(c.group);
    CAPTURE(c.head_dim);
    CAPTURE(c.known);
    CAPTURE(c.window);
    const DeviceInputs in = device_inputs(c, device);
    const Matrix<float> wanted = on_processor(c, in);
    const AttentionShape shape{.heads = 2 * c.group, .kv_heads = 2, .head_dim = c.head_dim, .window = c.window};
    const auto q = device.of(in.q);
    const auto out = device.empty<float>(c.tokens, in.q.cols);
    if (c.tokens <= 16) {
      const auto position = device.of(std::vector<std::int32_t>{static_cast<std::int32_t>(c.known - c.tokens)});
      DeviceDecodeAttention attention(device.stream(), shape, c.known + 1);
      attention.run(device.stream(), in.there.view(), position.data, q, out);
      const auto first = device.back(out);
      CHECK(relative_error(first.values, wanted.values) < 5e-6);
      // Again: what is counted between blocks begins anew.
      device.stream().fill(out.data, 0xff, out.size() * 4);
      attention.run(device.stream(), in.there.view(), position.data, q, out);
      CHECK(device.back(out).values == first.values);
    }
    // Queries, which reach 4, and probabilities are rounded to fp16 here; scores reach 20, so that their exponentials
    // are off by up to 20 · 2^-11.
    attention_cached(device.stream(), shape, c.known - c.tokens, q, in.there.view(), out);
    CHECK(relative_error(device.back(out).values, wanted.values) < 5e-3);
    if (c.tokens != 5) continue;
    const auto rounded = device.empty<Half>(c.tokens, in.q.cols);
    attention_cached(device.stream(), shape, c.known - c.tokens, q, in.there.view(), rounded);
    const auto full = device.back(out);
    const auto half = device.back(rounded);
    for (std::size_t i = 0; i < half.values.size(); ++i) REQUIRE(half.values[i] == to_half(full.values[i]));
  }
}

TEST_CASE("device: attention of a long prompt over several blocks of queries") {
  TestDevice device;
  if (!device) return;
  for (const Case& c : {Case{100, 1, 80, 130, 0}, Case{70, 1, 256, 70, 0}, Case{150, 2, 32, 200, 50}}) {
    CAPTURE(c.head_dim);
    const DeviceInputs in = device_inputs(c, device);
    const AttentionShape shape{.heads = 2 * c.group, .kv_heads = 2, .head_dim = c.head_dim, .window = c.window};
    Matrix<float> wanted(c.tokens, in.q.cols);
    attention_cached(shape, c.known - c.tokens, in.q.view(), in.cache, wanted.view());
    const auto out = device.empty<float>(c.tokens, in.q.cols);
    attention_cached(device.stream(), shape, c.known - c.tokens, device.of(in.q), in.there.view(), out);
    CHECK(relative_error(device.back(out).values, wanted.values) < 5e-3);
  }
}

TEST_CASE("device: keys are normed and turned on their way into the cache, queries where they stand") {
  TestDevice device;
  if (!device) return;
  struct Sizes {
    std::int64_t tokens, heads, kv_heads, head_dim, first;
  };
  for (const Sizes& s : {Sizes{1, 1, 1, 2, 0}, Sizes{1, 4, 2, 6, 9}, Sizes{5, 4, 1, 128, 3}, Sizes{3, 2, 2, 250, 20}}) {
    for (const bool normed : {false, true}) {
      CAPTURE(s.head_dim);
      CAPTURE(normed);
      constexpr std::int64_t context = 40;
      const RopeTable table(context, s.head_dim, 10000, {});
      auto q = random_matrix(s.tokens, s.heads * s.head_dim, 1),
           k = random_matrix(s.tokens, s.kv_heads * s.head_dim, 2);
      auto v = random_matrix(s.tokens, s.kv_heads * s.head_dim, 3);
      v.values[0] = 1e6f;
      if (v.values.size() > 2) v.values[1] = NAN;
      const auto q_norm = random_matrix(1, s.head_dim, 4), k_norm = random_matrix(1, s.head_dim, 5);
      const auto q_there = device.of(q);
      const DeviceRopeTable rope_there(device.stream(), table);
      DeviceLayerCache cache(device.stream(), s.kv_heads, context, s.head_dim);
      const auto position = device.of(std::vector<std::int32_t>{static_cast<std::int32_t>(s.first)});
      const auto q_norm_there = device.of(q_norm), k_norm_there = device.of(k_norm);
      store(device.stream(), cache.view(),
            {.rope = &rope_there,
             .q_norm = normed ? q_norm_there.data : nullptr,
             .k_norm = normed ? k_norm_there.data : nullptr,
             .eps = 1e-6f},
            position.data, q_there, device.of(k), device.of(v));

      const auto heads = [&](Matrix<float>& m) {
        return MatrixView<float>{m.values.data(), m.view().size() / s.head_dim, s.head_dim};
      };
      if (normed) {
        rms_norm(heads(q), q_norm.values, 1e-6f, heads(q));
        rms_norm(heads(k), k_norm.values, 1e-6f, heads(k));
      }
      rope(table, s.tokens, s.first, q.view());
      rope(table, s.tokens, s.first, k.view());
      CHECK(relative_error(device.back(q_there).values, q.values) < 1e-6);
      const DeviceCacheView there = cache.view();
      const auto keys = device.back(DeviceView<Half>{there.keys, s.kv_heads * context, there.width});
      const auto values = device.back(DeviceView<Half>{there.values, s.kv_heads * context, there.width});
      for (std::int64_t h = 0; h < s.kv_heads; ++h)
        for (std::int64_t t = 0; t < s.tokens; ++t)
          for (std::int64_t i = 0; i < there.width; ++i) {
            const auto key = keys.view().row(h * context + s.first + t)[i];
            const auto value = values.view().row(h * context + s.first + t)[i];
            if (i >= s.head_dim) {
              CHECK(key.bits == 0);
              CHECK(value.bits == 0);
              continue;
            }
            const float wanted = v.view().row(t)[h * s.head_dim + i];
            CHECK(to_float(key) == doctest::Approx(k.view().row(t)[h * s.head_dim + i]).epsilon(1e-3));
            if (std::isnan(wanted))
              CHECK(std::isnan(to_float(value)));
            else
              CHECK(to_float(value) == to_float(to_half_saturated(wanted)));
          }
    }
  }
}
