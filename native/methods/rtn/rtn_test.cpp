#include <doctest/doctest.h>

#include <algorithm>

#include "methods/method.hpp"
#include "methods/test_matrices.hpp"

using namespace squeeze;

TEST_CASE("rtn: every weight is within half a step, and what is reported is what is stored") {
  const Method& rtn = *method_named("rtn");
  SilentContext context;
  for (const int bits : {2, 3, 4, 8}) {
    const TestMatrix matrix = test_matrix("layer.q", 9, 77, 1);
    auto output = rtn.quantize(matrix.input(), {.bits = bits}, {}, context);
    REQUIRE(output.ok());
    TestFolder folder;
    const auto weight = stored(folder, matrix.input(), output.value());
    CHECK(weight->stored_as() == "uniform_group");
    CHECK(weight->size_bytes() == size_of(output.value()));
    const auto values = decoded(*weight);
    CHECK(output.value().objective == doctest::Approx(objective_of(matrix.input(), values, true)).epsilon(1e-5));
    for (std::int64_t r = 0; r < 9; ++r) {
      const auto row = matrix.weights.view().row(r);
      const float step = (std::max(0.0f, std::ranges::max(row)) - std::min(0.0f, std::ranges::min(row))) /
                         static_cast<float>((1 << bits) - 1);
      // Half a step, half a step more where rounding the zero point cuts an end, and the scale's own fp16 rounding.
      for (std::int64_t j = 0; j < 77; ++j)
        CHECK(std::abs(values.view().row(r)[j] - row[j]) <=
              step * 1.001f * (1 + static_cast<float>(1 << bits) * 0x1p-11f));
    }
  }
}

TEST_CASE("rtn: a row that lies on the grid comes back exactly; zeros stay zeros") {
  TestMatrix matrix = test_matrix("w", 3, 32, 1);
  for (std::int64_t j = 0; j < 32; ++j) {
    matrix.weights.view().row(0)[j] = 0.25f * static_cast<float>(j % 8 - 3);
    matrix.weights.view().row(1)[j] = 0;
    matrix.weights.view().row(2)[j] = -0.5f * static_cast<float>(j % 8);
  }
  SilentContext context;
  auto output = method_named("rtn")->quantize(matrix.input(), {.bits = 3}, {}, context);
  REQUIRE(output.ok());
  CHECK(output.value().objective == 0);
  CHECK(output.value().relative_error == 0);
  TestFolder folder;
  CHECK(decoded(*stored(folder, matrix.input(), output.value())).values == matrix.weights.values);
}

TEST_CASE("rtn: refuses what it cannot do") {
  SilentContext context;
  const Method& rtn = *method_named("rtn");
  const TestMatrix matrix = test_matrix("w", 2, 40, 1), narrow = test_matrix("narrow", 2, 31, 1);
  CHECK(rtn.quantize(matrix.input(), {.bits = 4, .sparsity = 0.01}, {}, context).error().code ==
        ErrorCode::kInvalidRequest);
  CHECK(rtn.quantize(matrix.input(), {.bits = 1}, {}, context).error().code == ErrorCode::kInvalidRequest);
  CHECK(rtn.quantize(matrix.input(), {.bits = 9}, {}, context).error().code == ErrorCode::kInvalidRequest);
  const auto refused = rtn.quantize(narrow.input(), {.bits = 4}, {}, context);
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().message.find("narrow") != std::string::npos);
  CHECK(method_named("nothing") == nullptr);
}
