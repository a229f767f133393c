#include "methods/squeezellm/codebooks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/threads.hpp"
#include "ops/kmeans1d/kmeans1d.hpp"

namespace squeeze {

namespace {

struct Workspace {
  Kmeans1d kmeans;
  std::vector<float> weights;
  std::vector<double> centroids;
};

// Makes the row ready for clustering.
void take_row(std::span<const float> w, const float* f, const std::uint8_t* kept, Workspace& work) {
  const std::size_t count = w.size();
  work.weights.resize(count);
  bool any = false;
  for (std::size_t j = 0; j < count; ++j) {
    work.weights[j] = kept[j] ? 0.0f : f ? f[j] : 1.0f;
    any |= work.weights[j] > 0;
  }
  if (!any)
    for (std::size_t j = 0; j < count; ++j) work.weights[j] = kept[j] ? 0.0f : 1.0f;
  work.kmeans.assign(w, work.weights);
}

void cluster_row(std::int64_t row, std::span<const float> w, const float* f, const std::uint8_t* kept,
                 ClusterSolver solver, std::span<const RowCodebooks> widths, Workspace& work) {
  take_row(w, f, kept, work);
  std::int64_t most = 0;
  for (const RowCodebooks& codebooks : widths) most = std::max(most, codebooks.tables.cols);
  if (solver == ClusterSolver::kExact) work.kmeans.solve_exact(static_cast<int>(most));
  for (const RowCodebooks& codebooks : widths) {
    const int entries = static_cast<int>(codebooks.tables.cols);
    const auto table = codebooks.tables.row(row);
    const auto indices = codebooks.indices.row(row);
    if (solver == ClusterSolver::kExact)
      work.kmeans.exact_centroids(entries, work.centroids);
    else
      work.kmeans.solve_lloyd(entries, work.centroids);
    round_codebook(work.centroids, table);
    nearest_indices(w, table, indices);
    double& objective = codebooks.objective[static_cast<std::size_t>(row)];
    objective = 0;
    for (std::size_t j = 0; j < w.size(); ++j) {
      if (kept[j]) continue;
      const double error = static_cast<double>(w[j]) - static_cast<double>(to_float(table[indices[j]]));
      objective += (f ? static_cast<double>(f[j]) : 1.0) * error * error;
    }
  }
}

// One codebook a row, here or wherever the input says.
Result<void> cluster_rows(const MatrixInput& input, std::span<const std::uint8_t> kept, const MethodOptions& options,
                          std::span<const std::uint8_t> wanted, std::span<const RowCodebooks> widths,
                          RunContext& context) {
  if (input.engine) return input.engine->cluster(input, kept, options, wanted, widths, context);
  const std::int64_t cols = input.weights.cols;
  const bool weighted = options.weighting == Weighting::kFisher;
  // A chunk of rows takes a few milliseconds, so that a cancel is seen at once.
  parallel_for(input.weights.rows, std::max<std::int64_t>(1, (1 << 12) / std::max<std::int64_t>(1, cols)),
               [&](std::int64_t first, std::int64_t last) {
                 thread_local Workspace work;
                 for (std::int64_t r = first; r < last; ++r) {
                   if (context.cancelled()) return;
                   if (!wanted.empty() && !wanted[r]) continue;
                   cluster_row(r, input.weights.row(r), weighted ? input.sensitivity.row(r).data() : nullptr,
                               kept.data() + r * cols, options.solver, widths, work);
                 }
               });
  return context.check_cancelled();
}

// Each block of a grid as one row, which clusters like any other. Blocks at the edges are filled up with weights that
// have no say.
class BlockRows {
 public:
  explicit BlockRows(const CodebookGrid& grid) : grid_(grid) {}

  std::int64_t width() const { return grid_.block_rows * grid_.block_cols; }

  template <typename T>
  Matrix<T> gathered(MatrixView<const T> from, T filling) const {
    Matrix<T> out(grid_.count(), width());
    std::ranges::fill(out.values, filling);
    each_piece([&](std::int64_t row, std::int64_t col, std::int64_t count, std::int64_t place) {
      std::copy_n(from.row(row).data() + col, count, out.values.data() + place);
    });
    return out;
  }

  // Back into the matrix, for the blocks that are wanted.
  void scatter(MatrixView<const std::uint8_t> from, std::span<const std::uint8_t> wanted,
               MatrixView<std::uint8_t> to) const {
    each_piece([&](std::int64_t row, std::int64_t col, std::int64_t count, std::int64_t place) {
      if (wanted.empty() || wanted[static_cast<std::size_t>(place / width())])
        std::copy_n(from.data + place, count, to.row(row).data() + col);
    });
  }

 private:
  // A piece is what one row has in one block; place: where it begins in the rows made of blocks.
  template <typename Body>
  void each_piece(const Body& body) const {
    parallel_for(grid_.rows, std::max<std::int64_t>(1, (1 << 18) / width()), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        grid_.for_each_piece(row, [&](std::int64_t block, std::int64_t first, std::int64_t last) {
          body(row, first, last - first, block * width() + row % grid_.block_rows * grid_.block_cols);
        });
    });
  }

  CodebookGrid grid_;
};

// What is added to the entry of the table with which that comes closest to the weight; writes the entry's place.
Half keep_weight(float weight, std::span<const Half> table, std::uint8_t& index) {
  float best_error = std::numeric_limits<float>::infinity(), best_distance = best_error;
  Half best_value = {};
  for (std::size_t c = 0; c < table.size(); ++c) {
    const float entry = to_float(table[c]), difference = weight - entry;
    const Half value = to_half(std::clamp(difference, -65504.0f, 65504.0f));
    const float error = std::abs(entry + to_float(value) - weight), distance = std::abs(difference);
    if (error > best_error || (error == best_error && distance >= best_distance)) continue;
    best_error = error;
    best_distance = distance;
    best_value = value;
    index = static_cast<std::uint8_t>(c);
  }
  return best_value;
}

}  // namespace

Result<void> cluster_blocks(const MatrixInput& input, std::span<const std::uint8_t> kept, const MethodOptions& options,
                            std::span<const std::uint8_t> wanted, Codebooks& codebooks, RunContext& context) {
  const RowCodebooks one = codebooks.views();
  return cluster_blocks(input, kept, options, wanted, {&one, 1}, context);
}

Result<void> cluster_blocks(const MatrixInput& input, std::span<const std::uint8_t> kept, const MethodOptions& options,
                            std::span<const std::uint8_t> wanted, std::span<const RowCodebooks> widths,
                            RunContext& context) {
  const CodebookGrid grid = grid_of(input, options);
  if (grid.whole_rows()) return cluster_rows(input, kept, options, wanted, widths, context);

  const BlockRows blocks(grid);
  const Matrix<float> weights = blocks.gathered<float>(input.weights, 0.0f);
  const Matrix<float> sensitivity =
      input.sensitivity.data ? blocks.gathered<float>(input.sensitivity, 0.0f) : Matrix<float>();
  const Matrix<std::uint8_t> kept_of = blocks.gathered<std::uint8_t>({kept.data(), grid.rows, grid.cols}, 1);
  std::vector<Matrix<std::uint8_t>> indices;
  std::vector<RowCodebooks> as_rows(widths.begin(), widths.end());
  for (RowCodebooks& width : as_rows) {
    indices.emplace_back(grid.count(), blocks.width());
    width.indices = indices.back().view();
  }
  MatrixInput rows = input;
  rows.weights = weights.view();
  rows.sensitivity = sensitivity.view();
  SQUEEZE_TRY(cluster_rows(rows, kept_of.values, options, wanted, as_rows, context));
  for (std::size_t i = 0; i < widths.size(); ++i)
    blocks.scatter(std::as_const(indices[i]).view(), wanted, widths[i].indices);
  return {};
}

double total_objective(const Codebooks& codebooks) {
  double total = 0;
  for (const double row : codebooks.objective) total += row;
  return total;
}

SparseRows keep_weights(const MatrixInput& input, std::span<const std::uint8_t> kept, Codebooks& codebooks) {
  const std::int64_t rows = input.weights.rows, cols = input.weights.cols;
  const std::int64_t chunk = std::max<std::int64_t>(1, (1 << 18) / std::max<std::int64_t>(1, cols));
  std::vector<std::int64_t> kept_in(static_cast<std::size_t>(rows));
  parallel_for(rows, chunk, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r)
      kept_in[r] = std::count_if(kept.begin() + r * cols, kept.begin() + (r + 1) * cols, [](auto k) { return k != 0; });
  });
  SparseRows sparse;
  for (const std::int64_t count : kept_in)
    sparse.row_ptr.push_back(static_cast<std::int32_t>(sparse.row_ptr.back() + count));
  sparse.cols.resize(static_cast<std::size_t>(sparse.row_ptr.back()));
  sparse.values.resize(sparse.cols.size());
  parallel_for(rows, chunk, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t r = first; r < last; ++r) {
      if (kept_in[r] == 0) continue;
      std::int32_t entry = sparse.row_ptr[r];
      codebooks.grid.for_each_piece(r, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
        for (std::int64_t j = begin; j < end; ++j) {
          if (!kept[r * cols + j]) continue;
          sparse.cols[entry] = static_cast<std::int32_t>(j);
          sparse.values[entry++] = keep_weight(input.weights.row(r)[j], codebooks.tables.view().row(block),
                                               codebooks.indices.view().row(r)[j]);
        }
      });
    }
  });
  return sparse;
}

}  // namespace squeeze
