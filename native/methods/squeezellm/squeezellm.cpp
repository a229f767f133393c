// SqueezeLLM (arXiv 2306.07629): sensitivity-weighted k-means per output channel (§4.1) and a dense-and-sparse
// decomposition (§4.2). Minimises Σ F (w − ŵ)²; stored as lut (formats/lut). Deviations: the clustering can be the
// global optimum (ops/kmeans1d), the kept weights can be chosen by their loss (loss_aware.hpp), and a codebook can
// serve several rows, or a part of one (`share`, `group`; stored as grouped_lut).

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>

#include "base/threads.hpp"
#include "formats/grouped_lut/grouped_lut.hpp"
#include "formats/lut/lut.hpp"
#include "formats/packed_indices.hpp"
#include "methods/method.hpp"
#include "methods/squeezellm/codebooks.hpp"
#include "methods/squeezellm/estimate.hpp"
#include "methods/squeezellm/loss_aware.hpp"
#include "methods/squeezellm/outliers.hpp"
#include "methods/squeezellm/row_sample.hpp"

namespace squeeze {

namespace {

Result<void> check(const MethodOptions& options) {
  const auto refuse = [](const char* message) { return Error{.code = ErrorCode::kInvalidRequest, .message = message}; };
  if (options.bits < kMinBits || options.bits > kMaxBits) return refuse("Bits must be 2 to 8.");
  if (!(options.sparsity >= 0 && options.sparsity <= 0.2)) return refuse("Sparsity must be a fraction from 0 to 0.2.");
  if (options.group != 0 && options.group < kMinGroup)
    return refuse("A group must be 32 weights or more, or 0 for whole rows.");
  if (options.share < 1) return refuse("A codebook must serve one row or more.");
  return {};
}

// The views, with the sensitivity dropped where it is not to be used.
Result<MatrixInput> checked(const MatrixInput& input, const MethodOptions& options) {
  MatrixInput seen = input;
  if (options.weighting == Weighting::kNone) {
    seen.sensitivity = {};
  } else if (input.sensitivity.data == nullptr || input.sensitivity.rows != input.weights.rows ||
             input.sensitivity.cols != input.weights.cols) {
    return Error{.code = ErrorCode::kCalibrationMismatch,
                 .message = "The calibration holds no sensitivities of the right shape for " + input.name + ".",
                 .tensor = input.name + ".weight"};
  }
  return seen;
}

// The model's one range of the quartile rule; nothing where no rule needs it.
Result<std::any> prepare(const ForEachMatrix& for_each, const MethodOptions& options, RunContext& context) {
  SQUEEZE_TRY(check(options));
  if (options.sparsity == 0 || options.outliers != OutlierRule::kPaper) return std::any();
  const ForEachMatrix for_each_checked = [&](const MatrixVisitor& visit) {
    return for_each([&](const MatrixInput& input) -> Result<void> {
      SQUEEZE_ASSIGN(const MatrixInput seen, checked(input, options));
      return visit(seen);
    });
  };
  SQUEEZE_ASSIGN(const double range, find_range(for_each_checked, options.sparsity, context));
  return std::any(range);
}

// A count by the loss depends on the codebooks; any other choice of kept weights is made before them.
std::int64_t count_by_loss(const MatrixInput& input, const MethodOptions& options) {
  if (options.outliers != OutlierRule::kLossAware) return 0;
  return std::llround(options.sparsity * static_cast<double>(input.weights.size()));
}

// A choice of the weights of whichever matrix is asked for, open as long as that stays the same: several ways of
// squeezing one have its weights brought to where they are chosen once.
class OpenChoice {
 public:
  Result<WeightChoice*> of(const MatrixInput& input) {
    if (choice_ && same(choice_->input(), input)) return choice_.get();
    choice_.reset();  // before the next: an engine has one at a time
    SQUEEZE_ASSIGN(choice_, choose_from(input));
    return choice_.get();
  }

 private:
  static bool same(const MatrixInput& a, const MatrixInput& b) {
    return a.weights.data == b.weights.data && a.sensitivity.data == b.sensitivity.data;
  }
  std::unique_ptr<WeightChoice> choice_;
};

// Whether a choice is to be made before the codebooks are.
bool keeps_some(const MethodOptions& options) {
  return options.outliers == OutlierRule::kPaper && options.sparsity > 0;
}

Result<void> mark_first(WeightChoice& choice, const MatrixRequest& way) {
  const double* range = std::any_cast<double>(way.prepared);
  if (range == nullptr)
    return Error{.code = ErrorCode::kInternal, .message = "The outlier range of the model was not prepared."};
  return mark_paper(choice, way.options.sparsity, *range);
}

struct RowError {
  double objective = 0, squared_error = 0, squared_norm = 0;
};

// How far what is stored is from the weights, row by row: the same for any number of threads.
std::vector<RowError> row_errors(const MatrixInput& input, const SparseRows& sparse, const Codebooks& codebooks) {
  std::vector<RowError> errors(static_cast<std::size_t>(input.weights.rows));
  const std::int64_t cols = input.weights.cols;
  parallel_for(input.weights.rows, std::max<std::int64_t>(1, (1 << 16) / std::max<std::int64_t>(1, cols)),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t r = first; r < last; ++r) {
                   RowError sums;
                   const float* w = input.weights.row(r).data();
                   const float* f = input.sensitivity.data ? input.sensitivity.row(r).data() : nullptr;
                   const std::uint8_t* indices = codebooks.indices.values.data() + r * cols;
                   std::int64_t entry = sparse.row_ptr[r];
                   codebooks.grid.for_each_piece(r, [&](std::int64_t block, std::int64_t begin, std::int64_t end) {
                     const auto table = codebooks.tables.view().row(block);
                     for (std::int64_t j = begin; j < end; ++j) {
                       float decoded = to_float(table[indices[j]]);
                       if (entry < sparse.row_ptr[r + 1] && sparse.cols[entry] == j)
                         decoded += to_float(sparse.values[entry++]);
                       const double error = static_cast<double>(w[j]) - static_cast<double>(decoded);
                       sums.objective += (f ? static_cast<double>(f[j]) : 1.0) * error * error;
                       sums.squared_error += error * error;
                       sums.squared_norm += static_cast<double>(w[j]) * static_cast<double>(w[j]);
                     }
                   });
                   errors[r] = sums;
                 }
               });
  return errors;
}

MatrixOutput stored(const MatrixInput& input, const MethodOptions& options, std::span<const std::uint8_t> mask,
                    Codebooks& codebooks) {
  const SparseRows sparse = keep_weights(input, mask, codebooks);
  MatrixOutput output;
  output.sparse_count = sparse.count();
  double squared_error = 0, squared_norm = 0;
  for (const RowError& row : row_errors(input, sparse, codebooks)) {
    output.objective += row.objective;
    squared_error += row.squared_error;
    squared_norm += row.squared_norm;
  }
  output.relative_error = squared_norm > 0 ? std::sqrt(squared_error / squared_norm) : 0;
  const auto indices = std::as_const(codebooks).indices.view();
  const auto tables = std::as_const(codebooks).tables.view();
  output.tensors = codebooks.grid.whole_rows()
                       ? lut_tensors(input.name, options.bits, indices, tables, &sparse)
                       : grouped_lut_tensors(input.name, options.bits, codebooks.grid, indices, tables, &sparse);
  return output;
}

Result<void> check_size(const MatrixInput& input, const MethodOptions& options) {
  if (input.weights.size() <= std::numeric_limits<std::int32_t>::max() || options.sparsity == 0) return {};
  return Error{.code = ErrorCode::kInvalidRequest,
               .message = input.name + " is too large for a sparse part with 32-bit row pointers.",
               .tensor = input.name + ".weight"};
}

bool share_rows(const MethodOptions& a, const MethodOptions& b) {
  return a.sparsity == b.sparsity && (a.sparsity == 0 || a.outliers == b.outliers) && a.solver == b.solver &&
         a.weighting == b.weighting && a.group == b.group && a.share == b.share;
}

Result<void> check_ways(const MatrixInput& input, std::span<const MatrixRequest> ways) {
  for (const MatrixRequest& way : ways) {
    SQUEEZE_TRY(check(way.options));
    SQUEEZE_TRY(check_size(input, way.options));
  }
  return {};
}

// Places of ways that share their clustering: they differ in nothing but their widths, and their kept weights do not
// depend on those. A way whose do is alone.
std::vector<std::vector<std::size_t>> alike(const MatrixInput& input, std::span<const MatrixRequest> ways) {
  std::vector<std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < ways.size(); ++i) {
    const bool alone = count_by_loss(input, ways[i].options) > 0;
    const auto known = alone ? groups.end() : std::ranges::find_if(groups, [&](const auto& group) {
      return share_rows(ways[group.front()].options, ways[i].options);
    });
    if (known != groups.end())
      known->push_back(i);
    else
      groups.push_back({i});
  }
  return groups;
}

std::vector<Codebooks> room_for(const MatrixInput& input, std::span<const MatrixRequest> ways,
                                std::span<const std::size_t> group) {
  std::vector<Codebooks> codebooks;
  codebooks.reserve(group.size());
  for (const std::size_t i : group) codebooks.emplace_back(grid_of(input, ways[i].options), ways[i].options.bits);
  return codebooks;
}

std::vector<RowCodebooks> views_of(std::vector<Codebooks>& codebooks) {
  std::vector<RowCodebooks> views;
  for (Codebooks& one : codebooks) views.push_back(one.views());
  return views;
}

// Marks what is kept and clusters the rest, in all widths of a group; gives the marks.
Result<std::vector<std::uint8_t>> cluster_group(const MatrixInput& input, const MatrixRequest& first, OpenChoice& open,
                                                std::span<const RowCodebooks> widths, RunContext& context) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(input.weights.size()));
  if (keeps_some(first.options)) {
    SQUEEZE_ASSIGN(WeightChoice* const choice, open.of(input));
    SQUEEZE_TRY(mark_first(*choice, first));
    SQUEEZE_TRY(choice->read_marks(mask));
    SQUEEZE_TRY(choice->cluster(first.options, widths, context));
  } else {
    SQUEEZE_TRY(cluster_blocks(input, mask, first.options, {}, widths, context));
  }
  return mask;
}

Result<std::vector<MatrixOutput>> quantize_several(const MatrixInput& given, std::span<const MatrixRequest> ways,
                                                   RunContext& context) {
  SQUEEZE_TRY(check_ways(given, ways));
  std::vector<MatrixOutput> outputs(ways.size());
  OpenChoice open;
  for (const std::vector<std::size_t>& group : alike(given, ways)) {
    const MatrixRequest& first = ways[group.front()];
    SQUEEZE_ASSIGN(const MatrixInput input, checked(given, first.options));
    if (const std::int64_t count = count_by_loss(input, first.options); count > 0) {
      SQUEEZE_ASSIGN(WeightChoice* const choice, open.of(input));
      SQUEEZE_ASSIGN(KeptWeights kept, choose_by_loss(*choice, count, first.options, context));
      outputs[group.front()] = stored(input, first.options, kept.mask, kept.codebooks);
      continue;
    }
    std::vector<Codebooks> codebooks = room_for(input, ways, group);
    SQUEEZE_ASSIGN(const std::vector<std::uint8_t> mask,
                   cluster_group(input, first, open, views_of(codebooks), context));
    for (std::size_t i = 0; i < group.size(); ++i) {
      outputs[group[i]] = stored(input, ways[group[i]].options, mask, codebooks[i]);
      SQUEEZE_TRY(context.check_cancelled());
    }
  }
  return outputs;
}

// An estimate with 2^b clusters takes time in proportion to them, and the wider the less it says: 7 and 8 bits lose
// little.
constexpr int kManyBits = 6;
constexpr std::int64_t kFewer = 4;  // times fewer rows for wider ones

double estimated(const RowSample& sample, std::span<const std::uint8_t> mask, Codebooks& codebooks) {
  const std::vector<RowError> errors = row_errors(sample.input, keep_weights(sample.input, mask, codebooks), codebooks);
  double sum = 0;
  for (std::size_t i = 0; i < errors.size(); ++i) sum += sample.counts_for[i] * errors[i].objective;
  return sum;
}

Result<MatrixOutput> quantize(const MatrixInput& input, const MethodOptions& options, const std::any& prepared,
                              RunContext& context) {
  const MatrixRequest way{options, &prepared};
  SQUEEZE_ASSIGN(std::vector<MatrixOutput> outputs, quantize_several(input, {&way, 1}, context));
  return std::move(outputs.front());
}

}  // namespace

Result<std::vector<MatrixCost>> estimate_costs(const MatrixInput& given, std::span<const MatrixRequest> ways,
                                               std::int64_t rows, RunContext& context) {
  SQUEEZE_TRY(check_ways(given, ways));
  SQUEEZE_ASSIGN(const MatrixInput input, checked(given, ways.front().options));
  SQUEEZE_ASSIGN(const RowOrder order, order_rows(input, ways.front().options, context));
  const RowSample many = sample_rows(input, order, rows);
  const RowSample few = sample_rows(input, order, std::max<std::int64_t>(1, rows / kFewer));
  std::vector<MatrixCost> costs(ways.size());
  const auto groups = alike(input, ways);
  const std::int64_t all = input.weights.rows, cols = input.weights.cols;
  std::size_t done = 0;
  OpenChoice open;
  for (const std::vector<std::size_t>& group : groups) {
    const MatrixRequest& first = ways[group.front()];
    if (const std::int64_t count = count_by_loss(input, first.options); count > 0) {
      const RowSample& sample = first.options.bits > kManyBits ? few : many;
      const auto sampled = static_cast<std::int64_t>(sample.rows.size());
      const std::int64_t share = std::max<std::int64_t>(1, count * sampled / all);
      SQUEEZE_ASSIGN(WeightChoice* const choice, open.of(sample.input));
      SQUEEZE_ASSIGN(KeptWeights kept, choose_by_loss(*choice, share, first.options, context));
      costs[group.front()] = {estimated(sample, kept.mask, kept.codebooks),
                              lut_bytes(all, cols, first.options.bits, count)};
    } else {
      std::vector<std::uint8_t> mask(static_cast<std::size_t>(input.weights.size()));
      if (keeps_some(first.options)) {
        SQUEEZE_ASSIGN(WeightChoice* const choice, open.of(input));
        SQUEEZE_TRY(mark_first(*choice, first));
        SQUEEZE_TRY(choice->read_marks(mask));
      }
      const std::int64_t kept = std::ranges::count(mask, 1);
      for (const RowSample* sample : {&many, &few}) {
        std::vector<std::size_t> members;
        std::ranges::copy_if(group, std::back_inserter(members),
                             [&](std::size_t i) { return (ways[i].options.bits > kManyBits) == (sample == &few); });
        if (members.empty()) continue;
        std::vector<std::uint8_t> sampled;
        for (const std::int64_t row : sample->rows)
          sampled.insert(sampled.end(), mask.begin() + row * cols, mask.begin() + (row + 1) * cols);
        std::vector<Codebooks> codebooks = room_for(sample->input, ways, members);
        SQUEEZE_TRY(cluster_blocks(sample->input, sampled, first.options, {}, views_of(codebooks), context));
        for (std::size_t i = 0; i < members.size(); ++i)
          costs[members[i]] = {estimated(*sample, sampled, codebooks[i]),
                               lut_bytes(all, cols, ways[members[i]].options.bits, kept)};
      }
    }
    context.report({.fraction = static_cast<double>(++done) / static_cast<double>(groups.size())});
    SQUEEZE_TRY(context.check_cancelled());
  }
  return costs;
}

extern const Method kMethod_squeezellm;
const Method kMethod_squeezellm{
    .id = "squeezellm",
    .summary =
        "Codebooks by sensitivity-weighted k-means per output channel, with the most harmful weights kept exactly.",
    .uses_sensitivity = true,
    .has_codebooks = true,
    .prepare = prepare,
    .quantize = quantize,
    .quantize_several = quantize_several};

}  // namespace squeeze
