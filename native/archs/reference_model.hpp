#pragma once
// For tests: the decoder once more, in float64 and plain loops, written from the families' papers and sharing no code
// with archs/decoder.cpp. One weight can be moved, for all tokens or for one, to get gradients by differences.

#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <vector>

#include "archs/family.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/half.hpp"

namespace squeeze {

// One weight moved by delta.
struct Nudge {
  std::string name = {};  // linear without ".weight"
  std::size_t row = 0, col = 0;
  double delta = 0;
  int token = -1;  // only in this token's product; -1: in all
};

class ReferenceModel {
 public:
  using Rows = std::vector<std::vector<double>>;

  // `half_cache`: keys and values are rounded to fp16, as a cache keeps them.
  ReferenceModel(const Family& family, ModelConfig config, const std::vector<TinyTensor>& tensors,
                 bool half_cache = false)
      : f_(family), c_(std::move(config)), half_cache_(half_cache) {
    for (const TinyTensor& t : tensors) w_[t.name] = {t.values.begin(), t.values.end()};
  }

  Rows logits(const std::vector<int>& tokens, const Nudge& nudge = {}) const {
    const std::string embedding = f_.embedding;
    Rows x;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      std::vector<double> row = row_of(embedding + ".weight", tokens[t]);
      if (f_.positions) {
        const auto position = row_of(std::string(f_.positions) + ".weight", static_cast<int>(t) + 2);
        for (std::size_t i = 0; i < row.size(); ++i) row[i] += position[i];
      }
      x.push_back(row);
    }
    for (std::int64_t i = 0; i < c_.layers; ++i) layer(f_.layers + std::to_string(i) + ".", x, nudge);
    norm(f_.final_norm, x);
    return linear(c_.tied_embeddings ? embedding : "lm_head", x, nudge);
  }

  // Summed negative log-likelihood of every token but the first.
  double loss(const std::vector<int>& tokens, const Nudge& nudge = {}) const {
    const Rows rows = logits(tokens, nudge);
    double total = 0;
    for (std::size_t t = 0; t + 1 < tokens.size(); ++t) {
      double sum = 0;
      for (const double value : rows[t]) sum += std::exp(value);
      total += std::log(sum) - rows[t][static_cast<std::size_t>(tokens[t + 1])];
    }
    return total;
  }

 private:
  std::vector<double> row_of(const std::string& name, int row) const {
    const auto& values = w_.at(name);
    return {values.begin() + row * c_.hidden, values.begin() + (row + 1) * c_.hidden};
  }

  Rows linear(const std::string& name, const Rows& x, const Nudge& nudge) const {
    const auto& weight = w_.at(name + ".weight");
    const auto bias = w_.find(name + ".bias");
    const std::size_t cols = x[0].size(), rows = weight.size() / cols;
    Rows y(x.size(), std::vector<double>(rows));
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t n = 0; n < rows; ++n) {
        double sum = bias == w_.end() ? 0 : bias->second[n];
        for (std::size_t k = 0; k < cols; ++k) sum += weight[n * cols + k] * x[t][k];
        y[t][n] = sum;
      }
      if (nudge.name == name && (nudge.token < 0 || nudge.token == static_cast<int>(t)))
        y[t][nudge.row] += nudge.delta * x[t][nudge.col];
    }
    return y;
  }

  void norm(const std::string& name, Rows& x) const {
    for (auto& row : x) norm_part(name, row, 0, row.size());
  }

  void norm_part(const std::string& name, std::vector<double>& row, std::size_t first, std::size_t count) const {
    const auto& weight = w_.at(name + ".weight");
    const auto bias = w_.find(name + ".bias");
    double mean = 0, square = 0;
    if (c_.norm == NormKind::kLayer)
      for (std::size_t i = 0; i < count; ++i) mean += row[first + i] / static_cast<double>(count);
    for (std::size_t i = 0; i < count; ++i) square += std::pow(row[first + i] - mean, 2) / static_cast<double>(count);
    for (std::size_t i = 0; i < count; ++i)
      row[first + i] = (row[first + i] - mean) / std::sqrt(square + c_.norm_eps) * weight[i] +
                       (bias == w_.end() ? 0 : bias->second[i]);
  }

  double frequency(std::size_t pair) const {
    const double plain = std::pow(c_.rope_theta, -2.0 * static_cast<double>(pair) / static_cast<double>(c_.head_dim));
    if (!c_.llama3_scaling) return plain;
    const auto& s = *c_.llama3_scaling;
    const double turns = static_cast<double>(s.original_context) * plain / (2 * std::numbers::pi);
    if (turns < s.low_freq_factor) return plain / s.factor;
    if (turns > s.high_freq_factor) return plain;
    const double kept = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
    return plain * (kept + (1 - kept) / s.factor);
  }

  // Norm and rotation of each head of q or k.
  void place_heads(const char* norm_name, const std::string& prefix, Rows& x) const {
    const auto dim = static_cast<std::size_t>(c_.head_dim);
    for (std::size_t t = 0; t < x.size(); ++t) {
      for (std::size_t first = 0; first < x[t].size(); first += dim) {
        if (c_.qk_norm) norm_part(prefix + norm_name, x[t], first, dim);
        if (c_.positions != PositionKind::kRotary) continue;
        for (std::size_t i = 0; i < dim / 2; ++i) {
          const double angle = static_cast<double>(t) * frequency(i);
          double &a = x[t][first + i], &b = x[t][first + i + dim / 2];
          const double turned = a * std::cos(angle) - b * std::sin(angle);
          b = b * std::cos(angle) + a * std::sin(angle);
          a = turned;
        }
      }
    }
  }

  Rows attend(const Rows& q, const Rows& k, const Rows& v) const {
    const auto dim = static_cast<std::size_t>(c_.head_dim);
    const auto group = static_cast<std::size_t>(c_.heads / c_.kv_heads);
    Rows out(q.size(), std::vector<double>(q[0].size()));
    for (std::size_t t = 0; t < q.size(); ++t) {
      for (std::size_t h = 0; h < static_cast<std::size_t>(c_.heads); ++h) {
        std::vector<double> p(t + 1);
        double sum = 0;
        for (std::size_t j = 0; j <= t; ++j) {
          if (c_.sliding_window && t - j >= static_cast<std::size_t>(*c_.sliding_window)) continue;
          double score = 0;
          for (std::size_t i = 0; i < dim; ++i) score += q[t][h * dim + i] * k[j][h / group * dim + i];
          p[j] = std::exp(score / std::sqrt(static_cast<double>(dim)));
          sum += p[j];
        }
        for (std::size_t j = 0; j <= t; ++j)
          for (std::size_t i = 0; i < dim; ++i) out[t][h * dim + i] += p[j] / sum * v[j][h / group * dim + i];
      }
    }
    return out;
  }

  static void add(Rows& x, const Rows& y) {
    for (std::size_t t = 0; t < x.size(); ++t)
      for (std::size_t i = 0; i < x[t].size(); ++i) x[t][i] += y[t][i];
  }

  void layer(const std::string& prefix, Rows& x, const Nudge& nudge) const {
    Rows n = x;
    norm(prefix + f_.names.attention_norm, n);
    Rows q = linear(prefix + f_.names.q, n, nudge), k = linear(prefix + f_.names.k, n, nudge);
    Rows v = linear(prefix + f_.names.v, n, nudge);
    place_heads(f_.names.q_norm, prefix, q);
    place_heads(f_.names.k_norm, prefix, k);
    if (half_cache_)
      for (Rows* rows : {&k, &v})
        for (auto& row : *rows)
          for (double& value : row) value = to_float(to_half(static_cast<float>(value)));
    add(x, linear(prefix + f_.names.o, attend(q, k, v), nudge));
    n = x;
    norm(prefix + f_.names.mlp_norm, n);
    Rows up = linear(prefix + f_.names.up, n, nudge);
    const Rows gate = f_.names.gate ? linear(prefix + f_.names.gate, n, nudge) : up;
    for (std::size_t t = 0; t < up.size(); ++t)
      for (std::size_t i = 0; i < up[t].size(); ++i)
        up[t][i] = f_.names.gate ? up[t][i] * gate[t][i] / (1 + std::exp(-gate[t][i])) : std::max(0.0, up[t][i]);
    add(x, linear(prefix + f_.names.down, up, nudge));
  }

  const Family& f_;
  ModelConfig c_;
  bool half_cache_;
  std::map<std::string, std::vector<double>> w_;
};

}  // namespace squeeze
