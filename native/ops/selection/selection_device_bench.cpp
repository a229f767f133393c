// Time that a GPU takes to choose weights of the matrices of a Llama of 7B weights, these being there: gaussian
// bfloat16 weights with heavy-tailed sensitivities. Checks each against the processor, bit for bit, before it is timed,
// and reckons what all matrices would take. A line "JSON {...}" for each measurement.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/matrix.hpp"
#include "device/bench_device.hpp"
#include "ops/selection/selection.hpp"
#include "ops/selection/selection_cuda.hpp"

using namespace squeeze;

namespace {

constexpr int kRounds = 5;
constexpr std::int64_t kEntries = 16;
constexpr double kSensitive = 0.0005, kKept = 0.0045;

struct Data {
  Matrix<float> weights, sensitivity;
  std::vector<std::uint8_t> indices;
  Matrix<Half> tables;
};

Data gaussian_matrix(std::int64_t rows, std::int64_t cols) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Data data{
      {rows, cols}, {rows, cols}, std::vector<std::uint8_t>(static_cast<std::size_t>(rows * cols)), {rows, kEntries}};
  for (float& w : data.weights.values) w = to_float(to_bfloat16(0.02f * normal(random)));
  for (float& f : data.sensitivity.values) f = 1e-7f * std::exp(1.5f * normal(random));
  for (std::uint8_t& i : data.indices) i = static_cast<std::uint8_t>(random() % kEntries);
  for (Half& entry : data.tables.values) entry = to_half(0.02f * normal(random));
  return data;
}

std::vector<float> losses(const Data& data) {
  std::vector<float> out(data.indices.size());
  for (std::int64_t r = 0; r < data.weights.rows; ++r)
    for (std::int64_t j = 0; j < data.weights.cols; ++j) {
      const std::int64_t i = r * data.weights.cols + j;
      const float error = data.weights.values[i] - to_float(data.tables.view().row(r)[data.indices[i]]);
      out[i] = data.sensitivity.values[i] * error * error;  // the unit is 1
    }
  return out;
}

// A matrix on the device, and what is done to it.
class Bench {
 public:
  Bench(Stream& stream, const Data& data) : stream_(stream), data_(data) {
    const std::int64_t rows = data.weights.rows, cols = data.weights.cols;
    const auto weights = weights_.matrix(stream, rows, cols), sensitivity = sensitivity_.matrix(stream, rows, cols);
    stream.upload(weights, data.weights.values.data());
    stream.upload(sensitivity, data.sensitivity.values.data());
    indices_.assign(stream, data.indices);
    stream.upload(tables_.matrix(stream, rows, kEntries), data.tables.values.data());
    stream.fill(marks_.vector(stream, size()).data, 0, size());
    each_ = [=](const std::function<void(const WeightPiece&)>& use) {
      use({weights.data, sensitivity.data, 0, rows, cols});
    };
    by_loss_ = {.by = WeightOrder::kLoss,
                .tables = tables_.data(),
                .indices = indices_.data(),
                .entries = kEntries,
                .block_cols = cols,
                .weighted = true};
  }

  std::int64_t size() const { return data_.weights.view().size(); }

  Result<void> find_quartiles() {
    SQUEEZE_ASSIGN(quartiles_, selection_.values_of_ranks(stream_, each_, {.by = WeightOrder::kValue},
                                                          {(size() - 1) / 4, size() - 1 - (size() - 1) / 4}));
    return {};
  }
  Result<void> mark_sensitive() {
    return selection_.mark_largest(stream_, each_, {.by = WeightOrder::kSensitivity}, size(), share(kSensitive),
                                   marks_.data());
  }
  Result<void> count_ranges() {
    counts_.assign(kRangeBins, 0);
    return selection_.count_ranges(stream_, each_, fence(), marks_.data(), counts_);
  }
  Result<void> mark_from_bin() {
    selection_.mark_from_bin(stream_, each_, fence(), range_bin(2.0), marks_.data());
    return {};
  }
  Result<void> mark_costliest() {
    return selection_.mark_largest(stream_, each_, by_loss_, size(), share(kKept), marks_.data());
  }

  // After each of the above, in their order.
  bool quartiles_are_the_processors() const {
    const auto weights = data_.weights.view().flat();
    return quartiles_[0] == value_of_rank(weights, (size() - 1) / 4) &&
           quartiles_[1] == value_of_rank(weights, size() - 1 - (size() - 1) / 4);
  }
  bool marks_are_largest(std::span<const float> scores, double of_all) {
    std::vector<std::uint8_t> wanted(scores.size());
    mark_largest(scores, share(of_all), wanted);
    return marks() == wanted;
  }
  bool counts_are_the_processors() {
    const auto marked = marks();
    std::vector<std::int64_t> wanted(kRangeBins);
    for (std::size_t i = 0; i < marked.size(); ++i) {
      const double range = fence().range_of(data_.weights.values[i]);
      if (range >= 0 && !marked[i]) ++wanted[range_bin(range)];
    }
    return counts_ == wanted;
  }
  bool beyond_are_marked(const std::vector<std::uint8_t>& before) {
    const auto marked = marks();
    for (std::size_t i = 0; i < marked.size(); ++i) {
      const double range = fence().range_of(data_.weights.values[i]);
      const bool beyond = range >= 0 && range_bin(range) >= range_bin(2.0);
      if ((marked[i] != 0) != (beyond || before[i] != 0)) return false;
    }
    return true;
  }
  std::vector<std::uint8_t> marks() {
    std::vector<std::uint8_t> out(static_cast<std::size_t>(size()));
    stream_.copy(out.data(), marks_.data(), size());
    static_cast<void>(stream_.finish());
    return out;
  }

 private:
  std::int64_t share(double of_all) const { return std::llround(of_all * static_cast<double>(size())); }
  Fence fence() const {
    const auto q1 = static_cast<double>(quartiles_[0]), q3 = static_cast<double>(quartiles_[1]);
    return {.base = std::max(-q1, q3), .width = q3 - q1};
  }

  Stream& stream_;
  const Data& data_;
  DeviceSelection selection_;
  DeviceArray<float> weights_, sensitivity_;
  DeviceArray<std::uint8_t> indices_, marks_;
  DeviceArray<Half> tables_;
  ForEachPiece each_;
  WeightScores by_loss_;
  std::array<float, 2> quartiles_ = {};
  std::vector<std::int64_t> counts_;
};

struct Step {
  const char* name;
  std::function<Result<void>()> work;
  std::function<bool()> is_right;
};

}  // namespace

int main() {
  Stream stream = stream_or_exit();
  DeviceTimer timer(stream);
  std::map<std::string, double> per_weight;  // ms of the larger matrix
  bool all_right = true;
  for (const std::int64_t rows : {4096, 11008}) {
    const Data data = gaussian_matrix(rows, 4096);
    Bench bench(stream, data);
    std::vector<std::uint8_t> before;
    const std::vector<Step> steps = {
        {"quartiles", [&] { return bench.find_quartiles(); }, [&] { return bench.quartiles_are_the_processors(); }},
        {"sensitive", [&] { return bench.mark_sensitive(); },
         [&] { return bench.marks_are_largest(data.sensitivity.values, kSensitive); }},
        {"count ranges", [&] { return bench.count_ranges(); }, [&] { return bench.counts_are_the_processors(); }},
        {"beyond the fence", [&] { return bench.mark_from_bin(); }, [&] { return bench.beyond_are_marked(before); }},
        {"costliest", [&] { return bench.mark_costliest(); },
         [&] { return bench.marks_are_largest(losses(data), kKept); }},
    };
    for (const Step& step : steps) {
      before = bench.marks();
      const auto done = step.work();
      if (!done.ok()) std::fprintf(stderr, "%s\n", done.error().message.c_str());
      const bool right = done.ok() && step.is_right();
      all_right &= right;
      double best_ms = INFINITY;
      for (int round = 0; right && round < kRounds; ++round) {
        timer.start();
        static_cast<void>(step.work());
        best_ms = std::min(best_ms, timer.stop_ms());
      }
      const double weights = static_cast<double>(bench.size());
      if (right) per_weight[step.name] = best_ms / weights;
      std::printf(
          "JSON {\"bench\":\"selection\",\"device\":\"%s\",\"rows\":%ld,\"cols\":4096,\"step\":\"%s\",\"ms\":%.3f,"
          "\"billion_weights_per_second\":%.2f,\"same_as_processor\":%s}\n",
          stream.device().name.c_str(), static_cast<long>(rows), step.name, right ? best_ms : 0.0,
          right ? weights / best_ms * 1e-6 : 0.0, right ? "true" : "false");
      std::fflush(stdout);
    }
  }
  if (!all_right) return 1;
  // 32 layers of four matrices of attention and three of the MLP. The published rule finds the range in one look at all
  // of them, and marks in another; a round of the rule by the loss chooses once.
  const double weights = 32 * (4.0 * 4096 * 4096 + 3.0 * 11008 * 4096);
  const double look = per_weight["quartiles"] + per_weight["sensitive"];
  std::printf("JSON {\"bench\":\"selection\",\"model\":\"llama-7b\",\"rule\":\"paper\",\"seconds\":%.3f}\n",
              (2 * look + per_weight["count ranges"] + per_weight["beyond the fence"]) * weights * 1e-3);
  std::printf(
      "JSON {\"bench\":\"selection\",\"model\":\"llama-7b\",\"rule\":\"a round by the loss\",\"seconds\":%.3f}\n",
      per_weight["costliest"] * weights * 1e-3);
  return 0;
}
