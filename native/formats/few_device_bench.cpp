// Products with few vectors on a GPU, as generating text asks for them: every launch reads other weights than the last
// ones, so that none come from the cache, and all are one graph. Shares are of what the device copies in the same run.
// And with the tokens of short prompts, beside what a longer one does: decode the matrix, then multiply.
//   few_device_bench [quick]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>

#include "device/bench_device.hpp"
#include "formats/device_weight.hpp"
#include "formats/synthetic.hpp"
#include "ops/half/half_cuda.hpp"
#include "ops/matmul/matmul_cuda.hpp"

using namespace squeeze;

namespace {

constexpr int kRounds = 9;
constexpr std::int64_t kWeightBytes = std::int64_t{400} << 20;  // several times any cache

struct Layout {
  const char* name;
  SyntheticLayout synthetic;
};

constexpr Layout kLayouts[] = {{"F16", {.type = SyntheticType::kF16}},
                               {"2 bits", {.type = SyntheticType::kLut, .bits = 2}},
                               {"3 bits", {.type = SyntheticType::kLut, .bits = 3}},
                               {"4 bits", {.type = SyntheticType::kLut, .bits = 4}},
                               {"8 bits", {.type = SyntheticType::kLut, .bits = 8}},
                               {"3 bits + 0.45 %", {.type = SyntheticType::kLut, .bits = 3, .sparsity = 0.0045}},
                               {"4 bits + 0.45 %", {.type = SyntheticType::kLut, .bits = 4, .sparsity = 0.0045}}};

void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

void must(const Result<void>& result) {
  if (!result.ok()) fail(result.error().message);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

double timed_ms(Stream& stream, const Graph& graph) {
  DeviceTimer timer(stream);
  std::vector<double> times;
  graph.launch(stream);
  must(stream.finish());
  for (int round = 0; round < kRounds; ++round) {
    timer.start();
    graph.launch(stream);
    times.push_back(timer.stop_ms());
  }
  must(stream.finish());
  return median(times);
}

// Bytes read and written by a copy within the device, GB/s.
double copy_bandwidth(Stream& stream) {
  const std::int64_t bytes = std::int64_t{1} << 31;
  DeviceArray<std::uint8_t> from, to;
  const auto a = from.vector(stream, bytes), b = to.vector(stream, bytes);
  stream.fill(a.data, 1, bytes);
  DeviceTimer timer(stream);
  std::vector<double> times;
  for (int round = 0; round < kRounds; ++round) {
    timer.start();
    stream.copy(b.data, a.data, bytes);
    times.push_back(timer.stop_ms());
  }
  must(stream.finish());
  return 2 * static_cast<double>(bytes) / median(times) / 1e6;
}

Matrix<float> random_vectors(std::int64_t count, std::int64_t size) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  Matrix<float> x(count, size);
  for (float& value : x.values) value = normal(random);
  return x;
}

// A few rows against the processor, in float64.
void check(Stream& stream, const LinearWeight& weight, const Matrix<float>& x, DeviceView<float> y,
           double tolerance = 1e-4) {
  Matrix<float> back(y.rows, y.cols);
  stream.download(back.values.data(), y);
  must(stream.finish());
  Matrix<float> row(1, weight.cols());
  double worst = 0, most = 0;
  for (std::int64_t r = 0; r < weight.rows(); r += weight.rows() / 61 + 1) {
    weight.dequantize_rows(r, row.view());
    for (std::int64_t v = 0; v < x.rows; ++v) {
      double sum = 0;
      for (std::int64_t k = 0; k < row.cols; ++k)
        sum += static_cast<double>(row.values[k]) * static_cast<double>(x.view().row(v)[k]);
      const double difference = std::abs(sum - static_cast<double>(back.view().row(v)[r]));
      worst = difference <= worst ? worst : difference;
      most = std::max(most, std::abs(sum));
    }
  }
  // One vector meets codebooks rounded to 2^-16 of their largest entry.
  if (!(worst <= tolerance * most)) fail("wrong by " + std::to_string(worst / most));
}

struct Shape {
  std::int64_t rows, cols;
};

// Copies of one weight, more than any cache holds.
struct Copies {
  std::shared_ptr<const LinearWeight> weight;
  std::vector<std::unique_ptr<DeviceWeight>> all;
};

Copies copies_of(Stream& stream, const Shape& shape, const Layout& layout) {
  auto weight = synthetic_weight(shape.rows, shape.cols, layout.synthetic, 1);
  if (!weight.ok()) fail(weight.error().message);
  Copies copies{std::move(weight).value(), {}};
  do {
    auto uploaded = upload_weight(stream, *copies.weight);
    if (!uploaded.ok()) fail(uploaded.error().message);
    copies.all.push_back(std::move(uploaded).value());
    must(stream.finish());
  } while (static_cast<std::int64_t>(copies.all.size()) * copies.all[0]->size_bytes() < kWeightBytes);
  return copies;
}

// Microseconds a product, all copies in one graph; what must have happened before may happen in the first.
template <typename Multiply>
double timed_us(Stream& stream, const Copies& copies, const Multiply& multiply) {
  stream.begin_recording();
  for (const auto& w : copies.all) multiply(*w);
  const Graph graph = stream.end_recording();
  return 1000 * timed_ms(stream, graph) / static_cast<double>(copies.all.size());
}

void measure(Stream& stream, const Shape& shape, const Layout& layout, std::span<const std::int64_t> vectors,
             double copy) {
  const Copies copies = copies_of(stream, shape, layout);
  for (const std::int64_t count : vectors) {
    const auto x = random_vectors(count, shape.cols);
    DeviceArray<float> x_memory, y_memory;
    const auto x_there = x_memory.matrix(stream, count, shape.cols), y = y_memory.matrix(stream, count, shape.rows);
    stream.upload(x_there, x.values.data());
    FewSpace space;
    const auto multiply = [&](const DeviceWeight& w) {
      const FewProduct product[] = {{&w, {.y = y}}};
      multiply_few(stream, {.x = x_there}, product, space);
    };
    multiply(*copies.all[0]);
    check(stream, *copies.weight, x, y);
    const double us = timed_us(stream, copies, multiply);
    const double gb = static_cast<double>(copies.weight->size_bytes()) / us / 1000;
    std::printf("%6lld x %-6lld %-16s %2lld vectors %8.2f us %7.0f GB/s %5.1f %%\n", static_cast<long long>(shape.rows),
                static_cast<long long>(shape.cols), layout.name, static_cast<long long>(count), us, gb,
                100 * gb / copy);
    std::printf(
        "JSON {\"bench\":\"few\",\"rows\":%lld,\"cols\":%lld,\"layout\":\"%s\",\"vectors\":%lld,\"us\":%.3f,"
        "\"gigabytesPerSecond\":%.1f,\"shareOfCopy\":%.4f}\n",
        static_cast<long long>(shape.rows), static_cast<long long>(shape.cols), layout.name,
        static_cast<long long>(count), us, gb, gb / copy);
  }
}

// Tokens of a short prompt: looked up in the product, and decoded before it.
void measure_prompt(Stream& stream, const Shape& shape, const Layout& layout, std::int64_t tokens) {
  const Copies copies = copies_of(stream, shape, layout);
  DeviceMatmul matmul = DeviceMatmul::make(stream);
  auto x = random_vectors(tokens, shape.cols);
  for (float& value : x.values) value = to_float(to_half(value));
  DeviceArray<float> exact_memory, y_memory;
  DeviceArray<Half> x_memory, decoded_memory;
  const auto exact = exact_memory.matrix(stream, tokens, shape.cols);
  const auto y = y_memory.matrix(stream, tokens, shape.rows);
  const auto rounded = x_memory.matrix(stream, tokens, shape.cols);
  const auto decoded = decoded_memory.matrix(stream, shape.rows, shape.cols);
  stream.upload(exact, x.values.data());
  convert<float, Half>(stream, exact, rounded);
  FewSpace space;
  const auto look_up = [&](const DeviceWeight& w) { return multiply_rounded(stream, rounded, {&w, {.y = y}}, space); };
  const auto decode = [&](const DeviceWeight& w) {
    w.dequantize(stream, 0, decoded);
    matmul.nt<Half>(stream, rounded, decoded, y);
  };
  decode(*copies.all[0]);
  check(stream, *copies.weight, x, y, 1e-3);  // the sum of a kept weight and an entry is rounded to fp16
  if (!look_up(*copies.all[0])) {
    std::printf("%s, %lld tokens: the device has no room for these codebooks\n", layout.name,
                static_cast<long long>(tokens));
    return;
  }
  check(stream, *copies.weight, x, y);
  const double together = timed_us(stream, copies, look_up), apart = timed_us(stream, copies, decode);
  std::printf("%6lld x %-6lld %-16s %3lld tokens %8.2f us, decoded first %8.2f us\n",
              static_cast<long long>(shape.rows), static_cast<long long>(shape.cols), layout.name,
              static_cast<long long>(tokens), together, apart);
  std::printf(
      "JSON {\"bench\":\"prompt\",\"rows\":%lld,\"cols\":%lld,\"layout\":\"%s\",\"tokens\":%lld,\"us\":%.3f,"
      "\"decodedFirstUs\":%.3f}\n",
      static_cast<long long>(shape.rows), static_cast<long long>(shape.cols), layout.name,
      static_cast<long long>(tokens), together, apart);
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::strcmp(argv[1], "quick") == 0;
  Stream stream = stream_or_exit();
  const double copy = copy_bandwidth(stream);
  std::printf("%s: copies %.0f GB/s\n", stream.device().name.c_str(), copy);
  std::printf("JSON {\"bench\":\"copy\",\"gigabytesPerSecond\":%.1f}\n", copy);
  const std::vector<std::int64_t> one = {1}, several = {1, 2, 4, 8, 16};
  const std::vector<Shape> shapes =
      quick ? std::vector<Shape>{{4096, 4096}, {11008, 4096}, {14336, 4096}}
            : std::vector<Shape>{{4096, 4096}, {11008, 4096}, {4096, 11008}, {14336, 4096}, {4096, 14336}};
  for (const Shape& shape : shapes)
    for (const Layout& layout : kLayouts) measure(stream, shape, layout, shape.rows == 11008 ? several : one, copy);
  for (const Shape& shape : {Shape{4096, 4096}, Shape{11008, 4096}})
    for (const Layout& layout : kLayouts)
      if (layout.synthetic.type == SyntheticType::kLut)
        for (const std::int64_t tokens : {17, 32, 64}) measure_prompt(stream, shape, layout, tokens);
  return 0;
}
