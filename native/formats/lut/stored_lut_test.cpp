#include <doctest/doctest.h>

#include "device/test_device.hpp"
#include "formats/lut/stored_lut_cuda.hpp"
#include "formats/stored_examples.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

struct Case {
  std::int64_t rows, cols;
  int bits;
  bool sparse;
};

constexpr Case kCases[] = {{1, 1, 2, false},  {5, 31, 3, true},    {33, 300, 3, true},  {17, 129, 4, false},
                           {9, 700, 5, true}, {3, 64, 6, true},    {20, 513, 7, false}, {12, 333, 8, true},
                           {7, 96, 2, true},  {2, 70'000, 3, true}};  // the last with columns of 32 bits

std::shared_ptr<const LutWeight> weight_of(const TestFolder& folder, const StoredExample& example) {
  const auto loaded = load_stored(folder, example.tensors, example.values.rows, example.values.cols);
  REQUIRE(loaded.ok());
  auto lut = std::dynamic_pointer_cast<const LutWeight>(loaded.value());
  REQUIRE(lut != nullptr);
  return lut;
}

}  // namespace

TEST_CASE("device: weights that come as they are stored, decoded and added up by entry") {
  TestDevice device;
  if (!device) return;
  StoredLut stored;  // one for all: its memory grows and is used again
  for (const Case& c : kCases) {
    CAPTURE(c.rows);
    CAPTURE(c.cols);
    CAPTURE(c.bits);
    const TestFolder folder;
    const auto weight = weight_of(folder, lut_example(c.rows, c.cols, c.bits, c.sparse));
    stored.assign(device.stream(), *weight, [&](void* to, std::span<const std::byte> from) {
      device.stream().copy(to, from.data(), static_cast<std::int64_t>(from.size()));
    });

    const auto floats = device.empty<float>(c.rows, c.cols);
    const auto brains = device.empty<BFloat16>(c.rows, c.cols);
    stored.decode(device.stream(), floats);
    stored.decode(device.stream(), brains);
    Matrix<float> wanted(c.rows, c.cols);
    Matrix<BFloat16> rounded(c.rows, c.cols);
    weight->dequantize_rows(0, wanted.view());
    weight->dequantize_rows(0, rounded.view());
    CHECK(device.back(floats).values == wanted.values);
    CHECK(device.back(brains).values == rounded.values);

    const auto values = random_matrix(c.rows, c.cols, 3);
    const auto sums = device.empty<float>(c.rows, stored.entries());
    stored.sum_members(device.stream(), device.of(values), sums);
    std::vector<double> of_entries(static_cast<std::size_t>(c.rows * stored.entries()));
    std::vector<std::uint8_t> indices(static_cast<std::size_t>(c.cols));
    for (std::int64_t r = 0; r < c.rows; ++r) {
      weight->indices(r, indices);
      for (std::int64_t j = 0; j < c.cols; ++j)
        of_entries[r * stored.entries() + indices[j]] += static_cast<double>(values.view().row(r)[j]);
    }
    CHECK(relative_error(device.back(sums).values, of_entries) < 1e-7);
  }
}
