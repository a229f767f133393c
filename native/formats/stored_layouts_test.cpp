// lut, its sparse part and uniform_group: decode and multiplication with A = I are exact (A), and broken files are
// refused with the tensor's name.

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <random>

#include "base/test_folder.hpp"
#include "formats/lut/lut.hpp"
#include "formats/multiply.hpp"
#include "formats/packed_indices.hpp"
#include "formats/uniform_group/uniform_group.hpp"

using namespace squeeze;

namespace {

struct Example {
  std::vector<OwnedTensor> tensors;
  Matrix<float> values;
};

Example lut_example(std::int64_t rows, std::int64_t cols, int bits, bool with_sparse) {
  std::mt19937 random(static_cast<unsigned>(cols * 10 + bits));
  std::normal_distribution<float> normal;
  Matrix<std::uint8_t> indices(rows, cols);
  Matrix<Half> tables(rows, std::int64_t{1} << bits);
  for (auto& index : indices.values) index = static_cast<std::uint8_t>(random() % (1u << bits));
  for (auto& entry : tables.values) entry = to_half(normal(random));
  Example example{{}, {rows, cols}};
  SparseRows sparse;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t j = 0; j < cols; ++j) {
      float& value = example.values.view().row(r)[j];
      value = to_float(tables.view().row(r)[indices.view().row(r)[j]]);
      if (!with_sparse || random() % 7 != 0) continue;
      sparse.cols.push_back(static_cast<std::int32_t>(j));
      sparse.values.push_back(to_half(10 * normal(random)));
      value += to_float(sparse.values.back());
    }
    sparse.row_ptr.push_back(static_cast<std::int32_t>(sparse.count()));
  }
  example.tensors = lut_tensors("w", bits, indices.view(), tables.view(), &sparse);
  return example;
}

Example uniform_example(std::int64_t rows, std::int64_t cols, int bits, std::int64_t groups) {
  std::mt19937 random(static_cast<unsigned>(cols * 10 + bits));
  std::normal_distribution<float> normal;
  Matrix<std::uint8_t> q(rows, cols);
  Matrix<Half> scales(rows, groups), zeros(rows, groups);
  for (auto& level : q.values) level = static_cast<std::uint8_t>(random() % (1u << bits));
  for (auto& scale : scales.values) scale = to_half(std::abs(normal(random)));
  for (auto& zero : zeros.values) zero = to_half(std::round(3 * normal(random)));
  Example example{uniform_group_tensors("w", bits, q.view(), scales.view(), zeros.view()), {rows, cols}};
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t j = 0; j < cols; ++j) {
      const std::int64_t group = j / (cols / groups);
      example.values.view().row(r)[j] =
          (static_cast<float>(q.view().row(r)[j]) - to_float(zeros.view().row(r)[group])) *
          to_float(scales.view().row(r)[group]);
    }
  return example;
}

Result<std::shared_ptr<const LinearWeight>> load(const TestFolder& folder, const std::vector<OwnedTensor>& tensors,
                                                 std::int64_t rows, std::int64_t cols) {
  std::vector<TensorSource> sources;
  for (const OwnedTensor& tensor : tensors)
    sources.push_back(tensor_source<std::byte>(tensor.name, tensor.dtype, tensor.shape, tensor.bytes));
  REQUIRE(write_safetensors(folder / "m.safetensors", sources, {}).ok());
  return load_linear(TensorStore::open(folder.path()).value(), "w", rows, cols);
}

void check_exact(const Example& example) {
  const std::int64_t rows = example.values.rows, cols = example.values.cols;
  TestFolder folder;
  auto weight = load(folder, example.tensors, rows, cols);
  if (!weight.ok()) FAIL(weight.error().message);
  std::int64_t bytes = 0;
  for (const OwnedTensor& tensor : example.tensors) bytes += static_cast<std::int64_t>(tensor.bytes.size());
  CHECK(weight.value()->size_bytes() == bytes);

  Matrix<float> decoded(rows, cols);
  weight.value()->dequantize_rows(0, decoded.view());
  CHECK(decoded.values == example.values.values);
  Matrix<float> identity(cols, cols), product(cols, rows), back(rows, cols), eye(rows, rows);
  for (std::int64_t i = 0; i < cols; ++i) identity.view().row(i)[i] = 1;
  for (std::int64_t i = 0; i < rows; ++i) eye.view().row(i)[i] = 1;
  multiply(*weight.value(), identity.view(), product.view());
  multiply_transposed(*weight.value(), eye.view(), back.view());
  CHECK(back.values == example.values.values);
  if (fastest_precision() == Precision::kBFloat16) {
    Matrix<BFloat16> rounded(rows, cols);
    weight.value()->dequantize_rows(0, rounded.view());
    Matrix<float> through_bfloat16(rows, cols);
    multiply_transposed(*weight.value(), eye.view(), through_bfloat16.view(), Precision::kBFloat16);
    for (std::size_t i = 0; i < example.values.values.size(); ++i) {
      REQUIRE(rounded.values[i] == to_bfloat16(example.values.values[i]));
      REQUIRE(through_bfloat16.values[i] == to_float(rounded.values[i]));
    }
  }
  std::vector<float> column(rows);
  DecodeInput input;
  bool same = true;
  for (std::int64_t k = 0; k < cols; ++k) {
    input.assign(identity.view().rows_from(k, 1));
    weight.value()->multiply_few(input, 0, rows, {column.data(), 1, rows});
    for (std::int64_t n = 0; n < rows; ++n) {
      same &= column[n] == example.values.view().row(n)[k];
      same &= product.view().row(k)[n] == example.values.view().row(n)[k];
    }
  }
  CHECK(same);
}

OwnedTensor& named(std::vector<OwnedTensor>& tensors, const std::string& name) {
  return *std::ranges::find(tensors, name, &OwnedTensor::name);
}

template <typename T>
void put(OwnedTensor& tensor, std::size_t at, T value) {
  REQUIRE((at + 1) * sizeof(T) <= tensor.bytes.size());
  std::memcpy(tensor.bytes.data() + at * sizeof(T), &value, sizeof(T));
}

// Breaks one thing in a sound matrix and expects the loader to name the tensor.
void check_refused(Example example, const std::string& tensor, ErrorCode code,
                   const std::function<void(std::vector<OwnedTensor>&)>& break_it) {
  break_it(example.tensors);
  TestFolder folder;
  const auto weight = load(folder, example.tensors, example.values.rows, example.values.cols);
  REQUIRE_FALSE(weight.ok());
  INFO(weight.error().message);
  CHECK(weight.error().code == code);
  CHECK(weight.error().tensor == tensor);
  CHECK(weight.error().message.find(tensor) != std::string::npos);
}

}  // namespace

TEST_CASE("lut: decode and A = I are exact for 2 to 8 bits, with and without a sparse part") {
  for (int bits = 2; bits <= 8; ++bits)
    for (const std::int64_t cols : {5, 32, 77, 130})
      for (const bool with_sparse : {false, true}) check_exact(lut_example(9, cols, bits, with_sparse));
}

TEST_CASE("uniform_group: decode and A = I are exact for 2 to 8 bits, with one and several groups") {
  for (int bits = 2; bits <= 8; ++bits)
    for (const auto& [cols, groups] : {std::pair{32, 1}, {77, 1}, {77, 7}, {128, 4}})
      check_exact(uniform_example(9, cols, bits, groups));
}

TEST_CASE("lut: rows wider than 65,536 take 32-bit columns") {
  const Example example = lut_example(2, 70'000, 2, true);
  auto tensors = example.tensors;
  CHECK(named(tensors, "w.sparse.col").dtype == DType::kI32);
  TestFolder folder;
  auto weight = load(folder, tensors, 2, 70'000);
  REQUIRE(weight.ok());
  Matrix<float> decoded(2, 70'000);
  weight.value()->dequantize_rows(0, decoded.view());
  CHECK(decoded.values == example.values.values);
}

TEST_CASE("lut: broken parts are refused by name") {
  using Tensors = std::vector<OwnedTensor>;
  const Example example = lut_example(4, 37, 3, true);
  const auto malformed = ErrorCode::kTensorMalformed;
  check_refused(example, "w.qweight", malformed, [](Tensors& t) { named(t, "w.qweight").dtype = DType::kF32; });
  check_refused(example, "w.qweight", malformed, [](Tensors& t) { named(t, "w.qweight").shape = {8, 2}; });
  check_refused(example, "w.qweight", malformed, [](Tensors& t) { put(named(t, "w.qweight"), 15, 0x80000000u); });
  check_refused(example, "w.qweight", ErrorCode::kTensorMissing,
                [](Tensors& t) { std::erase_if(t, [](auto& x) { return x.name == "w.qweight"; }); });
  check_refused(example, "w.lookup_table", malformed, [](Tensors& t) { named(t, "w.lookup_table").shape = {32}; });
  check_refused(example, "w.lookup_table", malformed, [](Tensors& t) { named(t, "w.lookup_table").shape = {2, 16}; });
  check_refused(example, "w.lookup_table", malformed,
                [](Tensors& t) { named(t, "w.lookup_table").dtype = DType::kBF16; });
  check_refused(example, "w.lookup_table", ErrorCode::kValueNotFinite,
                [](Tensors& t) { put(named(t, "w.lookup_table"), 3, to_half(INFINITY)); });
  check_refused(example, "w.sparse.val", ErrorCode::kValueNotFinite,
                [](Tensors& t) { put(named(t, "w.sparse.val"), 1, to_half(NAN)); });
  check_refused(example, "w.sparse.val", ErrorCode::kTensorMissing,
                [](Tensors& t) { std::erase_if(t, [](auto& x) { return x.name == "w.sparse.val"; }); });
  check_refused(example, "w.sparse.col", malformed,
                [](Tensors& t) { put<std::uint16_t>(named(t, "w.sparse.col"), 0, 37); });
  check_refused(example, "w.sparse.col", malformed,
                [](Tensors& t) { put<std::uint16_t>(named(t, "w.sparse.col"), 0, 36); });
  check_refused(example, "w.sparse.col", malformed, [](Tensors& t) { named(t, "w.sparse.col").dtype = DType::kI16; });
  check_refused(example, "w.sparse.row_ptr", malformed,
                [](Tensors& t) { put<std::int32_t>(named(t, "w.sparse.row_ptr"), 0, 1); });
  check_refused(example, "w.sparse.row_ptr", malformed,
                [](Tensors& t) { put<std::int32_t>(named(t, "w.sparse.row_ptr"), 1, -1); });
  check_refused(example, "w.sparse.row_ptr", malformed,
                [](Tensors& t) { put<std::int32_t>(named(t, "w.sparse.row_ptr"), 1, 1'000'000); });
  check_refused(example, "w.sparse.col", malformed,
                [](Tensors& t) { put<std::int32_t>(named(t, "w.sparse.row_ptr"), 4, 1'000'000); });
  check_refused(example, "w.sparse.row_ptr", malformed, [](Tensors& t) {
    named(t, "w.sparse.row_ptr").shape = {5, 1};
  });
}

TEST_CASE("uniform_group: broken parts are refused by name") {
  using Tensors = std::vector<OwnedTensor>;
  const Example example = uniform_example(4, 60, 3, 4);
  const auto malformed = ErrorCode::kTensorMalformed;
  check_refused(example, "w.qweight", malformed, [](Tensors& t) { named(t, "w.qweight").shape = {6, 4}; });
  check_refused(example, "w.qweight", malformed, [](Tensors& t) { named(t, "w.qweight").dtype = DType::kI32; });
  check_refused(example, "w.qweight", malformed, [](Tensors& t) { put(named(t, "w.qweight"), 5, 0x80000000u); });
  check_refused(example, "w.scales", malformed, [](Tensors& t) { named(t, "w.scales").shape = {2, 8}; });
  check_refused(example, "w.scales", ErrorCode::kValueNotFinite,
                [](Tensors& t) { put(named(t, "w.scales"), 0, to_half(INFINITY)); });
  check_refused(example, "w.zeros", malformed, [](Tensors& t) { named(t, "w.zeros").shape = {16}; });
  check_refused(example, "w.zeros", ErrorCode::kTensorMissing,
                [](Tensors& t) { std::erase_if(t, [](auto& x) { return x.name == "w.zeros"; }); });
}
