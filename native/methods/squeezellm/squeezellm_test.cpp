#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>

#include "base/threads.hpp"
#include "formats/lut/lut.hpp"
#include "methods/method.hpp"
#include "methods/squeezellm/estimate.hpp"
#include "methods/squeezellm/loss_aware.hpp"
#include "methods/squeezellm/outliers.hpp"
#include "methods/test_matrices.hpp"

using namespace squeeze;

namespace {

const Method& squeezellm() { return *method_named("squeezellm"); }

MatrixOutput run(const std::vector<TestMatrix>& model, std::size_t which, const MethodOptions& options) {
  SilentContext context;
  auto prepared = squeezellm().prepare(for_each_of(model), options, context);
  REQUIRE(prepared.ok());
  auto output = squeezellm().quantize(model[which].input(), options, prepared.value(), context);
  if (!output.ok()) FAIL(output.error().message);
  return std::move(output).value();
}

std::vector<TestMatrix> small_model() {
  std::vector<TestMatrix> model;
  model.push_back(test_matrix("a", 48, 256, 1));
  model.push_back(test_matrix("b", 96, 128, 2));
  model.push_back(test_matrix("c", 64, 320, 3));
  for (float& w : model[1].weights.values) w = to_float(to_half(5 * w));  // another scale: the fence must adapt
  return model;
}

}  // namespace

TEST_CASE("squeezellm: what is reported is what is stored, for every width, solver and weighting") {
  const auto model = small_model();
  for (const int bits : {2, 3, 4, 5, 8}) {
    for (const ClusterSolver solver : {ClusterSolver::kExact, ClusterSolver::kLloyd}) {
      for (const Weighting weighting : {Weighting::kFisher, Weighting::kNone}) {
        for (const double sparsity : {0.0, 0.0045}) {
          const auto output =
              run(model, 0, {.bits = bits, .sparsity = sparsity, .solver = solver, .weighting = weighting});
          TestFolder folder;
          const auto weight = stored(folder, model[0].input(), output);
          CHECK(weight->stored_as() == "lut");
          CHECK(weight->size_bytes() == size_of(output));
          CHECK(weight->sparse_count() == output.sparse_count);
          CHECK((output.sparse_count > 0) == (sparsity > 0));
          const double objective = objective_of(model[0].input(), decoded(*weight), weighting == Weighting::kFisher);
          CHECK(output.objective == doctest::Approx(objective).epsilon(1e-12));
        }
      }
    }
  }
}

TEST_CASE("squeezellm: more bits, the exact solver and kept weights each lower the objective") {
  const auto model = small_model();
  double before = INFINITY;
  for (int bits = 2; bits <= 7; ++bits) {  // at 8 every weight of these short rows has an entry of its own
    const double exact = run(model, 0, {.bits = bits}).objective;
    const double lloyd = run(model, 0, {.bits = bits, .solver = ClusterSolver::kLloyd}).objective;
    const double unweighted = run(model, 0, {.bits = bits, .weighting = Weighting::kNone}).objective;
    CHECK(exact < before);
    // Clustering is compared before the centroids are rounded to fp16; that moves the sums by far less than this.
    CHECK(exact <= lloyd * (1 + 1e-3));
    CHECK(run(model, 0, {.bits = bits, .sparsity = 0.0045}).objective < exact);
    CHECK(unweighted > 0);
    before = exact;
  }
}

TEST_CASE("squeezellm: kept weights come back to within half an fp16 unit of what is stored beside them") {
  for (const bool half : {true, false}) {
    const std::vector<TestMatrix> model = {test_matrix("a", 32, 200, 5, half)};
    for (const OutlierRule rule : {OutlierRule::kPaper, OutlierRule::kLossAware}) {
      const auto output = run(model, 0, {.bits = 4, .sparsity = 0.02, .outliers = rule});
      TestFolder folder;
      const auto weight = std::dynamic_pointer_cast<const LutWeight>(stored(folder, model[0].input(), output));
      REQUIRE(weight);
      REQUIRE(weight->sparse_count() > 0);
      const auto values = decoded(*weight);
      std::int64_t exact = 0;
      for (std::int64_t r = 0; r < 32; ++r) {
        for (std::int64_t e = weight->sparse()->row_begin(r); e < weight->sparse()->row_end(r); ++e) {
          const std::int64_t j = weight->sparse()->col(e);
          const float error = std::abs(values.view().row(r)[j] - model[0].weights.view().row(r)[j]);
          CHECK(error <= std::max(std::abs(to_float(weight->sparse()->value(e))) * 0x1p-11f, 0x1p-25f));
          exact += error == 0;
        }
      }
      if (half) CHECK(exact * 10 >= weight->sparse_count() * 9);
    }
  }
}

TEST_CASE("squeezellm: the published rule meets the wanted share over the model, with one range") {
  const auto model = small_model();
  std::int64_t total = 0;
  for (const TestMatrix& matrix : model) total += matrix.weights.view().size();
  for (const double sparsity : {0.0002, 0.0005, 0.0045, 0.05, 0.2}) {
    for (const Weighting weighting : {Weighting::kFisher, Weighting::kNone}) {
      std::int64_t kept = 0;
      for (std::size_t m = 0; m < model.size(); ++m)
        kept += run(model, m, {.bits = 3, .sparsity = sparsity, .weighting = weighting}).sparse_count;
      const double wanted = sparsity * static_cast<double>(total);
      CHECK(std::abs(static_cast<double>(kept) - wanted) <= 3 + 0.01 * wanted);
    }
  }
}

TEST_CASE("squeezellm: the published rule takes the most sensitive weights, then everything beyond the larger fence") {
  const auto model = small_model();
  SilentContext context;
  auto range = find_range(for_each_of(model), 0.0045, context);
  REQUIRE(range.ok());
  for (const TestMatrix& matrix : model) {
    auto f = matrix.sensitivity.values, w = matrix.weights.values;
    std::ranges::sort(f, std::greater());
    std::ranges::sort(w);
    const auto n = static_cast<std::int64_t>(w.size());
    const double q1 = w[(n - 1) / 4], q3 = w[n - 1 - (n - 1) / 4];
    const double threshold = std::max(-(q1 - range.value() * (q3 - q1)), q3 + range.value() * (q3 - q1));
    const float sensitive = f[std::llround(0.0005 * static_cast<double>(n)) - 1];
    std::vector<std::uint8_t> mask(w.size());
    const auto choice = choose_from(matrix.input()).value();
    REQUIRE(mark_paper(*choice, 0.0045, range.value()).ok());
    REQUIRE(choice->read_marks(mask).ok());
    for (std::int64_t i = 0; i < n; ++i) {
      const double size = std::abs(static_cast<double>(matrix.weights.values[i]));
      if (std::abs(size - threshold) < 1e-6 * threshold) continue;
      CHECK(mask[i] == (matrix.sensitivity.values[i] >= sensitive || size >= threshold));
    }
  }
}

TEST_CASE("squeezellm: a matrix whose weights are mostly equal does not become all outliers") {
  auto model = small_model();
  for (std::size_t i = 0; i < model[0].weights.values.size(); ++i)
    if (i % 5 != 0) model[0].weights.values[i] = 0;
  std::ranges::fill(model[1].weights.values, 0.5f);
  const auto output = run(model, 0, {.bits = 3, .sparsity = 0.0045});
  CHECK(output.sparse_count < model[0].weights.view().size() / 10);
  CHECK(run(model, 1, {.bits = 3, .sparsity = 0.0045}).objective == 0);
}

TEST_CASE("squeezellm: choosing by loss is never worse than the published rule at the same count") {
  SilentContext context;
  for (unsigned seed = 0; seed < 6; ++seed) {
    const TestMatrix matrix = test_matrix("m", 40, 160, 100 + seed);
    for (const ClusterSolver solver : {ClusterSolver::kExact, ClusterSolver::kLloyd}) {
      for (const Weighting weighting : {Weighting::kFisher, Weighting::kNone}) {
        for (const double sparsity : {0.0005, 0.0045, 0.03}) {
          const MethodOptions options{.bits = 3,
                                      .sparsity = sparsity,
                                      .outliers = OutlierRule::kLossAware,
                                      .solver = solver,
                                      .weighting = weighting};
          MatrixInput input = matrix.input();
          if (weighting == Weighting::kNone) input.sensitivity = {};
          const auto count = std::llround(sparsity * static_cast<double>(input.weights.size()));
          std::vector<std::uint8_t> mask(static_cast<std::size_t>(input.weights.size()));
          const auto choice = choose_from(input).value();
          REQUIRE(mark_paper_count(*choice, sparsity, count).ok());
          REQUIRE(choice->read_marks(mask).ok());
          CHECK(std::ranges::count(mask, 1) == count);
          Codebooks paper(grid_of(input, options), 3);
          REQUIRE(cluster_blocks(input, mask, options, {}, paper, context).ok());
          auto chosen = choose_by_loss(*choice, count, options, context);
          REQUIRE(chosen.ok());
          CHECK(std::ranges::count(chosen.value().mask, 1) == count);
          CHECK(total_objective(chosen.value().codebooks) <= total_objective(paper));
          CHECK(run({matrix}, 0, options).sparse_count == count);
        }
      }
    }
  }
}

TEST_CASE("squeezellm: a codebook of a block is the optimum for all of its weights, by brute force on small blocks") {
  // 6 rows of 64 columns cut into 2 x 2 blocks of 3 x 32, which hold at most 5 distinct values each.
  TestMatrix matrix{"m", {6, 64}, {6, 64}};
  std::mt19937 random(7);
  std::vector<std::vector<float>> values(4);
  for (auto& of_block : values)
    for (int i = 0; i < 5; ++i) of_block.push_back(to_float(to_half(0.1f * static_cast<float>(random() % 1000))));
  for (std::int64_t r = 0; r < 6; ++r)
    for (std::int64_t j = 0; j < 64; ++j) {
      matrix.weights.view().row(r)[j] = values[r / 3 * 2 + j / 32][random() % 5];
      matrix.sensitivity.view().row(r)[j] = 0.1f + static_cast<float>(random() % 100);
    }
  const auto output = run({matrix}, 0, {.bits = 2, .group = 32, .share = 3});
  TestFolder folder;
  const auto weight = stored(folder, matrix.input(), output);
  CHECK(weight->stored_as() == "grouped_lut");
  CHECK(weight->size_bytes() == size_of(output));

  // With five values and four clusters, the two values that share one are all there is to choose.
  double least_of_all = 0;
  for (std::int64_t block = 0; block < 4; ++block) {
    std::vector<float> sorted = values[block];
    std::ranges::sort(sorted);
    double least = INFINITY;
    for (int merged = 0; merged < 4; ++merged) {
      double mass = 0, moment = 0, cost = 0;
      const auto over = [&](const auto& body) {
        for (std::int64_t r = block / 2 * 3; r < block / 2 * 3 + 3; ++r)
          for (std::int64_t j = block % 2 * 32; j < block % 2 * 32 + 32; ++j) {
            const float w = matrix.weights.view().row(r)[j];
            if (w == sorted[merged] || w == sorted[merged + 1])
              body(static_cast<double>(w), static_cast<double>(matrix.sensitivity.view().row(r)[j]));
          }
      };
      over([&](double w, double f) { mass += f, moment += f * w; });
      const double centroid = mass > 0 ? static_cast<double>(to_float(to_half(static_cast<float>(moment / mass)))) : 0;
      over([&](double w, double f) { cost += f * (w - centroid) * (w - centroid); });
      least = std::min(least, cost);
    }
    least_of_all += least;
  }
  // Which pair is best is decided before its centroid is rounded to fp16.
  CHECK(output.objective == doctest::Approx(least_of_all).epsilon(1e-3));
  CHECK(output.objective == doctest::Approx(objective_of(matrix.input(), decoded(*weight), true)).epsilon(1e-12));
}

TEST_CASE("squeezellm: blocks of one row clustered alone are rows, and shared codebooks cost what they must") {
  const auto model = small_model();
  // A matrix whose rows are the blocks of another one gets the same codebooks.
  TestMatrix split{"a", {96, 128}, {96, 128}};
  split.weights.values = model[0].weights.values;
  split.sensitivity.values = model[0].sensitivity.values;
  const auto grouped = run(model, 0, {.bits = 3, .group = 128});
  const auto rows = run({split}, 0, {.bits = 3});
  TestFolder first, second;
  CHECK(decoded(*stored(first, model[0].input(), grouped)).values ==
        decoded(*stored(second, split.input(), rows)).values);
  CHECK(grouped.objective == doctest::Approx(rows.objective).epsilon(1e-12));

  double before = run(model, 0, {.bits = 3}).objective;
  CHECK(grouped.objective < before);
  for (const std::int64_t share : {2, 4, 16}) {
    const double shared = run(model, 0, {.bits = 3, .share = share}).objective;
    CHECK(shared > before);
    before = shared;
  }
}

TEST_CASE("squeezellm: blocks are reported as stored under every rule, and groups that cannot be are refused") {
  const auto model = small_model();
  for (const auto& [share, group] : {std::pair{5, 0}, {1, 100}, {3, 64}})
    for (const OutlierRule rule : {OutlierRule::kPaper, OutlierRule::kLossAware})
      for (const ClusterSolver solver : {ClusterSolver::kExact, ClusterSolver::kLloyd}) {
        const auto output =
            run(model, 0,
                {.bits = 3, .sparsity = 0.0045, .outliers = rule, .solver = solver, .group = group, .share = share});
        TestFolder folder;
        const auto weight = stored(folder, model[0].input(), output);
        CHECK(weight->sparse_count() == output.sparse_count);
        CHECK(output.sparse_count > 0);
        CHECK(output.objective ==
              doctest::Approx(objective_of(model[0].input(), decoded(*weight), true)).epsilon(1e-12));
      }
  SilentContext context;
  for (const MethodOptions& options : {MethodOptions{.group = 16}, MethodOptions{.share = 0}})
    CHECK_FALSE(squeezellm().quantize(model[0].input(), options, {}, context).ok());
  CHECK_FALSE(method_named("rtn")->quantize(model[0].input(), {.share = 2}, {}, context).ok());
}

TEST_CASE("squeezellm: rows without any sensitivity are clustered with equal weights") {
  auto model = small_model();
  for (float& f : model[0].sensitivity.view().row(3)) f = 0;
  std::ranges::fill(model[2].sensitivity.values, 0.0f);
  TestFolder folder;
  const auto values = decoded(*stored(folder, model[0].input(), run(model, 0, {.bits = 4})));
  const auto equal =
      decoded(*stored(folder, model[0].input(), run(model, 0, {.bits = 4, .weighting = Weighting::kNone})));
  CHECK(std::ranges::equal(values.view().row(3), equal.view().row(3)));
  CHECK_FALSE(std::ranges::equal(values.view().row(4), equal.view().row(4)));
  for (const OutlierRule rule : {OutlierRule::kPaper, OutlierRule::kLossAware})
    CHECK(run(model, 2, {.bits = 4, .sparsity = 0.0045, .outliers = rule}).objective == 0);
}

TEST_CASE("squeezellm: the same bytes for any number of threads") {
  const auto model = small_model();
  const int threads = thread_count();
  for (const OutlierRule rule : {OutlierRule::kPaper, OutlierRule::kLossAware}) {
    const MethodOptions options{.bits = 3, .sparsity = 0.0045, .outliers = rule, .share = 3};
    set_thread_count(1);
    const auto one = run(model, 2, options);
    set_thread_count(3);
    const auto three = run(model, 2, options);
    set_thread_count(threads);
    REQUIRE(one.tensors.size() == three.tensors.size());
    for (std::size_t t = 0; t < one.tensors.size(); ++t) CHECK(one.tensors[t].bytes == three.tensors[t].bytes);
    CHECK(one.objective == three.objective);
  }
}

// Tier A: sharing rows must not show.
TEST_CASE("squeezellm: several ways at once give the bytes that each gives alone") {
  const auto model = small_model();
  SilentContext context;
  std::vector<MethodOptions> wanted;
  for (const double sparsity : {0.0, 0.01})
    for (const auto outliers : {OutlierRule::kPaper, OutlierRule::kLossAware})
      for (const auto solver : {ClusterSolver::kExact, ClusterSolver::kLloyd})
        for (const int bits : {4, 2, 3, 5})
          wanted.push_back({.bits = bits, .sparsity = sparsity, .outliers = outliers, .solver = solver});
  std::vector<std::any> prepared;
  for (const MethodOptions& options : wanted)
    prepared.push_back(squeezellm().prepare(for_each_of(model), options, context).value());
  std::vector<MatrixRequest> ways;
  for (std::size_t i = 0; i < wanted.size(); ++i) ways.push_back({wanted[i], &prepared[i]});
  const auto together = quantize_in_ways(squeezellm(), model[0].input(), ways, context);
  REQUIRE(together.ok());
  REQUIRE(together.value().size() == wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    CAPTURE(i);
    const MatrixOutput alone = run(model, 0, wanted[i]);
    const MatrixOutput& shared = together.value()[i];
    CHECK(shared.objective == alone.objective);
    CHECK(shared.sparse_count == alone.sparse_count);
    REQUIRE(shared.tensors.size() == alone.tensors.size());
    for (std::size_t t = 0; t < alone.tensors.size(); ++t) CHECK(shared.tensors[t].bytes == alone.tensors[t].bytes);
  }
}

TEST_CASE("squeezellm: what some rows say of a matrix is close to what it comes to, and its size exact") {
  std::vector<TestMatrix> model;
  model.push_back(test_matrix("a", 400, 128, 4));
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  for (std::int64_t r = 0; r < 400; ++r) {  // rows that differ as widely as those of real models
    const float scale = std::exp(normal(random)), weight = std::exp(2 * normal(random));
    for (float& w : model[0].weights.view().row(r)) w = to_float(to_half(scale * w));
    for (float& f : model[0].sensitivity.view().row(r)) f *= weight;
  }
  SilentContext context;
  for (const OutlierRule rule : {OutlierRule::kPaper, OutlierRule::kLossAware}) {
    std::vector<MethodOptions> options;
    for (const double sparsity : {0.0, 0.0045, 0.02})
      for (const int bits : {2, 4, 7}) options.push_back({.bits = bits, .sparsity = sparsity, .outliers = rule});
    std::vector<std::any> prepared;
    for (const MethodOptions& one : options)
      prepared.push_back(squeezellm().prepare(for_each_of(model), one, context).value());
    std::vector<MatrixRequest> ways;
    for (std::size_t i = 0; i < options.size(); ++i) ways.push_back({options[i], &prepared[i]});
    const auto exact = squeezellm().quantize_several(model[0].input(), ways, context).value();
    const auto judged = estimate_costs(model[0].input(), ways, 50, context).value();
    const auto again = estimate_costs(model[0].input(), ways, 50, context).value();
    for (std::size_t i = 0; i < ways.size(); ++i) {
      CAPTURE(i);
      CHECK(judged[i].size_bytes == size_of(exact[i]));
      CHECK(judged[i].objective == doctest::Approx(exact[i].objective).epsilon(0.1));
      CHECK(judged[i].objective == again[i].objective);
    }
  }
}

TEST_CASE("squeezellm: stops when told to, and refuses what it cannot do") {
  struct Cancelling final : RunContext {
    void stage(const std::string&, double) override {}
    void report(const Progress&) override {}
    bool cancelled() const override { return ++asked > 3; }
    mutable std::atomic<int> asked = 0;
  } cancelling;
  const auto model = small_model();
  CHECK(squeezellm().quantize(model[0].input(), {.bits = 3}, {}, cancelling).error().code == ErrorCode::kCancelled);

  SilentContext context;
  const auto code = [&](const MatrixInput& input, const MethodOptions& options) {
    return squeezellm().quantize(input, options, {}, context).error().code;
  };
  MatrixInput bare = model[0].input();
  bare.sensitivity = {};
  CHECK(code(bare, {.bits = 3}) == ErrorCode::kCalibrationMismatch);
  CHECK(squeezellm().quantize(bare, {.bits = 3, .weighting = Weighting::kNone}, {}, context).ok());
  bare.sensitivity = model[1].sensitivity.view();
  CHECK(code(bare, {.bits = 3}) == ErrorCode::kCalibrationMismatch);
  CHECK(code(model[0].input(), {.bits = 1}) == ErrorCode::kInvalidRequest);
  CHECK(code(model[0].input(), {.bits = 3, .sparsity = 0.3}) == ErrorCode::kInvalidRequest);
  CHECK(code(model[0].input(), {.bits = 3, .sparsity = NAN}) == ErrorCode::kInvalidRequest);
}
