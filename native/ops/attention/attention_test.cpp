#include "ops/attention/attention.hpp"

#include <doctest/doctest.h>

#include "device/test_device.hpp"
#include "ops/attention/attention_cuda.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

struct Case {
  AttentionShape shape;
  std::int64_t sequences, queries, keys;
};

// Plain loops in float64.
std::vector<double> reference(const Case& c, const std::vector<double>& q, const std::vector<double>& k,
                              const std::vector<double>& v) {
  const auto& s = c.shape;
  const std::int64_t q_cols = s.heads * s.head_dim, k_cols = s.kv_heads * s.head_dim;
  std::vector<double> out(q.size());
  for (std::int64_t n = 0; n < c.sequences; ++n)
    for (std::int64_t h = 0; h < s.heads; ++h)
      for (std::int64_t i = 0; i < c.queries; ++i) {
        const std::int64_t position = c.keys - c.queries + i, kv = h / (s.heads / s.kv_heads);
        const std::int64_t from = s.window > 0 ? std::max<std::int64_t>(0, position - s.window + 1) : 0;
        const double* query = q.data() + (n * c.queries + i) * q_cols + h * s.head_dim;
        std::vector<double> p;
        double sum = 0;
        for (std::int64_t j = from; j <= position; ++j) {
          const double* key = k.data() + (n * c.keys + j) * k_cols + kv * s.head_dim;
          double score = 0;
          for (std::int64_t d = 0; d < s.head_dim; ++d) score += query[d] * key[d];
          p.push_back(std::exp(score / std::sqrt(static_cast<double>(s.head_dim))));
          sum += p.back();
        }
        for (std::int64_t j = from; j <= position; ++j)
          for (std::int64_t d = 0; d < s.head_dim; ++d)
            out[(n * c.queries + i) * q_cols + h * s.head_dim + d] +=
                p[j - from] / sum * v[(n * c.keys + j) * k_cols + kv * s.head_dim + d];
      }
  return out;
}

const Case kCases[] = {
    {{1, 1, 4, 0}, 1, 1, 1},       // one token
    {{4, 2, 6, 0}, 2, 9, 9},       // grouped queries, two sequences
    {{4, 4, 8, 0}, 1, 5, 12},      // behind a cache
    {{4, 2, 8, 0}, 1, 1, 12},      // decoding
    {{4, 2, 8, 5}, 1, 1, 12},      // decoding in a window
    {{2, 1, 4, 3}, 2, 11, 11},     // a window
    {{2, 2, 4, 1}, 1, 6, 6},       // a window of the token itself
    {{2, 2, 4, 100}, 1, 6, 6},     // a window longer than the sequence
    {{2, 1, 16, 0}, 1, 300, 300},  // several blocks of queries
    {{2, 1, 16, 40}, 1, 300, 333},
};

}  // namespace

TEST_CASE("attention against float64 loops (tier B)") {
  for (const Case& c : kCases) {
    CAPTURE(c.shape.window);
    CAPTURE(c.queries);
    CAPTURE(c.keys);
    const auto& s = c.shape;
    const auto q = random_matrix(c.sequences * c.queries, s.heads * s.head_dim, 1, 2);
    const auto k = random_matrix(c.sequences * c.keys, s.kv_heads * s.head_dim, 2, 2);
    const auto v = random_matrix(c.sequences * c.keys, s.kv_heads * s.head_dim, 3);
    Matrix<float> out(q.rows, q.cols);
    attention(s, c.sequences, q.view(), k.view(), v.view(), out.view());
    CHECK(relative_error(out.values, reference(c, in_double(q), in_double(k), in_double(v))) < 2e-6);

    auto in_place = q;
    attention(s, c.sequences, in_place.view(), k.view(), v.view(), in_place.view());
    CHECK(in_place.values == out.values);
  }
}

TEST_CASE("attention over a cache is attention over what fp16 makes of keys and values") {
  for (const Case& c : kCases) {
    if (c.sequences != 1) continue;
    CAPTURE(c.shape.window);
    CAPTURE(c.queries);
    CAPTURE(c.keys);
    const auto& s = c.shape;
    const auto q = random_matrix(c.queries, s.heads * s.head_dim, 1, 2);
    auto k = random_matrix(c.keys, s.kv_heads * s.head_dim, 2, 2), v = random_matrix(c.keys, k.cols, 3);
    LayerCache cache(s.kv_heads, c.keys + 3, s.head_dim);
    for (std::int64_t p = 0; p < c.keys; ++p)
      for (std::int64_t h = 0; h < s.kv_heads; ++h)
        cache.store(h, p, k.view().row(p).data() + h * s.head_dim, v.view().row(p).data() + h * s.head_dim);
    for (auto* m : {&k, &v})
      for (float& value : m->values) value = to_float(to_half(value));
    Matrix<float> out(q.rows, q.cols);
    attention_cached(s, c.keys - c.queries, q.view(), cache, out.view());
    CHECK(relative_error(out.values, reference(c, in_double(q), in_double(k), in_double(v))) < 2e-6);
  }
}

TEST_CASE("attention's gradients against differences (tier D)") {
  for (const Case& c : kCases) {
    if (c.queries != c.keys || c.queries > 100) continue;
    CAPTURE(c.shape.window);
    CAPTURE(c.queries);
    const auto& s = c.shape;
    const std::int64_t rows = c.sequences * c.queries;
    const auto q = random_matrix(rows, s.heads * s.head_dim, 1, 2),
               k = random_matrix(rows, s.kv_heads * s.head_dim, 2, 2);
    const auto v = random_matrix(rows, s.kv_heads * s.head_dim, 3), d_out = random_matrix(rows, q.cols, 4);
    Matrix<float> dq(rows, q.cols), dk(rows, k.cols), dv(rows, k.cols);
    attention_backward(s, c.sequences, q.view(), k.view(), v.view(), d_out.view(), dq.view(), dk.view(), dv.view());
    const auto x = in_double(q), y = in_double(k), z = in_double(v), g = in_double(d_out);
    const auto by_q = central_differences([&](const auto& at) { return weighted(reference(c, at, y, z), g); }, x);
    const auto by_k = central_differences([&](const auto& at) { return weighted(reference(c, x, at, z), g); }, y);
    const auto by_v = central_differences([&](const auto& at) { return weighted(reference(c, x, y, at), g); }, z);
    // A single visible key leaves q and k without influence: both gradients are rounding, so compare with dv's size.
    const bool alone = c.queries == 1 || s.window == 1;
    if (alone) {
      CHECK(std::ranges::all_of(dq.values, [](float d) { return std::abs(d) < 1e-6f; }));
      CHECK(std::ranges::all_of(dk.values, [](float d) { return std::abs(d) < 1e-6f; }));
    } else {
      CHECK(relative_error(dq.values, by_q) < 1e-5);
      CHECK(relative_error(dk.values, by_k) < 1e-5);
    }
    CHECK(relative_error(dv.values, by_v) < 1e-5);
  }
}

TEST_CASE("attention's gradients over several blocks agree with those of one sequence cut short") {
  // Gradients of queries in the first 100 positions only: the rest of a long sequence must not matter.
  const AttentionShape s{2, 1, 8, 0};
  const std::int64_t length = 300, cut = 100;
  const auto q = random_matrix(length, 16, 1), k = random_matrix(length, 8, 2), v = random_matrix(length, 8, 3);
  auto d_out = random_matrix(length, 16, 4);
  std::fill(d_out.values.begin() + cut * 16, d_out.values.end(), 0.0f);
  Matrix<float> dq(length, 16), dk(length, 8), dv(length, 8), dq_cut(cut, 16), dk_cut(cut, 8), dv_cut(cut, 8);
  attention_backward(s, 1, q.view(), k.view(), v.view(), d_out.view(), dq.view(), dk.view(), dv.view());
  const auto head = [&](const Matrix<float>& m) { return m.view().rows_from(0, cut); };
  attention_backward(s, 1, head(q), head(k), head(v), head(d_out), dq_cut.view(), dk_cut.view(), dv_cut.view());
  CHECK(relative_error(head(dq).flat(), dq_cut.values) < 1e-5);
  CHECK(relative_error(head(dk).flat(), dk_cut.values) < 1e-5);
  CHECK(relative_error(head(dv).flat(), dv_cut.values) < 1e-5);
  for (std::int64_t i = cut * 8; i < length * 8; ++i) REQUIRE(dk.values[i] == 0.0f);
}

namespace {

// What concerns tiles: their edges, and dimensions of a head that fill no whole vectors or tiles.
const Case kDeviceCases[] = {
    {{2, 1, 30, 0}, 1, 70, 70},     // no vectors of four
    {{2, 2, 20, 0}, 2, 64, 64},     // exactly one tile
    {{4, 2, 80, 0}, 1, 65, 65},     // one query into the next
    {{2, 1, 128, 0}, 1, 150, 150},  // the usual dimension
    {{1, 1, 256, 0}, 1, 90, 90},    // the largest
    {{1, 1, 64, 64}, 1, 200, 200},  // a window of a tile
    {{2, 1, 8, 10}, 2, 200, 200},   // tiles of keys that some queries of a tile no longer see
};

std::vector<Case> device_cases() {
  std::vector<Case> cases(std::begin(kDeviceCases), std::end(kDeviceCases));
  for (const Case& c : kCases)
    if (c.queries == c.keys) cases.push_back(c);
  return cases;
}

}  // namespace

TEST_CASE("device: attention against float64 loops (tier B)") {
  TestDevice device;
  if (!device) return;
  for (const Case& c : device_cases()) {
    CAPTURE(c.shape.head_dim);
    CAPTURE(c.shape.window);
    CAPTURE(c.queries);
    const auto& s = c.shape;
    const auto q = random_matrix(c.sequences * c.queries, s.heads * s.head_dim, 1, 2);
    const auto k = random_matrix(c.sequences * c.keys, s.kv_heads * s.head_dim, 2, 2);
    const auto v = random_matrix(c.sequences * c.keys, s.kv_heads * s.head_dim, 3);
    const auto q_there = device.of(q), k_there = device.of(k), v_there = device.of(v);
    const auto out_there = device.empty<float>(q.rows, q.cols);
    attention(device.stream(), s, c.sequences, q_there, k_there, v_there, out_there);
    const auto out = device.back(out_there);
    CHECK(relative_error(out.values, reference(c, in_double(q), in_double(k), in_double(v))) < 2e-6);
    attention(device.stream(), s, c.sequences, q_there, k_there, v_there, q_there);
    CHECK(device.back(q_there).values == out.values);
  }
}

TEST_CASE("device: attention's gradients, as on the processor") {
  TestDevice device;
  if (!device) return;
  DeviceAttentionSpace space;
  for (const Case& c : device_cases()) {
    CAPTURE(c.shape.head_dim);
    CAPTURE(c.shape.window);
    CAPTURE(c.queries);
    const auto& s = c.shape;
    const std::int64_t rows = c.sequences * c.queries;
    const auto q = random_matrix(rows, s.heads * s.head_dim, 1, 2),
               k = random_matrix(rows, s.kv_heads * s.head_dim, 2, 2);
    const auto v = random_matrix(rows, s.kv_heads * s.head_dim, 3), d_out = random_matrix(rows, q.cols, 4);
    Matrix<float> dq(rows, q.cols), dk(rows, k.cols), dv(rows, k.cols);
    attention_backward(s, c.sequences, q.view(), k.view(), v.view(), d_out.view(), dq.view(), dk.view(), dv.view());

    const auto q_there = device.of(q), k_there = device.of(k), v_there = device.of(v), d_out_there = device.of(d_out);
    const auto out = device.empty<float>(rows, q.cols), dq_there = device.empty<float>(rows, q.cols),
               dk_there = device.empty<float>(rows, k.cols), dv_there = device.empty<float>(rows, k.cols);
    const auto log_sums = device.empty<float>(c.sequences * s.heads, c.queries);
    attention(device.stream(), s, c.sequences, q_there, k_there, v_there, out, log_sums);
    attention_backward(device.stream(), s, c.sequences, q_there, k_there, v_there, out, log_sums, d_out_there, dq_there,
                       dk_there, dv_there, space);
    const auto dq_back = device.back(dq_there), dk_back = device.back(dk_there), dv_back = device.back(dv_there);
    CHECK(relative_error(dv_back.values, dv.values) < 1e-5);
    if (c.queries == 1 || s.window == 1) {  // both gradients are rounding: see above
      CHECK(std::ranges::all_of(dq_back.values, [](float d) { return std::abs(d) < 2e-6f; }));
      CHECK(std::ranges::all_of(dk_back.values, [](float d) { return std::abs(d) < 2e-6f; }));
    } else {
      CHECK(relative_error(dq_back.values, dq.values) < 1e-5);
      CHECK(relative_error(dk_back.values, dk.values) < 1e-5);
    }
  }
}
