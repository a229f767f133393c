#include "jobs/matrix_look.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>

#include "base/half.hpp"
#include "base/test_folder.hpp"
#include "jobs/matrix_source.hpp"
#include "jobs/synthesis_job.hpp"

using namespace squeeze;

namespace {

constexpr const char* kTensor = "model.layers.1.mlp.down_proj.weight";

// A model of random weights with sensitivities of many magnitudes; all of it in memory besides, as doubles.
struct Scene {
  explicit Scene(const TestFolder& folder) : checkpoint(folder / "model"), calibration(folder / "calibration") {
    contract::SynthesisStartParams params;
    params.shape = {
        .hidden = 48, .layers = 2, .intermediate = 70, .heads = 4, .kv_heads = 2, .vocabulary = 64, .context = 32};
    params.weights = {.type = contract::StoredType::kF16};
    params.head = {.type = contract::StoredType::kF16};
    params.out = checkpoint;
    SilentContext silent;
    REQUIRE(run_synthesis(params, silent).ok());
    write_calibration();
    const auto source = MatrixSource::open(checkpoint, calibration, {});
    REQUIRE(source.ok());
    for (const MatrixSlot& slot : source.value().model().matrices()) {
      auto loaded = source.value().load(slot);
      REQUIRE(loaded.ok());
      names.push_back(slot.name + ".weight");
      matrices.push_back(std::move(loaded).value());
    }
  }

  void write_calibration() {
    const auto model = Model::open(checkpoint);
    REQUIRE(model.ok());
    std::mt19937 random(7);
    std::normal_distribution<float> normal;
    std::vector<std::vector<float>> values;
    std::vector<TensorSource> tensors;
    for (const MatrixSlot& slot : model.value()->matrices()) {
      std::vector<float>& f = values.emplace_back(static_cast<std::size_t>(slot.rows * slot.cols));
      for (float& value : f) value = 1e-4f * std::exp(2 * normal(random));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      const MatrixSlot& slot = model.value()->matrices()[i];
      tensors.push_back(tensor_source<float>(slot.name + ".weight", DType::kF32, {slot.rows, slot.cols}, values[i]));
    }
    std::filesystem::create_directories(calibration);
    REQUIRE(write_safetensors(std::filesystem::path(calibration) / "fisher.safetensors", tensors, {}).ok());
    std::ofstream(std::filesystem::path(calibration) / "calibration.json")
        << R"({"fingerprint": "f", "checkpointFingerprint": ")" << model.value()->fingerprint() << "\"}";
  }

  const LoadedMatrix& at(const std::string& name) const {
    return matrices[static_cast<std::size_t>(std::ranges::find(names, name) - names.begin())];
  }

  std::string checkpoint, calibration;
  std::vector<std::string> names;
  std::vector<LoadedMatrix> matrices;
};

template <typename T>
std::vector<T> unpacked(const std::string& text) {
  const auto digit = [](char c) {
    return std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/").find(c);
  };
  std::vector<std::uint8_t> bytes;
  std::uint32_t bits = 0, count = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<std::uint32_t>(digit(c));
    if ((count += 6) < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<std::uint8_t>(bits >> count));
  }
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

double cost_between(std::span<const std::pair<double, double>> cluster) {
  double weight = 0, moment = 0, cost = 0;
  for (const auto& [w, f] : cluster) weight += f, moment += f * w;
  for (const auto& [w, f] : cluster) cost += f * (w - moment / weight) * (w - moment / weight);
  return cost;
}

// The least Σ f (w − c)² with k centroids, by trying every split: O(k n³).
double least_cost(std::vector<std::pair<double, double>> row, std::size_t k) {
  std::ranges::sort(row);
  std::vector<double> best(row.size() + 1, std::numeric_limits<double>::infinity());
  best[0] = 0;
  for (std::size_t q = 0; q < k; ++q) {
    std::vector<double> next = best;
    for (std::size_t end = 1; end <= row.size(); ++end)
      for (std::size_t begin = 0; begin < end; ++begin)
        next[end] = std::min(next[end], best[begin] + cost_between(std::span(row).subspan(begin, end - begin)));
    best = next;
  }
  return best.back();
}

std::size_t nearest(std::span<const double> entries, double value) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < entries.size(); ++i)
    if (std::abs(entries[i] - value) < std::abs(entries[best] - value)) best = i;
  return best;
}

}  // namespace

TEST_CASE("a look at the weights of a matrix says what a slow count says") {
  const TestFolder folder;
  const Scene scene(folder);
  const auto looked = look_at_weights({scene.checkpoint, scene.calibration, kTensor});
  REQUIRE(looked.ok());
  const contract::MatrixWeightsResult& seen = looked.value();
  const LoadedMatrix& matrix = scene.at(kTensor);
  REQUIRE(seen.rows == 48);
  REQUIRE(seen.cols == 70);
  const std::vector<float>& w = matrix.weights.values;
  const std::vector<float>& f = matrix.sensitivity.values;
  CHECK(seen.min == doctest::Approx(std::ranges::min(w)));
  CHECK(seen.max == doctest::Approx(std::ranges::max(w)));
  double sum = 0, squares = 0, all = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double value = static_cast<double>(w[i]);
    sum += value, squares += value * value, all += static_cast<double>(f[i]);
  }
  const double count = static_cast<double>(w.size());
  CHECK(seen.mean == doctest::Approx(sum / count));
  CHECK(seen.deviation == doctest::Approx(std::sqrt(squares / count - sum / count * (sum / count))));
  CHECK(seen.sensitivity_sum == doctest::Approx(all));
  CHECK(seen.sensitivity_max == static_cast<double>(std::ranges::max(f)));

  // Every bin by its borders.
  const double width = (seen.max - seen.min) / static_cast<double>(seen.histogram.size());
  std::vector<std::int64_t> bins(seen.histogram.size());
  for (const float value : w) {
    const double place = std::floor((static_cast<double>(value) - seen.min) / width + 1e-9);
    ++bins[std::min(static_cast<std::size_t>(place), bins.size() - 1)];
  }
  std::int64_t moved = 0, total = 0;
  for (std::size_t bin = 0; bin < bins.size(); ++bin) {
    moved += std::abs(bins[bin] - seen.histogram[bin]);
    total += seen.histogram[bin];
  }
  CHECK(total == 48 * 70);
  CHECK(moved <= 4);  // values on a border, which rounding may take to either side

  const auto of_rows = unpacked<float>(seen.of_rows), of_cols = unpacked<float>(seen.of_cols);
  REQUIRE(of_rows.size() == 48);
  REQUIRE(of_cols.size() == 70);
  for (std::size_t r = 0; r < 48; ++r) {
    double row = 0;
    for (std::size_t j = 0; j < 70; ++j) row += static_cast<double>(f[r * 70 + j]);
    CHECK(of_rows[r] == doctest::Approx(row));
  }
  for (std::size_t j = 0; j < 70; ++j) {
    double col = 0;
    for (std::size_t r = 0; r < 48; ++r) col += static_cast<double>(f[r * 70 + j]);
    CHECK(of_cols[j] == doctest::Approx(col));
  }

  std::vector<std::size_t> order(w.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  const auto check_list = [&](const std::vector<contract::MatrixEntry>& list, const auto& score) {
    std::ranges::stable_sort(order, std::ranges::greater(), score);
    REQUIRE(list.size() == 8);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto at = static_cast<std::size_t>(list[i].row * 70 + list[i].col);
      CHECK(score(at) == score(order[i]));
      CHECK(list[i].value == static_cast<double>(w[at]));
      CHECK(list[i].sensitivity == static_cast<double>(f[at]));
    }
  };
  check_list(seen.largest, [&](std::size_t i) { return std::abs(w[i]); });
  check_list(seen.most_sensitive, [&](std::size_t i) { return f[i]; });
}

TEST_CASE("a look at a channel gives codebooks that no split of the row beats") {
  const TestFolder folder;
  const Scene scene(folder);
  const LoadedMatrix& matrix = scene.at(kTensor);
  const auto looked = look_at_channel({scene.checkpoint, scene.calibration, kTensor, 47});
  REQUIRE(looked.ok());
  const contract::MatrixChannelResult& seen = looked.value();
  const auto w = matrix.weights.view().row(47), f = matrix.sensitivity.view().row(47);
  CHECK(std::ranges::equal(unpacked<float>(seen.weights), w));
  CHECK(std::ranges::equal(unpacked<float>(seen.sensitivities), f));
  std::vector<std::pair<double, double>> row;
  for (std::size_t j = 0; j < w.size(); ++j) row.emplace_back(w[j], f[j]);
  REQUIRE(seen.codebooks.size() == 7);
  for (const contract::ChannelCodebook& codebook : seen.codebooks) {
    REQUIRE(codebook.entries.size() == std::size_t{1} << codebook.bits);
    CHECK(std::ranges::is_sorted(codebook.entries));
    double objective = 0, error = 0, norm = 0;
    for (const auto& [value, sensitivity] : row) {
      const double off = value - codebook.entries[nearest(codebook.entries, value)];
      objective += sensitivity * off * off;
      error += off * off;
      norm += value * value;
    }
    CHECK(codebook.objective == doctest::Approx(objective));
    CHECK(codebook.relative_error == doctest::Approx(std::sqrt(error / norm)));
    if (codebook.bits > 4) continue;  // where the slow search takes long
    const double least = least_cost(row, codebook.entries.size());
    CHECK(codebook.objective >= least * (1 - 1e-9));
    CHECK(codebook.objective <= least * 1.001);  // the entries are rounded to fp16
  }
}

TEST_CASE("a look at the outliers counts what the rule keeps in the whole model, and what that carries") {
  const TestFolder folder;
  const Scene scene(folder);
  const double sparsity = 0.02;
  double wanted = 0, kept = 0;
  for (std::size_t m = 0; m < scene.names.size(); ++m) {
    CAPTURE(scene.names[m]);
    const auto looked = look_at_outliers({scene.checkpoint, scene.calibration, scene.names[m], sparsity});
    REQUIRE(looked.ok());
    const contract::MatrixOutliersResult& seen = looked.value();
    const LoadedMatrix& matrix = scene.matrices[m];
    const std::vector<float>& w = matrix.weights.values;
    const std::vector<float>& f = matrix.sensitivity.values;
    wanted += sparsity * static_cast<double>(w.size());
    kept += static_cast<double>(seen.sensitive + seen.beyond);
    CHECK(seen.range_row_step == 1);
    CHECK(seen.rows_read == matrix.weights.rows);
    CHECK(seen.rows_clustered == matrix.weights.rows);

    std::vector<float> by_sensitivity = f;
    std::ranges::sort(by_sensitivity, std::ranges::greater());
    const auto sensitive = static_cast<std::size_t>(std::llround(0.0005 * static_cast<double>(w.size())));
    CHECK(seen.sensitive == static_cast<std::int64_t>(sensitive));
    std::vector<float> sorted = w;
    std::ranges::sort(sorted);
    const double q1 = static_cast<double>(sorted[(w.size() - 1) / 4]);
    const double q3 = static_cast<double>(sorted[w.size() - 1 - (w.size() - 1) / 4]);
    REQUIRE(seen.range.has_value());
    const double fence = std::max(q3 + *seen.range * (q3 - q1), *seen.range * (q3 - q1) - q1);
    CHECK(*seen.fence_high == doctest::Approx(fence));
    CHECK(*seen.fence_low == doctest::Approx(-fence));
    std::vector<bool> marked(w.size());
    std::int64_t beyond = 0;
    for (std::size_t i = 0; i < w.size(); ++i) {
      const bool is_sensitive = sensitive > 0 && f[i] >= by_sensitivity[sensitive - 1];
      const bool is_beyond = std::abs(static_cast<double>(w[i])) >= fence * (1 - 1e-7);
      marked[i] = is_sensitive || is_beyond;
      beyond += !is_sensitive && is_beyond;
    }
    CHECK(seen.beyond == beyond);

    std::vector<double> objective(9), carried(9);
    for (std::int64_t r = 0; r < matrix.weights.rows; ++r) {
      const auto channel = look_at_channel({scene.checkpoint, scene.calibration, scene.names[m], r});
      REQUIRE(channel.ok());
      for (const contract::ChannelCodebook& codebook : channel.value().codebooks)
        for (std::int64_t j = 0; j < matrix.weights.cols; ++j) {
          const auto i = static_cast<std::size_t>(r * matrix.weights.cols + j);
          const double value = static_cast<double>(w[i]);
          const double off = value - codebook.entries[nearest(codebook.entries, value)];
          objective[codebook.bits] += static_cast<double>(f[i]) * off * off;
          if (marked[i]) carried[codebook.bits] += static_cast<double>(f[i]) * off * off;
        }
    }
    for (const contract::WidthCost& cost : seen.widths) {
      CHECK(cost.objective == doctest::Approx(objective[cost.bits]));
      // With more entries than weights in a row nothing is lost, and nobody carries any of it.
      CHECK(cost.kept_share * objective[cost.bits] == doctest::Approx(carried[cost.bits]));
      std::int64_t entries = 0;
      for (const std::int64_t bin : cost.spread) entries += bin;
      CHECK(entries == matrix.weights.rows << cost.bits);
    }
  }
  CHECK(kept == doctest::Approx(wanted).epsilon(0.01));

  const auto none = look_at_outliers({scene.checkpoint, scene.calibration, kTensor, 0});
  REQUIRE(none.ok());
  CHECK(none.value().sensitive + none.value().beyond == 0);
  CHECK_FALSE(none.value().range.has_value());
  CHECK(none.value().widths.front().kept_share == 0);
}

TEST_CASE("the cells of a tile stand for their blocks") {
  const TestFolder folder;
  const Scene scene(folder);
  const LoadedMatrix& matrix = scene.at(kTensor);
  using Show = contract::MatrixTileParamsShow;
  using Pool = contract::MatrixTileParamsPool;
  for (const Show show : {Show::kWeight, Show::kSensitivity}) {
    for (const Pool pool : {Pool::kMean, Pool::kExtreme}) {
      const contract::MatrixTileParams asked{.checkpoint = scene.checkpoint,
                                             .calibration = scene.calibration,
                                             .tensor = kTensor,
                                             .show = show,
                                             .pool = pool,
                                             .row = 5,
                                             .col = 3,
                                             .rows = 31,
                                             .cols = 67,
                                             .height = 4,
                                             .width = 9};
      const auto looked = look_at_tile(asked);
      REQUIRE(looked.ok());
      const auto cells = unpacked<BFloat16>(looked.value().cells);
      REQUIRE(cells.size() == 36);
      const Matrix<float>& values = show == Show::kWeight ? matrix.weights : matrix.sensitivity;
      for (std::int64_t y = 0; y < 4; ++y) {
        for (std::int64_t x = 0; x < 9; ++x) {
          double sum = 0, extreme = 0, count = 0;
          for (std::int64_t r = y * 31 / 4; r < (y + 1) * 31 / 4; ++r) {
            for (std::int64_t c = x * 67 / 9; c < (x + 1) * 67 / 9; ++c) {
              const double value = static_cast<double>(values.values[(5 + r) * 70 + 3 + c]);
              sum += value, ++count;
              if (std::abs(value) > std::abs(extreme)) extreme = value;
            }
          }
          const double expected = pool == Pool::kMean ? sum / count : extreme;
          const double cell = static_cast<double>(to_float(cells[y * 9 + x]));
          CHECK(std::abs(cell - expected) <= 0x1p-8 * std::abs(expected));
        }
      }
    }
  }
}

TEST_CASE("looks that cannot be had are refused by name") {
  const TestFolder folder;
  const Scene scene(folder);
  const auto unknown = look_at_weights({scene.checkpoint, scene.calibration, "model.norm.weight"});
  REQUIRE_FALSE(unknown.ok());
  CHECK(unknown.error().code == ErrorCode::kTensorMissing);
  CHECK(unknown.error().tensor == "model.norm.weight");
  const auto channel = look_at_channel({scene.checkpoint, scene.calibration, kTensor, 48});
  REQUIRE_FALSE(channel.ok());
  CHECK(channel.error().message ==
        "params.channel: 48 is not among the 48 output channels of model.layers.1.mlp.down_proj.weight, which are "
        "counted from 0.");

  contract::MatrixTileParams tile{.checkpoint = scene.checkpoint,
                                  .calibration = scene.calibration,
                                  .tensor = kTensor,
                                  .row = 40,
                                  .rows = 9,
                                  .cols = 70,
                                  .height = 9,
                                  .width = 70};
  CHECK(look_at_tile(tile).error().message ==
        "params.rows: 9 from 40 on go beyond the 48 of model.layers.1.mlp.down_proj.weight.");
  tile.rows = 8;
  CHECK(look_at_tile(tile).error().message ==
        "params.height: 9 cells are more than the 8 entries that they are to show.");
  tile.row = std::numeric_limits<std::int64_t>::max();
  CHECK_FALSE(look_at_tile(tile).ok());

  std::ofstream(std::filesystem::path(scene.calibration) / "calibration.json")
      << R"({"fingerprint": "f", "checkpointFingerprint": "of another"})";
  const auto foreign = look_at_outliers({scene.checkpoint, scene.calibration, kTensor, 0.01});
  REQUIRE_FALSE(foreign.ok());
  CHECK(foreign.error().code == ErrorCode::kCalibrationMismatch);
}
