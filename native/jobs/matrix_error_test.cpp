#include "jobs/matrix_error.hpp"

#include <doctest/doctest.h>

#include "methods/test_matrices.hpp"

using namespace squeeze;

TEST_CASE("the error of a stored matrix is what its method reported of it") {
  const std::vector<TestMatrix> model = {test_matrix("a", 48, 256, 1)};
  const Method* method = method_named("squeezellm");
  REQUIRE(method != nullptr);
  SilentContext context;
  const MethodOptions options{.bits = 3, .sparsity = 0.0045};
  const auto prepared = method->prepare(for_each_of(model), options, context);
  REQUIRE(prepared.ok());
  const auto output = method->quantize(model[0].input(), options, prepared.value(), context);
  REQUIRE(output.ok());
  TestFolder folder;
  const auto weight = stored(folder, model[0].input(), output.value());
  const MatrixError error = matrix_error(model[0].input(), *weight);
  CHECK(error.objective == doctest::Approx(output.value().objective).epsilon(1e-12));
  CHECK(error.relative_error == doctest::Approx(output.value().relative_error).epsilon(1e-12));

  MatrixInput unweighted = model[0].input();
  unweighted.sensitivity = {};
  CHECK(matrix_error(unweighted, *weight).objective ==
        doctest::Approx(objective_of(unweighted, decoded(*weight), false)).epsilon(1e-12));
}
