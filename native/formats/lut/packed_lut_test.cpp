// Packed codebooks against what they stand for: every width, every instruction set, both arithmetics, every number of
// tokens, and shapes around the edges of vectors, units and tiles.

#include "formats/lut/packed_lut.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "formats/stored_examples.hpp"

using namespace squeeze;

namespace {

// 32 and 160 columns fill lanes and vectors, 480 and 512 a unit at 3 bits, 64 to 256 a vector at other widths.
constexpr std::int64_t kCols[] = {1, 31, 32, 33, 100, 160, 161, 256, 480, 481, 500, 512, 513, 700, 1000, 1024, 1500};
constexpr std::int64_t kRows[] = {1, 4, 13};

std::vector<DecodePath> paths() {
  std::vector<DecodePath> all;
  for (const Simd simd : {Simd::kPortable, Simd::kAvx2, Simd::kAvx512})
    for (const bool int16 : {false, true})
      if (simd <= best_simd()) all.push_back({simd, int16});
  return all;
}

Matrix<float> random_inputs(std::int64_t tokens, std::int64_t cols) {
  std::mt19937 random(static_cast<unsigned>(tokens * 1000 + cols));
  std::normal_distribution<float> normal;
  Matrix<float> x(tokens, cols);
  for (float& value : x.values) value = normal(random);
  if (cols > 40) x.values[40] = 60;  // an outlier coarsens the steps of its group
  return x;
}

// The largest error that rounding allows: half a step of the input for each |c|, half a step of the codebook for each
// |x|, and of the fp32 sums. The codebook's steps are those of its largest entry, with the sparse part left out.
double int16_bound(const StoredExample& example, const DecodeInput& x, std::int64_t row, std::int64_t token,
                   double largest_entry) {
  const double table_step = largest_entry / kDecodeLevels;
  double bound = 0;
  for (std::int64_t j = 0; j < x.cols(); ++j) {
    const double step = x.scales(token)[j / kDecodeGroup], input = std::fabs(x.floats(token)[j]);
    // |c| of the dense part; `values` holds the sparse part too, which only makes the bound wider.
    const double entry =
        std::min(largest_entry, std::fabs(static_cast<double>(example.values.view().row(row)[j])) + largest_entry);
    bound += entry * step / 2 + input * table_step / 2 + step * table_step / 4;
  }
  return bound;
}

double largest_entry(const StoredExample& example, std::int64_t row) {
  const OwnedTensor& tables = example.tensors[1];
  double most = 0;
  for (std::int64_t i = 0; i < tables.shape[1]; ++i) {
    Half entry;
    std::memcpy(&entry, tables.bytes.data() + (row * tables.shape[1] + i) * 2, 2);
    most = std::max(most, std::fabs(static_cast<double>(to_float(entry))));
  }
  return most;
}

void check_products(const StoredExample& example, const LinearWeight& weight, const DecodePath& path,
                    std::int64_t tokens) {
  const std::int64_t rows = weight.rows(), cols = weight.cols();
  const Matrix<float> x = random_inputs(tokens, cols);
  DecodeInput input;
  input.assign(x.view());
  // A column more on both sides shows a write outside.
  Matrix<float> y(tokens, rows);
  std::ranges::fill(y.values, NAN);
  const std::int64_t middle = rows / 2 / weight.tile_rows() * weight.tile_rows();
  weight.multiply_few(input, middle, rows, y.view());
  weight.multiply_few(input, 0, middle, y.view());
  double worst = 0;
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t r = 0; r < rows; ++r) {
      double exact = 0, magnitude = 0;
      for (std::int64_t j = 0; j < cols; ++j) {
        const double product = static_cast<double>(x.view().row(t)[j]) * example.values.view().row(r)[j];
        exact += product;
        magnitude += std::fabs(product);
      }
      double bound = static_cast<double>(cols + 8) * 0x1p-23 * magnitude + 1e-30;
      if (path.int16) bound += 1.001 * int16_bound(example, input, r, t, largest_entry(example, r));
      worst = std::max(worst, std::fabs(y.view().row(t)[r] - exact) / bound);
      if (!std::isfinite(y.view().row(t)[r])) worst = std::numeric_limits<double>::infinity();
    }
  CHECK_MESSAGE(worst <= 1, "tokens ", tokens, " rows ", rows, " cols ", cols, " ", name_of(path.simd), " int16 ",
                path.int16);
}

}  // namespace

TEST_CASE("packed lut: decodes exactly (A), multiplies within rounding (B)") {
  for (const int bits : {2, 3, 4, 6, 8})
    for (const std::int64_t cols : kCols)
      for (const std::int64_t rows : kRows) {
        const StoredExample example = lut_example(rows, cols, bits, cols % 2 == 0);
        TestFolder folder;
        const auto stored = load_stored(folder, example.tensors, rows, cols);
        REQUIRE(stored.ok());
        for (const DecodePath& path : paths()) {
          const auto packed = stored.value()->packed(path);
          if (!packed) continue;  // which ones there are is the next test's subject
          CAPTURE(bits);
          Matrix<float> decoded(rows, cols);
          packed->dequantize_rows(0, decoded.view());
          CHECK(decoded.values == example.values.values);
          Matrix<BFloat16> rounded(rows, cols);
          packed->dequantize_rows(0, rounded.view());
          CHECK(std::ranges::equal(rounded.values, decoded.values,
                                   [](BFloat16 a, float b) { return a == to_bfloat16(b); }));
          CHECK(packed->size_bytes() == stored.value()->size_bytes());
          CHECK(packed->sparse_count() == stored.value()->sparse_count());
          CHECK(packed->stored_as() == "lut");
          for (const std::int64_t tokens : {1, 2, 3, 4, 7}) check_products(example, *packed, path, tokens);
        }
      }
}

TEST_CASE("packed lut: the widths and instruction sets that have kernels") {
  for (const int bits : {2, 3, 4, 8}) {
    TestFolder folder;
    const auto stored = load_stored(folder, lut_example(4, 64, bits, false).tensors, 4, 64);
    REQUIRE(stored.ok());
    for (const DecodePath& path : paths()) {
      const bool expected = path.simd == Simd::kAvx512 || (path.simd == Simd::kAvx2 && (path.int16 || bits == 8));
      CHECK((stored.value()->packed(path) != nullptr) == expected);
    }
  }
}

TEST_CASE("packed lut: fp32 with identity input gives back the weights bit for bit (A)") {
  for (const int bits : {2, 3, 4, 8})
    for (const std::int64_t cols : {45, 600}) {
      const std::int64_t rows = 9;
      const StoredExample example = lut_example(rows, cols, bits, true);
      TestFolder folder;
      const auto stored = load_stored(folder, example.tensors, rows, cols);
      REQUIRE(stored.ok());
      const auto packed = stored.value()->packed({best_simd(), false});
      const LinearWeight& weight = packed ? *packed : *stored.value();
      Matrix<float> unit(1, cols), y(1, rows);
      DecodeInput input;
      bool same = true;
      for (std::int64_t j = 0; j < cols; ++j) {
        unit.values[j] = 1;
        input.assign(unit.view());
        unit.values[j] = 0;
        weight.multiply_few(input, 0, rows, y.view());
        for (std::int64_t r = 0; r < rows; ++r) same &= y.values[r] == example.values.view().row(r)[j];
      }
      CHECK(same);
    }
}

TEST_CASE("packed lut: takes evenly spaced values of one group a row") {
  for (const int bits : {3, 4, 8}) {
    TestFolder folder, grouped;
    const StoredExample example = uniform_example(13, 96, bits, 1);
    const auto stored = load_stored(folder, example.tensors, 13, 96);
    const auto of_groups = load_stored(grouped, uniform_example(13, 96, bits, 3).tensors, 13, 96);
    REQUIRE(stored.ok());
    REQUIRE(of_groups.ok());
    for (const DecodePath& path : paths()) {
      CHECK(of_groups.value()->packed(path) == nullptr);
      const auto packed = stored.value()->packed(path);
      if (!packed) continue;
      Matrix<float> decoded(13, 96);
      packed->dequantize_rows(0, decoded.view());
      CHECK(decoded.values == example.values.values);
      CHECK(packed->stored_as() == "uniform_group");
    }
  }
}

TEST_CASE("packed lut: single indices, rows of indices and the packing agree") {
  for (const int bits : {2, 3, 4, 8})
    for (const std::int64_t cols : {1, 480, 481, 512, 1005}) {
      std::mt19937 random(static_cast<unsigned>(bits * cols));
      Matrix<std::uint8_t> indices(6, cols);
      for (auto& index : indices.values) index = static_cast<std::uint8_t>(random() % (1u << bits));
      const LutTiles tiles(bits, 6, cols, [&](std::int64_t row, std::span<std::uint8_t> out) {
        std::ranges::copy(indices.view().row(row), out.begin());
      });
      std::vector<std::uint8_t> row(static_cast<std::size_t>(cols));
      for (std::int64_t r = 0; r < 6; ++r) {
        tiles.indices(r, row);
        CHECK(std::ranges::equal(row, indices.view().row(r)));
        for (std::int64_t j = 0; j < cols; ++j) CHECK(tiles.index(r, j) == indices.view().row(r)[j]);
      }
    }
}

TEST_CASE("packed lut: what is not a number in the input is one in no output that it reaches") {
  const StoredExample example = lut_example(8, 1100, 4, false);
  TestFolder folder;
  const auto stored = load_stored(folder, example.tensors, 8, 1100);
  REQUIRE(stored.ok());
  for (const DecodePath& path : paths()) {
    const auto packed = stored.value()->packed(path);
    if (!packed) continue;
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      Matrix<float> x = random_inputs(1, 1100), y(1, 8);
      x.values[600] = bad;
      DecodeInput input;
      input.assign(x.view());
      packed->multiply_few(input, 0, 8, y.view());
      CHECK(std::ranges::none_of(y.values, [](float value) { return std::isfinite(value); }));
    }
  }
}
