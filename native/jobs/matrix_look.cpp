#include "jobs/matrix_look.hpp"

#include <algorithm>
#include <cmath>

#include "base/base64.hpp"
#include "base/half.hpp"
#include "jobs/matrix_rows.hpp"

namespace squeeze {

namespace {

constexpr std::size_t kBins = 2048;
constexpr std::size_t kListed = 8;

// Rows that are read at once: their weights stay in the cache while they are looked at.
std::int64_t chunk_of(std::int64_t cols) { return std::max<std::int64_t>(1, (1 << 16) / cols); }

// The entries with the largest scores so far; of equal ones the first.
class Largest {
 public:
  bool takes(float score) const { return entries_.size() < kListed || score > entries_.back().score; }
  void add(float score, const contract::MatrixEntry& entry) {
    const auto after = std::ranges::upper_bound(entries_, score, std::ranges::greater(), &Scored::score);
    entries_.insert(after, {score, entry});
    if (entries_.size() > kListed) entries_.pop_back();
  }
  std::vector<contract::MatrixEntry> list() const {
    std::vector<contract::MatrixEntry> out;
    for (const Scored& scored : entries_) out.push_back(scored.entry);
    return out;
  }

 private:
  struct Scored {
    float score = 0;
    contract::MatrixEntry entry;
  };
  std::vector<Scored> entries_;
};

// Sums and extremes, from one pass over the rows.
struct Totals {
  explicit Totals(const MatrixRows& matrix) : of_rows(matrix.rows()), of_cols(matrix.cols()) {}

  void take(std::int64_t row, std::span<const float> w, std::span<const float> f) {
    double in_row = 0;
    for (std::size_t j = 0; j < w.size(); ++j) {
      const double value = w[j], sensitivity = f[j];
      min = std::min(min, value);
      max = std::max(max, value);
      sum += value;
      squares += value * value;
      in_row += sensitivity;
      of_cols[j] += sensitivity;
      const float magnitude = std::abs(w[j]);
      const bool large = largest.takes(magnitude), sensitive = most_sensitive.takes(f[j]);
      if (!large && !sensitive) continue;
      const contract::MatrixEntry entry{row, static_cast<std::int64_t>(j), value, sensitivity};
      if (large) largest.add(magnitude, entry);
      if (sensitive) most_sensitive.add(f[j], entry);
    }
    of_rows[row] = in_row;
    all_sensitivity += in_row;
  }

  double min = std::numeric_limits<double>::infinity(), max = -min;
  double sum = 0, squares = 0, all_sensitivity = 0;
  std::vector<double> of_rows, of_cols;
  Largest largest, most_sensitive;
};

std::string packed(const std::vector<double>& values) {
  const std::vector<float> floats(values.begin(), values.end());
  return base64_of(std::span<const float>(floats));
}

Error refused(const std::string& message) { return {.code = ErrorCode::kInvalidRequest, .message = message}; }

// "params.rows: 10 from 250 on go beyond the 256 of <tensor>."
Result<void> check_side(const char* field, std::int64_t first, std::int64_t count, std::int64_t all,
                        const std::string& tensor) {
  if (first < all && count <= all - first) return {};
  return refused("params." + std::string(field) + ": " + std::to_string(count) + " from " + std::to_string(first) +
                 " on go beyond the " + std::to_string(all) + " of " + tensor + ".");
}

Result<void> check_cells(const char* field, std::int64_t cells, std::int64_t entries) {
  if (cells <= entries) return {};
  return refused("params." + std::string(field) + ": " + std::to_string(cells) + " cells are more than the " +
                 std::to_string(entries) + " entries that they are to show.");
}

// What one line of cells has seen of its blocks.
class CellRow {
 public:
  CellRow(std::int64_t width, std::int64_t cols) : sums_(width), extremes_(width) {
    for (std::int64_t x = 0; x <= width; ++x) edges_.push_back(x * cols / width);
  }

  void clear() {
    std::ranges::fill(sums_, 0.0);
    std::ranges::fill(extremes_, 0.0f);
    rows_ = 0;
  }

  void take(std::span<const float> values) {
    ++rows_;
    for (std::size_t x = 0; x < sums_.size(); ++x) {
      double sum = 0;
      float extreme = extremes_[x];
      for (std::int64_t j = edges_[x]; j < edges_[x + 1]; ++j) {
        sum += static_cast<double>(values[j]);
        if (std::abs(values[j]) > std::abs(extreme)) extreme = values[j];
      }
      sums_[x] += sum;
      extremes_[x] = extreme;
    }
  }

  float cell(std::size_t x, contract::MatrixTileParamsPool pool) const {
    if (pool == contract::MatrixTileParamsPool::kExtreme) return extremes_[x];
    return static_cast<float>(sums_[x] / static_cast<double>(rows_ * (edges_[x + 1] - edges_[x])));
  }

 private:
  std::vector<double> sums_;
  std::vector<float> extremes_;
  std::vector<std::int64_t> edges_;
  std::int64_t rows_ = 0;
};

}  // namespace

Result<contract::MatrixWeightsResult> look_at_weights(const contract::MatrixWeightsParams& params) {
  SQUEEZE_ASSIGN(const MatrixSource source, MatrixSource::open(params.checkpoint, params.calibration, {}));
  SQUEEZE_ASSIGN(const MatrixRows matrix, MatrixRows::of(source, params.tensor));
  const std::int64_t rows = matrix.rows(), cols = matrix.cols(), chunk = chunk_of(cols);
  Matrix<float> w(chunk, cols), f(chunk, cols);
  const auto each_chunk = [&](const auto& visit) -> Result<void> {
    for (std::int64_t first = 0; first < rows; first += chunk) SQUEEZE_TRY(visit(first, std::min(chunk, rows - first)));
    return {};
  };

  Totals totals(matrix);
  SQUEEZE_TRY(each_chunk([&](std::int64_t first, std::int64_t count) -> Result<void> {
    SQUEEZE_TRY(matrix.weights(first, 0, w.view().rows_from(0, count).flat()));
    SQUEEZE_TRY(matrix.sensitivities(first, 0, f.view().rows_from(0, count).flat()));
    for (std::int64_t r = 0; r < count; ++r) totals.take(first + r, w.view().row(r), f.view().row(r));
    return {};
  }));

  std::vector<std::int64_t> histogram(kBins);
  const double span = totals.max - totals.min;
  const double bins_per_unit = span > 0 ? static_cast<double>(kBins) / span : 0;
  SQUEEZE_TRY(each_chunk([&](std::int64_t first, std::int64_t count) -> Result<void> {
    const auto values = w.view().rows_from(0, count).flat();
    SQUEEZE_TRY(matrix.weights(first, 0, values));
    for (const float value : values) {
      const auto bin = static_cast<std::size_t>((static_cast<double>(value) - totals.min) * bins_per_unit);
      ++histogram[std::min(bin, kBins - 1)];
    }
    return {};
  }));

  const double weights = static_cast<double>(rows) * static_cast<double>(cols), mean = totals.sum / weights;
  contract::MatrixWeightsResult out;
  out.rows = rows;
  out.cols = cols;
  out.min = totals.min;
  out.max = totals.max;
  out.mean = mean;
  out.deviation = std::sqrt(std::max(0.0, totals.squares / weights - mean * mean));
  out.histogram = std::move(histogram);
  out.sensitivity_sum = totals.all_sensitivity;
  out.largest = totals.largest.list();
  out.most_sensitive = totals.most_sensitive.list();
  out.sensitivity_max = out.most_sensitive.front().sensitivity;
  out.of_rows = packed(totals.of_rows);
  out.of_cols = packed(totals.of_cols);
  return out;
}

Result<contract::MatrixTileResult> look_at_tile(const contract::MatrixTileParams& params) {
  SQUEEZE_ASSIGN(const MatrixSource source, MatrixSource::open(params.checkpoint, params.calibration, {}));
  SQUEEZE_ASSIGN(const MatrixRows matrix, MatrixRows::of(source, params.tensor));
  SQUEEZE_TRY(check_side("rows", params.row, params.rows, matrix.rows(), params.tensor));
  SQUEEZE_TRY(check_side("cols", params.col, params.cols, matrix.cols(), params.tensor));
  SQUEEZE_TRY(check_cells("height", params.height, params.rows));
  SQUEEZE_TRY(check_cells("width", params.width, params.cols));

  std::vector<float> values(static_cast<std::size_t>(params.cols));
  std::vector<BFloat16> cells;
  cells.reserve(static_cast<std::size_t>(params.height * params.width));
  CellRow line(params.width, params.cols);
  for (std::int64_t y = 0; y < params.height; ++y) {
    line.clear();
    for (std::int64_t r = y * params.rows / params.height; r < (y + 1) * params.rows / params.height; ++r) {
      const bool weights = params.show == contract::MatrixTileParamsShow::kWeight;
      SQUEEZE_TRY(weights ? matrix.weights(params.row + r, params.col, values)
                          : matrix.sensitivities(params.row + r, params.col, values));
      line.take(values);
    }
    for (std::size_t x = 0; x < static_cast<std::size_t>(params.width); ++x)
      cells.push_back(to_bfloat16(line.cell(x, params.pool)));
  }
  return contract::MatrixTileResult{
      .height = params.height, .width = params.width, .cells = base64_of(std::span<const BFloat16>(cells))};
}

}  // namespace squeeze
