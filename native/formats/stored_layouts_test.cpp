// lut, grouped_lut, their sparse part and uniform_group: decode and multiplication with A = I are exact (A), and broken
// files are refused with the tensor's name.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "formats/multiply.hpp"
#include "formats/packed_indices.hpp"
#include "formats/stored_examples.hpp"

using namespace squeeze;

namespace {

void check_exact(const StoredExample& example) {
  const std::int64_t rows = example.values.rows, cols = example.values.cols;
  TestFolder folder;
  auto weight = load_stored(folder, example.tensors, rows, cols);
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
void check_refused(StoredExample example, const std::string& tensor, ErrorCode code,
                   const std::function<void(std::vector<OwnedTensor>&)>& break_it) {
  break_it(example.tensors);
  TestFolder folder;
  const auto weight = load_stored(folder, example.tensors, example.values.rows, example.values.cols);
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

TEST_CASE("grouped_lut: blocks are as even as they come, and their number says them all") {
  const CodebookGrid even = CodebookGrid::cut(9, 288, 4, 128);
  CHECK(even.block_rows == 3);
  CHECK(even.block_cols == 96);
  for (std::int64_t rows = 1; rows <= 20; ++rows)
    for (std::int64_t share = 1; share <= 22; ++share) {
      const CodebookGrid cut = CodebookGrid::cut(rows, 3 * rows, share, 2 * share);
      CHECK(cut.block_rows <= share);
      CHECK(cut.block_cols <= 2 * share);
      CHECK(cut.down() == (rows + share - 1) / share);
      const auto back = CodebookGrid::with_blocks(rows, 3 * rows, cut.down(), cut.across());
      REQUIRE(back);
      CHECK(back->block_rows == cut.block_rows);
      CHECK(back->block_cols == cut.block_cols);
    }
  CHECK_FALSE(CodebookGrid::with_blocks(5, 64, 4, 1));
  CHECK_FALSE(CodebookGrid::with_blocks(5, 64, 0, 1));
  CHECK_FALSE(CodebookGrid::with_blocks(5, 64, 1, 65));
  CHECK(CodebookGrid::cut(5, 64, 1, 64).whole_rows());
}

TEST_CASE("grouped_lut: decode and A = I are exact, for shared rows, groups, and both, with short last blocks") {
  for (const int bits : {2, 3, 4, 8})
    for (const auto& [share, group] : {std::pair{4, 0}, {1, 32}, {3, 40}, {20, 0}, {2, 64}})
      for (const bool with_sparse : {false, true})
        check_exact(grouped_example(CodebookGrid::cut(9, 130, share, group), bits, with_sparse));
}

TEST_CASE("grouped_lut: packed for generating, shared rows give the values they give unpacked") {
  for (const int bits : {2, 3, 4, 8}) {
    const StoredExample example = grouped_example(CodebookGrid::cut(21, 130, 4, 0), bits, true);
    TestFolder folder;
    const auto weight = load_stored(folder, example.tensors, 21, 130).value();
    const auto packed = weight->packed({.int16 = false});
    if (!packed) continue;  // no kernel here for this width
    CHECK(packed->size_bytes() == weight->size_bytes());
    Matrix<float> decoded(21, 130);
    packed->dequantize_rows(0, decoded.view());
    CHECK(decoded.values == example.values.values);
  }
  TestFolder folder;
  const StoredExample groups = grouped_example(CodebookGrid::cut(4, 64, 1, 32), 3, false);
  CHECK(load_stored(folder, groups.tensors, 4, 64).value()->packed({}) == nullptr);
}

TEST_CASE("grouped_lut: broken parts are refused by name") {
  using Tensors = std::vector<OwnedTensor>;
  const StoredExample example = grouped_example(CodebookGrid::cut(5, 74, 2, 37), 3, true);
  const auto malformed = ErrorCode::kTensorMalformed;
  const auto shaped = [&](std::vector<std::int64_t> shape) {
    check_refused(example, "w.codebooks", malformed, [&](Tensors& t) { named(t, "w.codebooks").shape = shape; });
  };
  shaped({6, 8});
  shaped({4, 2, 6});  // no power of two
  shaped({6, 1, 8});  // more blocks than rows
  check_refused(example, "w.qweight", malformed, [](Tensors& t) {
    named(t, "w.codebooks").shape = {3, 1, 16};  // four bits, in words of three
  });
  check_refused(example, "w.codebooks", malformed, [](Tensors& t) { named(t, "w.codebooks").dtype = DType::kBF16; });
  check_refused(example, "w.codebooks", ErrorCode::kValueNotFinite,
                [](Tensors& t) { put(named(t, "w.codebooks"), 3, to_half(INFINITY)); });
  check_refused(example, "w.qweight", malformed, [](Tensors& t) { named(t, "w.qweight").dtype = DType::kF32; });
  check_refused(example, "w.qweight", malformed, [](Tensors& t) { put(named(t, "w.qweight"), 6, 0x80000000u); });
  check_refused(example, "w.qweight", ErrorCode::kTensorMissing,
                [](Tensors& t) { std::erase_if(t, [](auto& x) { return x.name == "w.qweight"; }); });
  check_refused(example, "w.sparse.val", ErrorCode::kValueNotFinite,
                [](Tensors& t) { put(named(t, "w.sparse.val"), 1, to_half(NAN)); });
}

TEST_CASE("lut: rows wider than 65,536 take 32-bit columns") {
  const StoredExample example = lut_example(2, 70'000, 2, true);
  auto tensors = example.tensors;
  CHECK(named(tensors, "w.sparse.col").dtype == DType::kI32);
  TestFolder folder;
  auto weight = load_stored(folder, tensors, 2, 70'000);
  REQUIRE(weight.ok());
  Matrix<float> decoded(2, 70'000);
  weight.value()->dequantize_rows(0, decoded.view());
  CHECK(decoded.values == example.values.values);
}

TEST_CASE("lut: broken parts are refused by name") {
  using Tensors = std::vector<OwnedTensor>;
  const StoredExample example = lut_example(4, 37, 3, true);
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
  const StoredExample example = uniform_example(4, 60, 3, 4);
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
