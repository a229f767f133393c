#include "methods/squeezellm/engine_device.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "device/test_device.hpp"
#include "methods/test_matrices.hpp"

using namespace squeeze;

namespace {

std::vector<TestMatrix> small_model() {
  std::vector<TestMatrix> model;
  model.push_back(test_matrix("a", 12, 96, 1));
  model.push_back(test_matrix("b", 7, 131, 2, false));
  for (float& f : model[0].sensitivity.view().row(3)) f = 0;
  return model;
}

const Method& squeezellm() { return *method_named("squeezellm"); }

void check_same(const MatrixOutput& one, const MatrixOutput& other) {
  CHECK(one.objective == other.objective);
  CHECK(one.relative_error == other.relative_error);
  CHECK(one.sparse_count == other.sparse_count);
  REQUIRE(one.tensors.size() == other.tensors.size());
  for (std::size_t t = 0; t < one.tensors.size(); ++t) CHECK(one.tensors[t].bytes == other.tensors[t].bytes);
}

}  // namespace

// Tier A.
TEST_CASE("device: squeezellm stores the same bytes wherever it works on a matrix, in batches of any size") {
  const TestDevice device;
  if (!device) return;
  const auto model = small_model();
  SilentContext context;
  for (const std::int64_t batch_weights : {1, 500}) {
    auto engine = make_device_matrix_engine(0, {.batch_weights = batch_weights});
    REQUIRE(engine.ok());
    for (const TestMatrix& matrix : model) {
      for (const MethodOptions& options : {
               MethodOptions{.bits = 3},
               MethodOptions{.bits = 4, .sparsity = 0.01, .solver = ClusterSolver::kLloyd},
               MethodOptions{.bits = 3, .sparsity = 0.01, .outliers = OutlierRule::kLossAware},
               MethodOptions{.bits = 2, .sparsity = 0.02, .weighting = Weighting::kNone},
           }) {
        if (batch_weights == 1 && options.outliers == OutlierRule::kLossAware) continue;  // takes long, emulated
        CAPTURE(matrix.name);
        CAPTURE(options.bits);
        const std::any prepared = squeezellm().prepare(for_each_of(model), options, context).value();
        MatrixInput input = matrix.input();
        const auto wanted = squeezellm().quantize(input, options, prepared, context);
        input.engine = engine.value().get();
        const auto got = squeezellm().quantize(input, options, prepared, context);
        REQUIRE(wanted.ok());
        if (!got.ok()) FAIL(got.error().message);
        check_same(got.value(), wanted.value());
      }
    }
  }
}

TEST_CASE("device: squeezellm makes several widths at once, of rows and of blocks, as on the processor") {
  const TestDevice device;
  if (!device) return;
  const auto model = small_model();
  SilentContext context;
  const std::any nothing;
  std::vector<MatrixRequest> ways;
  for (const int bits : {3, 2, 4}) ways.push_back({{.bits = bits}, &nothing});
  for (const int bits : {3, 2}) ways.push_back({{.bits = bits, .group = 48, .share = 5}, &nothing});
  MatrixInput input = model[0].input();
  const auto wanted = quantize_in_ways(squeezellm(), input, ways, context);
  auto engine = make_device_matrix_engine(0);
  REQUIRE(engine.ok());
  input.engine = engine.value().get();
  const auto got = quantize_in_ways(squeezellm(), input, ways, context);
  REQUIRE(wanted.ok());
  REQUIRE(got.ok());
  for (std::size_t i = 0; i < ways.size(); ++i) check_same(got.value()[i], wanted.value()[i]);
}

TEST_CASE("device: clustering stops when told to, and can be used again") {
  const TestDevice device;
  if (!device) return;
  struct Cancelling final : RunContext {
    void stage(const std::string&, double) override {}
    void report(const Progress&) override {}
    bool cancelled() const override { return ++asked > 3; }
    mutable int asked = 0;
  } cancelling;
  const auto model = small_model();
  auto engine = make_device_matrix_engine(0, {.batch_weights = 1});
  REQUIRE(engine.ok());
  MatrixInput input = model[0].input();
  input.engine = engine.value().get();
  CHECK(squeezellm().quantize(input, {.bits = 2}, {}, cancelling).error().code == ErrorCode::kCancelled);
  SilentContext context;
  const auto got = squeezellm().quantize(input, {.bits = 2}, {}, context);
  REQUIRE(got.ok());
  check_same(got.value(), squeezellm().quantize(model[0].input(), {.bits = 2}, {}, context).value());
}
