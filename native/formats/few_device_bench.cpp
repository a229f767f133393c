// Products with few vectors on a GPU, as generating text asks for them: every launch reads other weights than the last
// ones, so that none come from the cache, and all are one graph. Shares are of what the device copies in the same run.
//   few_device_bench [quick]

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>

#include "device/device.hpp"
#include "formats/device_weight.hpp"
#include "formats/synthetic.hpp"

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
void check(Stream& stream, const LinearWeight& weight, const Matrix<float>& x, DeviceView<float> y) {
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
  if (!(worst <= 1e-4 * most)) fail("wrong by " + std::to_string(worst / most));
}

struct Shape {
  std::int64_t rows, cols;
};

void measure(Stream& stream, const Shape& shape, const Layout& layout, std::span<const std::int64_t> vectors,
             double copy) {
  const auto weight = synthetic_weight(shape.rows, shape.cols, layout.synthetic, 1);
  if (!weight.ok()) fail(weight.error().message);
  std::vector<std::unique_ptr<DeviceWeight>> copies;
  do {
    auto uploaded = upload_weight(stream, *weight.value());
    if (!uploaded.ok()) fail(uploaded.error().message);
    copies.push_back(std::move(uploaded).value());
    must(stream.finish());
  } while (static_cast<std::int64_t>(copies.size()) * copies[0]->size_bytes() < kWeightBytes);

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
    multiply(*copies[0]);
    check(stream, *weight.value(), x, y);
    stream.begin_recording();
    for (const auto& w : copies) multiply(*w);
    const Graph graph = stream.end_recording();
    const double us = 1000 * timed_ms(stream, graph) / static_cast<double>(copies.size());
    const double bytes = static_cast<double>(weight.value()->size_bytes());
    const double gb = bytes / us / 1000;
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

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::strcmp(argv[1], "quick") == 0;
  auto made = Stream::make();
  if (!made.ok()) fail(made.error().message);
  Stream& stream = made.value();
  const double copy = copy_bandwidth(stream);
  std::printf("%s: copies %.0f GB/s\n", stream.device().name.c_str(), copy);
  std::printf("JSON {\"bench\":\"copy\",\"gigabytesPerSecond\":%.1f}\n", copy);
  const std::vector<std::int64_t> one = {1}, several = {1, 2, 4, 8, 16};
  const std::vector<Shape> shapes =
      quick ? std::vector<Shape>{{4096, 4096}, {11008, 4096}, {14336, 4096}}
            : std::vector<Shape>{{4096, 4096}, {11008, 4096}, {4096, 11008}, {14336, 4096}, {4096, 14336}};
  for (const Shape& shape : shapes)
    for (const Layout& layout : kLayouts) measure(stream, shape, layout, shape.rows == 11008 ? several : one, copy);
  return 0;
}
