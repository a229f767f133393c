// Attention of whole sequences on a GPU, forwards and backwards: time and the share of fp32 arithmetic, as lines of
// "JSON {...}". Some rows are checked against float64 before anything is timed.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <vector>

#include "device/bench_device.hpp"
#include "ops/attention/attention_cuda.hpp"

using namespace squeeze;

namespace {

constexpr int kWarmUps = 2, kRounds = 7;

struct Case {
  std::int64_t sequences, length, kv_heads;
  AttentionShape shape() const { return {.heads = 32, .kv_heads = kv_heads, .head_dim = 128}; }
  std::int64_t rows() const { return sequences * length; }
};

constexpr Case kCases[] = {{8, 512, 32}, {8, 512, 8}, {1, 2048, 32}, {1, 2048, 8}};

std::vector<float> random_values(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = uniform(random);
  return values;
}

struct Arrays {
  std::vector<float> q, k, v, d_out;  // as they lie on the device
  DeviceArray<float> q_there, k_there, v_there, d_out_there, out, log_sums, dq, dk, dv;
  DeviceAttentionSpace space;
};

// A query's probabilities and their gradient ds, in float64; also its output and dq.
struct Row {
  std::vector<double> p, ds, out, dq;
};

Row reference_row(const Case& c, const Arrays& a, std::int64_t sequence, std::int64_t head, std::int64_t query) {
  const AttentionShape s = c.shape();
  const std::int64_t dim = s.head_dim, kv = head / (s.heads / s.kv_heads), q_cols = s.heads * dim,
                     kv_cols = s.kv_heads * dim;
  const auto at_q = [&](const std::vector<float>& m) {
    return m.data() + (sequence * c.length + query) * q_cols + head * dim;
  };
  const auto at_kv = [&](const std::vector<float>& m, std::int64_t key) {
    return m.data() + (sequence * c.length + key) * kv_cols + kv * dim;
  };
  const auto dot = [&](const float* x, const float* y) {
    double sum = 0;
    for (std::int64_t d = 0; d < dim; ++d) sum += static_cast<double>(x[d]) * static_cast<double>(y[d]);
    return sum;
  };
  const double scale = 1 / std::sqrt(static_cast<double>(dim));
  Row row{{}, {}, std::vector<double>(dim), std::vector<double>(dim)};
  double total = 0, along = 0;
  for (std::int64_t j = 0; j <= query; ++j) {
    row.p.push_back(std::exp(dot(at_q(a.q), at_kv(a.k, j)) * scale));
    total += row.p.back();
  }
  for (std::int64_t j = 0; j <= query; ++j) {
    row.p[j] /= total;
    row.ds.push_back(dot(at_q(a.d_out), at_kv(a.v, j)));
    along += row.p[j] * row.ds.back();
  }
  for (std::int64_t j = 0; j <= query; ++j) {
    row.ds[j] = row.p[j] * (row.ds[j] - along) * scale;
    for (std::int64_t d = 0; d < dim; ++d) {
      row.out[d] += row.p[j] * static_cast<double>(at_kv(a.v, j)[d]);
      row.dq[d] += row.ds[j] * static_cast<double>(at_kv(a.k, j)[d]);
    }
  }
  return row;
}

// Largest difference of `count` values from the reference, over the largest of the reference.
double error_of(Stream& stream, const float* there, const std::vector<double>& wanted) {
  std::vector<float> found(wanted.size());
  stream.copy(found.data(), there, static_cast<std::int64_t>(found.size() * sizeof(float)));
  if (!stream.finish().ok()) return INFINITY;
  double worst = 0, most = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double difference = std::abs(static_cast<double>(found[i]) - wanted[i]);
    worst = difference <= worst ? worst : difference;  // NaN wins
    most = std::max(most, std::abs(wanted[i]));
  }
  return worst / most;
}

// Queries at the ends and between, of the last sequence; dk and dv of a key near the end, which few queries see.
double worst_error(Stream& stream, const Case& c, const Arrays& a) {
  const AttentionShape s = c.shape();
  const std::int64_t dim = s.head_dim, sequence = c.sequences - 1;
  double worst = 0;
  const auto note = [&](double error) { worst = error <= worst ? worst : error; };
  for (const std::int64_t query : {std::int64_t{1}, c.length / 3, c.length - 1})
    for (const std::int64_t head : {std::int64_t{0}, s.heads - 1}) {
      const Row row = reference_row(c, a, sequence, head, query);
      const std::int64_t at = (sequence * c.length + query) * s.heads * dim + head * dim;
      note(error_of(stream, a.out.data() + at, row.out));
      note(error_of(stream, a.dq.data() + at, row.dq));
    }
  const std::int64_t key = c.length - 100, kv = s.kv_heads - 1, group = s.heads / s.kv_heads;
  std::vector<double> dk(dim), dv(dim);
  for (std::int64_t head = kv * group; head < (kv + 1) * group; ++head)
    for (std::int64_t query = key; query < c.length; ++query) {
      const Row row = reference_row(c, a, sequence, head, query);
      const std::int64_t at = (sequence * c.length + query) * s.heads * dim + head * dim;
      for (std::int64_t d = 0; d < dim; ++d) {
        dk[d] += row.ds[key] * static_cast<double>(a.q[at + d]);
        dv[d] += row.p[key] * static_cast<double>(a.d_out[at + d]);
      }
    }
  const std::int64_t at = (sequence * c.length + key) * s.kv_heads * dim + kv * dim;
  note(error_of(stream, a.dk.data() + at, dk));
  note(error_of(stream, a.dv.data() + at, dv));
  return worst;
}

double median_ms(Stream& stream, const std::function<void()>& work) {
  DeviceTimer timer(stream);
  std::vector<double> times;
  for (int round = 0; round < kWarmUps + kRounds; ++round) {
    timer.start();
    work();
    const double ms = timer.stop_ms();
    if (round >= kWarmUps) times.push_back(ms);
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

bool run(Stream& stream, const Case& c) {
  const AttentionShape s = c.shape();
  const std::int64_t rows = c.rows(), q_cols = s.heads * s.head_dim, kv_cols = s.kv_heads * s.head_dim;
  Arrays a;
  a.q = random_values(rows * q_cols, 1);
  a.k = random_values(rows * kv_cols, 2);
  a.v = random_values(rows * kv_cols, 3);
  a.d_out = random_values(rows * q_cols, 4);
  const auto upload = [&](DeviceArray<float>& to, const std::vector<float>& from, std::int64_t cols) {
    const DeviceView<float> view = to.matrix(stream, rows, cols);
    stream.upload(view, from.data());
    return view;
  };
  const auto q = upload(a.q_there, a.q, q_cols), k = upload(a.k_there, a.k, kv_cols),
             v = upload(a.v_there, a.v, kv_cols), d_out = upload(a.d_out_there, a.d_out, q_cols);
  const auto out = a.out.matrix(stream, rows, q_cols), dq = a.dq.matrix(stream, rows, q_cols),
             dk = a.dk.matrix(stream, rows, kv_cols), dv = a.dv.matrix(stream, rows, kv_cols),
             log_sums = a.log_sums.matrix(stream, c.sequences * s.heads, c.length);
  const auto forward = [&] { attention(stream, s, c.sequences, q, k, v, out, log_sums); };
  const auto backward = [&] {
    attention_backward(stream, s, c.sequences, q, k, v, out, log_sums, d_out, dq, dk, dv, a.space);
  };
  forward();
  backward();
  const double error = worst_error(stream, c, a);
  if (!(error < 1e-4)) {
    const auto done = stream.finish();
    std::fprintf(stderr, "wrong by %g: %s\n", error, done.ok() ? "no error" : done.error().message.c_str());
    return false;
  }
  // Products that the mathematics asks for, of the half of all pairs that is seen: 2 forwards, 5 backwards.
  const double pairs = 0.5 * static_cast<double>(c.length) * static_cast<double>(c.length + 1);
  const double product = 2.0 * pairs * static_cast<double>(s.head_dim * s.heads * c.sequences);
  const auto report = [&](const char* what, double ms, int products) {
    std::printf(
        "JSON "
        "{\"bench\":\"attention\",\"device\":\"%s\",\"pass\":\"%s\",\"sequences\":%lld,\"length\":%lld,\"heads\":%lld,"
        "\"kv_heads\":%lld,\"head_dim\":%lld,\"ms\":%.4f,\"tflops\":%.2f,\"error\":%.2g}\n",
        stream.device().name.c_str(), what, static_cast<long long>(c.sequences), static_cast<long long>(c.length),
        static_cast<long long>(s.heads), static_cast<long long>(s.kv_heads), static_cast<long long>(s.head_dim), ms,
        products * product / (ms * 1e9), error);
  };
  report("forward", median_ms(stream, forward), 2);
  report("backward", median_ms(stream, backward), 5);
  std::fflush(stdout);
  return stream.finish().ok();
}

}  // namespace

int main() {
  Stream stream = stream_or_exit();
  for (const Case& c : kCases)
    if (!run(stream, c)) return 1;
  return 0;
}
