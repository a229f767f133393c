#include "formats/device_weight.hpp"

#include <doctest/doctest.h>

#include "device/test_device.hpp"
#include "formats/stored_examples.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

enum class Stored { kF32, kF16, kBF16, kLut, kShared, kGroups };

struct Case {
  Stored stored;
  int bits;
  bool sparse;
  std::int64_t rows, cols, vectors;
};

constexpr Case kCases[] = {{Stored::kF16, 0, false, 1, 1, 1},       {Stored::kF16, 0, false, 40, 256, 1},
                           {Stored::kF32, 0, false, 21, 130, 3},    {Stored::kBF16, 0, false, 33, 384, 5},
                           {Stored::kBF16, 0, false, 70, 136, 16},  {Stored::kLut, 2, false, 48, 256, 1},
                           {Stored::kLut, 2, true, 19, 200, 4},     {Stored::kLut, 3, false, 64, 1280, 1},
                           {Stored::kLut, 3, true, 50, 333, 1},     {Stored::kLut, 3, true, 96, 256, 9},
                           {Stored::kLut, 2, true, 90, 384, 1},     {Stored::kLut, 4, false, 16, 128, 2},
                           {Stored::kLut, 4, true, 130, 520, 1},    {Stored::kLut, 4, true, 45, 384, 7},
                           {Stored::kLut, 3, true, 37, 4360, 2},    {Stored::kLut, 3, true, 300, 700, 5},
                           {Stored::kLut, 4, true, 16, 1300, 16},   {Stored::kF16, 0, false, 150, 2000, 8},
                           {Stored::kLut, 6, true, 140, 400, 11},   {Stored::kLut, 2, true, 129, 64, 16},
                           {Stored::kLut, 5, true, 20, 140, 1},     {Stored::kLut, 7, false, 35, 256, 6},
                           {Stored::kLut, 8, true, 33, 300, 1},     {Stored::kLut, 8, false, 70, 160, 13},
                           {Stored::kLut, 8, true, 150, 300, 1},    {Stored::kLut, 6, false, 165, 260, 3},
                           {Stored::kShared, 3, false, 33, 160, 1}, {Stored::kGroups, 4, false, 20, 130, 3}};

StoredExample example_of(const Case& c) {
  if (c.stored == Stored::kLut) return lut_example(c.rows, c.cols, c.bits, c.sparse);
  if (c.stored == Stored::kShared) return grouped_example(CodebookGrid::cut(c.rows, c.cols, 4, 0), c.bits, c.sparse);
  if (c.stored == Stored::kGroups) return grouped_example(CodebookGrid::cut(c.rows, c.cols, 1, 64), c.bits, c.sparse);
  const auto random = random_matrix(c.rows, c.cols, static_cast<std::uint32_t>(c.rows * c.cols));
  StoredExample example{{}, {c.rows, c.cols}};
  std::vector<Half> halves;
  std::vector<BFloat16> brains;
  for (std::size_t i = 0; i < random.values.size(); ++i) {
    halves.push_back(to_half(random.values[i]));
    brains.push_back(to_bfloat16(random.values[i]));
    example.values.values[i] = c.stored == Stored::kBF16 ? to_float(brains[i]) : to_float(halves[i]);
  }
  if (c.stored == Stored::kBF16) {
    example.tensors.push_back(
        owned_tensor<BFloat16>("w.weight", DType::kBF16, {c.rows, c.cols}, std::span<const BFloat16>(brains)));
  } else if (c.stored == Stored::kF16) {
    example.tensors.push_back(
        owned_tensor<Half>("w.weight", DType::kF16, {c.rows, c.cols}, std::span<const Half>(halves)));
  } else {
    example.tensors.push_back(
        owned_tensor<float>("w.weight", DType::kF32, {c.rows, c.cols}, std::span<const float>(random.values)));
  }
  return example;
}

// A case's weight on the device, and the values it stands for.
struct Uploaded {
  TestFolder folder;
  StoredExample example;
  std::unique_ptr<DeviceWeight> weight;

  Uploaded(TestDevice& device, const Case& c) : example(example_of(c)) {
    const auto loaded = load_stored(folder, example.tensors, c.rows, c.cols);
    REQUIRE(loaded.ok());
    auto uploaded = upload_weight(device.stream(), *loaded.value());
    REQUIRE(uploaded.ok());
    weight = std::move(uploaded).value();
  }
};

double one_vector_tolerance(int bits) { return bits >= 2 && bits <= 4 ? 5e-5 : 1e-6; }

// Vectors are two 16-bit numbers, 22 bits of fp16's and 16 of bf16's; weights are exact, sums fp32. But for one vector
// and up to four bits: there a codebook's entries are off by up to 2^-16 of the largest. And with more than four
// vectors warps do not share K: roundings of one long sum grow with its root.
double tolerance_of(const Case& c) {
  if (c.stored == Stored::kBF16) return 2e-5;
  if (c.vectors == 1) return one_vector_tolerance(c.bits);
  return c.vectors <= 4 ? 1e-6 : std::max(1e-6, 2.5e-8 * std::sqrt(static_cast<double>(c.cols)));
}

// In float64.
std::vector<double> product(const Matrix<float>& w, const Matrix<float>& x) {
  std::vector<double> y;
  for (std::int64_t v = 0; v < x.rows; ++v)
    for (std::int64_t r = 0; r < w.rows; ++r) {
      double sum = 0;
      for (std::int64_t k = 0; k < w.cols; ++k)
        sum += static_cast<double>(w.view().row(r)[k]) * static_cast<double>(x.view().row(v)[k]);
      y.push_back(sum);
    }
  return y;
}

// A bias, and what was there before.
void add_to(std::vector<double>& y, const Matrix<float>& bias, const Matrix<float>& before) {
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] += static_cast<double>(bias.values[i % bias.values.size()]) + static_cast<double>(before.values[i]);
}

}  // namespace

TEST_CASE("device: products with few vectors, and weights decoded, in every layout") {
  TestDevice device;
  if (!device) return;
  FewSpace space;
  for (const Case& c : kCases) {
    CAPTURE(c.bits);
    CAPTURE(c.rows);
    CAPTURE(c.cols);
    CAPTURE(c.vectors);
    const Uploaded uploaded(device, c);
    const StoredExample& example = uploaded.example;
    const DeviceWeight& weight = *uploaded.weight;

    const auto x = random_matrix(c.vectors, c.cols, 7), bias = random_matrix(1, c.rows, 8);
    const auto before = random_matrix(c.vectors, c.rows, 9);
    auto wanted = product(example.values, x);
    const auto y = device.empty<float>(c.vectors, c.rows), sum = device.of(before);
    const auto bias_there = device.of(bias);
    const FewProduct products[] = {{&weight, {.y = y}}, {&weight, {.y = sum, .bias = bias_there.data, .add = true}}};
    multiply_few(device.stream(), {.x = device.of(x)}, products, space);
    const double tolerance = tolerance_of(c);
    CHECK(relative_error(device.back(y).values, wanted) < tolerance);
    add_to(wanted, bias, before);
    CHECK(relative_error(device.back(sum).values, wanted) < tolerance);

    // All rows, and a few from the middle.
    const std::int64_t first = c.rows / 3, count = (c.rows + 1) / 2;
    const auto halves = device.empty<Half>(c.rows, c.cols), part = device.empty<Half>(count, c.cols);
    const auto brains = device.empty<BFloat16>(c.rows, c.cols);
    weight.dequantize(device.stream(), 0, halves);
    weight.dequantize(device.stream(), first, part);
    weight.dequantize(device.stream(), 0, brains);
    const auto all = device.back(halves), middle = device.back(part);
    const auto rounded = device.back(brains);
    for (std::size_t i = 0; i < all.values.size(); ++i) {
      CHECK(all.values[i] == to_half(example.values.values[i]));
      CHECK(rounded.values[i] == to_bfloat16(example.values.values[i]));
    }
    CHECK(std::equal(middle.values.begin(), middle.values.end(), all.values.begin() + first * c.cols));
  }
}

TEST_CASE("device: products with the tokens of a short prompt") {
  TestDevice device;
  if (!device) return;
  FewSpace space;
  const Case cases[] = {{Stored::kLut, 3, true, 300, 640, 17},  {Stored::kLut, 4, true, 70, 1040, 40},
                        {Stored::kLut, 2, false, 16, 136, 64},  {Stored::kLut, 8, true, 33, 304, 33},
                        {Stored::kLut, 3, false, 520, 384, 64}, {Stored::kLut, 3, true, 130, 2056, 1},
                        {Stored::kLut, 5, true, 50, 304, 32},   {Stored::kF16, 0, false, 40, 256, 20}};
  for (const Case& c : cases) {
    CAPTURE(c.bits);
    CAPTURE(c.rows);
    CAPTURE(c.cols);
    CAPTURE(c.vectors);
    const Uploaded uploaded(device, c);

    auto x = random_matrix(c.vectors, c.cols, 7);
    std::vector<Half> rounded;
    for (float& value : x.values) {
      rounded.push_back(to_half(value));
      value = to_float(rounded.back());
    }
    const auto x_there = device.empty<Half>(c.vectors, c.cols);
    device.stream().upload(x_there, rounded.data());
    const auto bias = random_matrix(1, c.rows, 8), before = random_matrix(c.vectors, c.rows, 9);
    const auto bias_there = device.of(bias), y = device.of(before);
    auto wanted = product(uploaded.example.values, x);
    add_to(wanted, bias, before);
    const FewProduct of{uploaded.weight.get(), {.y = y, .bias = bias_there.data, .add = true}};
    if (!multiply_rounded(device.stream(), x_there, of, space)) {
      // 64 columns beside the codebooks of 128 rows.
      CHECK(c.bits == 8);
      CHECK(device.stream().device().shared_bytes < 128 << 10);
      continue;
    }
    CHECK(relative_error(device.back(y).values, wanted) < 1e-6);
  }
}

TEST_CASE("device: a product of rounded numbers is left to others where its weights are of another kind") {
  TestDevice device;
  if (!device) return;
  FewSpace space;
  for (const Case& c : {Case{Stored::kBF16, 0, false, 33, 384, 5}, Case{Stored::kLut, 3, false, 20, 100, 5}}) {
    CAPTURE(c.cols);
    const Uploaded uploaded(device, c);
    const auto before = random_matrix(c.vectors, c.rows, 9);
    const auto y = device.of(before);
    const FewProduct of{uploaded.weight.get(), {.y = y}};
    CHECK_FALSE(multiply_rounded(device.stream(), device.empty<Half>(c.vectors, c.cols), of, space));
    CHECK(device.back(y).values == before.values);
  }
}

TEST_CASE("device: a recorded product has the shared memory that it needs, whatever was launched since") {
  TestDevice device;
  if (!device) return;
  FewSpace space;
  const Case wide_case{Stored::kF16, 0, false, 16, 14336, 1}, narrow_case{Stored::kF16, 0, false, 16, 256, 1};
  const Uploaded wide(device, wide_case), narrow(device, narrow_case);
  const auto x = random_matrix(1, wide_case.cols, 7);
  const auto x_there = device.of(x), y = device.empty<float>(1, wide_case.rows);
  const FewProduct of_wide[] = {{wide.weight.get(), {.y = y}}}, of_narrow[] = {{narrow.weight.get(), {.y = y}}};
  multiply_few(device.stream(), {.x = x_there}, of_wide, space);  // allocates
  device.stream().begin_recording();
  multiply_few(device.stream(), {.x = x_there}, of_wide, space);
  const Graph recorded = device.stream().end_recording();
  multiply_few(device.stream(), {.x = {x_there.data, 1, narrow_case.cols}}, of_narrow, space);
  recorded.launch(device.stream());
  CHECK(relative_error(device.back(y).values, product(wide.example.values, x)) < tolerance_of(wide_case));
}

TEST_CASE("device: the norm before a product, three products in one, and the gate") {
  TestDevice device;
  if (!device) return;
  FewSpace space;
  const std::int64_t cols = 200, rows = 72;
  const TestFolder folder;
  const auto stored = lut_example(rows, cols, 3, true);
  const auto other = example_of({Stored::kF16, 0, false, rows, cols, 1});
  const TestFolder second;
  const auto lut = load_stored(folder, stored.tensors, rows, cols),
             plain = load_stored(second, other.tensors, rows, cols);
  const auto a = upload_weight(device.stream(), *lut.value()), b = upload_weight(device.stream(), *plain.value());
  const auto weight = random_matrix(1, cols, 4), bias = random_matrix(1, cols, 5);

  for (const auto& [vectors, layer_norm] :
       {std::pair<std::int64_t, bool>{1, false}, {1, true}, {3, false}, {3, true}, {6, true}}) {
    CAPTURE(vectors);
    CAPTURE(layer_norm);
    const auto x = random_matrix(vectors, cols, 3);
    const double tolerance = vectors == 1 ? one_vector_tolerance(3) : 2e-6;
    const double eps = 1e-5;
    Matrix<float> normed(vectors, cols);
    for (std::int64_t v = 0; v < vectors; ++v) {
      const auto row = x.view().row(v);
      double mean = 0, squares = 0;
      for (const float value : row) mean += layer_norm ? static_cast<double>(value) / static_cast<double>(cols) : 0;
      for (const float value : row)
        squares += (static_cast<double>(value) - mean) * (static_cast<double>(value) - mean);
      const double r = 1 / std::sqrt(squares / static_cast<double>(cols) + eps);
      for (std::int64_t i = 0; i < cols; ++i)
        normed.view().row(v)[i] =
            static_cast<float>((static_cast<double>(row[i]) - mean) * r * static_cast<double>(weight.values[i]) +
                               (layer_norm ? static_cast<double>(bias.values[i]) : 0));
    }
    const auto weight_there = device.of(weight), bias_there = device.of(bias);
    const FewInput in{.x = device.of(x),
                      .norm_weight = weight_there.data,
                      .norm_bias = layer_norm ? bias_there.data : nullptr,
                      .eps = static_cast<float>(eps)};
    const auto first = product(stored.values, normed), between = product(other.values, normed);
    const auto y0 = device.empty<float>(vectors, rows), y1 = device.empty<float>(vectors, rows);
    const auto y2 = device.empty<float>(vectors, rows);
    const FewProduct products[] = {
        {a.value().get(), {.y = y0}}, {b.value().get(), {.y = y1}}, {a.value().get(), {.y = y2}}};
    multiply_few(device.stream(), in, products, space);
    CHECK(relative_error(device.back(y0).values, first) < tolerance);
    CHECK(relative_error(device.back(y1).values, between) < 2e-6);
    CHECK(relative_error(device.back(y2).values, first) < tolerance);

    for (const bool same : {true, false}) {
      const auto& up = same ? first : between;
      std::vector<double> wanted;
      for (std::size_t i = 0; i < first.size(); ++i) wanted.push_back(first[i] / (1 + std::exp(-first[i])) * up[i]);
      multiply_few_gated(device.stream(), in, *a.value(), nullptr, same ? *a.value() : *b.value(), nullptr, y0, space);
      CHECK(relative_error(device.back(y0).values, wanted) < 5 * tolerance);
    }
  }
}
