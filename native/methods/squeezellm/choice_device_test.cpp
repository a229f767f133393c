// The device's choice of weights against the processor's, bit for bit (tier A).

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "device/test_device.hpp"
#include "methods/squeezellm/engine_device.hpp"
#include "methods/squeezellm/loss_aware.hpp"
#include "methods/squeezellm/outliers.hpp"
#include "methods/test_matrices.hpp"

using namespace squeeze;

namespace {

// The matrix stays on the device, to which it came in parts, or comes in pieces of a few rows.
const std::vector<DeviceEngineOptions> kWays = {{.upload_weights = 300}, {.batch_weights = 700, .most_bytes = 0}};

std::unique_ptr<MatrixEngine> engine_of(const DeviceEngineOptions& options) {
  auto engine = make_device_matrix_engine(0, options);
  if (!engine.ok()) FAIL(engine.error().message);
  return std::move(engine).value();
}

// What rules have to get right where values are few, equal, missing, or signed zeros.
std::vector<TestMatrix> awkward_matrices() {
  std::vector<TestMatrix> cases;
  cases.push_back(test_matrix("usual", 53, 97, 1));
  cases.push_back(test_matrix("several chunks", 37, 1211, 2, false));
  cases.push_back(test_matrix("one weight", 1, 1, 3));
  cases.push_back(test_matrix("one row", 1, 37, 4));
  cases.push_back(test_matrix("one column", 41, 1, 5));
  cases.push_back(test_matrix("all equal", 20, 33, 6));
  std::ranges::fill(cases.back().weights.values, -0.25f);
  std::ranges::fill(cases.back().sensitivity.values, 3.0f);
  cases.push_back(test_matrix("mostly equal", 30, 50, 7));
  for (std::size_t i = 0; i < 1500; ++i)
    if (i % 4 != 0) cases.back().weights.values[i] = i % 2 != 0 ? 0.0f : -0.0f;
  cases.push_back(test_matrix("ties", 40, 90, 8));
  for (float& w : cases.back().weights.values) w = std::round(100 * w);
  for (float& f : cases.back().sensitivity.values) f = std::round(1e6f * f);
  cases.push_back(test_matrix("ties in every chunk", 40, 512, 9));
  for (float& w : cases.back().weights.values) w = w > 0 ? 1.0f : -1.0f;
  for (float& f : cases.back().sensitivity.values) f = 1.0f;
  cases.push_back(test_matrix("no sensitivity", 23, 45, 10));
  cases.back().sensitivity = {};
  return cases;
}

std::vector<std::uint8_t> marks_of(WeightChoice& choice) {
  std::vector<std::uint8_t> marks(static_cast<std::size_t>(choice.input().weights.size()), 7);
  const auto read = choice.read_marks(marks);
  if (!read.ok()) FAIL(read.error().message);
  return marks;
}

// By range; the bins that hold any.
std::map<std::size_t, std::int64_t> counts_of(WeightChoice& choice, const Fence& fence) {
  std::vector<std::int64_t> counts(kRangeBins);
  REQUIRE(choice.count_ranges(fence, counts).ok());
  std::map<std::size_t, std::int64_t> some;
  for (std::size_t bin = 0; bin < counts.size(); ++bin)
    if (counts[bin] != 0) some[bin] = counts[bin];
  return some;
}

// Marks on both by the same calls, and compares.
template <typename Rule>
void check_same_marks(WeightChoice& wanted, WeightChoice& got, const Rule& rule) {
  REQUIRE(rule(wanted).ok());
  const auto done = rule(got);
  if (!done.ok()) FAIL(done.error().message);
  CHECK(marks_of(got) == marks_of(wanted));
}

struct Pair {
  std::unique_ptr<WeightChoice> here, there;
  Pair(MatrixInput input, MatrixEngine& engine) : here(choose_from(input).value()) {
    input.engine = &engine;
    auto opened = choose_from(input);
    if (!opened.ok()) FAIL(opened.error().message);
    there = std::move(opened).value();
  }
};

}  // namespace

TEST_CASE("device: the published rule marks the weights that it marks on the processor") {
  const TestDevice device;
  if (!device) return;
  for (const DeviceEngineOptions& way : kWays) {
    const auto engine = engine_of(way);
    for (const TestMatrix& matrix : awkward_matrices()) {
      CAPTURE(matrix.name);
      CAPTURE(way.most_bytes);
      const Pair choices(matrix.input(), *engine);
      CHECK(marks_of(*choices.there) == std::vector<std::uint8_t>(matrix.weights.values.size()));
      const Fence wanted = fence_of(*choices.here).value(), got = fence_of(*choices.there).value();
      CHECK(got.base == wanted.base);
      CHECK(got.width == wanted.width);
      REQUIRE(mark_sensitive(*choices.there, 0.0005).ok());
      REQUIRE(mark_sensitive(*choices.here, 0.0005).ok());
      CHECK(counts_of(*choices.there, got) == counts_of(*choices.here, wanted));
      for (const double sparsity : {0.0002, 0.0045})
        for (const double range : {0.0, 1.7, std::numeric_limits<double>::infinity()}) {
          CAPTURE(sparsity);
          CAPTURE(range);
          check_same_marks(*choices.here, *choices.there,
                           [&](WeightChoice& choice) { return mark_paper(choice, sparsity, range); });
        }
    }
  }
}

TEST_CASE("device: exactly as many weights are marked as wanted, and of equal ones the processor's") {
  const TestDevice device;
  if (!device) return;
  for (const DeviceEngineOptions& way : kWays) {
    const auto engine = engine_of(way);
    for (const TestMatrix& matrix : awkward_matrices()) {
      const std::int64_t all = matrix.weights.view().size();
      const Pair choices(matrix.input(), *engine);
      for (const std::int64_t count : {std::int64_t{0}, std::int64_t{1}, all / 3, all}) {
        CAPTURE(matrix.name);
        CAPTURE(count);
        // Fewer than are sensitive, too.
        for (const double sparsity : {0.0, 0.0045})
          check_same_marks(*choices.here, *choices.there,
                           [&](WeightChoice& choice) { return mark_paper_count(choice, sparsity, count); });
        CHECK(std::ranges::count(marks_of(*choices.there), 1) == count);
        if (matrix.sensitivity.values.empty()) continue;
        check_same_marks(*choices.here, *choices.there,
                         [&](WeightChoice& choice) { return choice.mark_sensitive(count); });
        check_same_marks(*choices.here, *choices.there,
                         [&](WeightChoice& choice) { return choice.mark_largest(count / 2); });
      }
    }
  }
}

TEST_CASE("device: one range is found over all matrices, as on the processor") {
  const TestDevice device;
  if (!device) return;
  SilentContext context;
  for (const bool sensitive : {true, false}) {
    std::vector<TestMatrix> model = awkward_matrices();
    for (TestMatrix& matrix : model)
      if (!sensitive) matrix.sensitivity = {};
    for (const DeviceEngineOptions& way : kWays) {
      const auto engine = engine_of(way);
      const ForEachMatrix on_device = [&](const MatrixVisitor& visit) {
        return for_each_of(model)([&](MatrixInput input) {
          input.engine = engine.get();
          return visit(input);
        });
      };
      for (const double sparsity : {0.0002, 0.0045}) {
        const auto wanted = find_range(for_each_of(model), sparsity, context);
        const auto got = find_range(on_device, sparsity, context);
        if (!got.ok()) FAIL(got.error().message);
        CHECK(got.value() == wanted.value());
      }
    }
  }
}

// Emulated it takes three seconds: some twenty clusterings for each way.
TEST_CASE("device: weights are chosen by their loss as on the processor, with the same codebooks") {
  const TestDevice device;
  if (!device) return;
  SilentContext context;
  auto matrix = test_matrix("a", 11, 67, 11);
  for (float& f : matrix.sensitivity.view().row(4)) f = 0;
  for (const DeviceEngineOptions& way : kWays) {
    const auto engine = engine_of(way);
    for (const MethodOptions& options : {
             MethodOptions{.bits = 2, .sparsity = 0.01},
             MethodOptions{.bits = 3, .sparsity = 0.03, .solver = ClusterSolver::kLloyd},
             MethodOptions{.bits = 4, .sparsity = 0.005, .weighting = Weighting::kNone},
             MethodOptions{.bits = 2, .sparsity = 0.02, .group = 32, .share = 3},
         }) {
      CAPTURE(options.bits);
      CAPTURE(way.most_bytes);
      MatrixInput input = matrix.input();
      if (options.weighting == Weighting::kNone) input.sensitivity = {};
      const Pair choices(input, *engine);
      const std::int64_t count = std::llround(options.sparsity * static_cast<double>(input.weights.size()));
      const auto wanted = choose_by_loss(*choices.here, count, options, context);
      const auto got = choose_by_loss(*choices.there, count, options, context);
      REQUIRE(wanted.ok());
      if (!got.ok()) FAIL(got.error().message);
      CHECK(std::ranges::count(got.value().mask, 1) == count);
      CHECK(got.value().mask == wanted.value().mask);
      CHECK(got.value().codebooks.tables.values == wanted.value().codebooks.tables.values);
      CHECK(got.value().codebooks.indices.values == wanted.value().codebooks.indices.values);
      CHECK(got.value().codebooks.objective == wanted.value().codebooks.objective);
    }
  }
}

TEST_CASE("device: a choice by the loss stops when told to, and the engine can be used again") {
  const TestDevice device;
  if (!device) return;
  struct Cancelling final : RunContext {
    explicit Cancelling(int after) : left(after) {}
    void stage(const std::string&, double) override {}
    void report(const Progress&) override {}
    bool cancelled() const override { return --left < 0; }
    mutable int left;
  };
  const auto matrix = test_matrix("a", 6, 40, 12);
  const auto engine = engine_of({});
  const MethodOptions options{.bits = 2, .sparsity = 0.02};
  const Pair choices(matrix.input(), *engine);
  for (const int after : {0, 1, 3, 6}) {
    Cancelling cancelling(after);
    const auto cancelled = choose_by_loss(*choices.there, 5, options, cancelling);
    REQUIRE_FALSE(cancelled.ok());
    CHECK(cancelled.error().code == ErrorCode::kCancelled);
  }
  SilentContext context;
  CHECK(choose_by_loss(*choices.there, 5, options, context).value().mask ==
        choose_by_loss(*choices.here, 5, options, context).value().mask);
}

TEST_CASE("device: a matrix that no GPU has room for is refused by name, and the next one is not") {
  const TestDevice device;
  if (!device) return;
  const auto engine = engine_of({});
  const float nothing = 0;  // nobody looks
  const MatrixInput giant{
      .name = "giant", .weights = {&nothing, std::int64_t{1} << 20, std::int64_t{1} << 30}, .engine = engine.get()};
  const auto refused = choose_from(giant);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().code == ErrorCode::kOutOfMemory);
  CHECK(refused.error().message.find("giant") == 0);
  CHECK(refused.error().tensor == "giant.weight");
  const auto matrix = test_matrix("a", 3, 20, 13);
  const Pair choices(matrix.input(), *engine);
  check_same_marks(*choices.here, *choices.there, [](WeightChoice& choice) { return choice.mark_largest(7); });
}
