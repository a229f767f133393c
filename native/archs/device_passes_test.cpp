#include "archs/device_passes.hpp"

#include <doctest/doctest.h>

#include <map>

#include "archs/device_pipe.hpp"
#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "device/test_device.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

constexpr std::int64_t kSequences = 3, kLength = 7, kRows = kSequences * kLength;

// ‖a − b‖ / ‖b‖
double distance(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / size);
}

// What a layer gives for sequences: its output, the gradient of its input, and what each linear sees.
struct LayerResult {
  std::vector<float> output, gradient;
  std::map<std::int64_t, std::vector<float>> inputs, gradients;
};

LayerResult by_processor(const Decoder& decoder, const LayerWeights& weights, const Matrix<float>& x,
                         const Matrix<float>& dy) {
  LayerResult result;
  DecoderWorkspace space;
  auto y = x, gradient = dy;
  decoder.forward(weights, kSequences, y.view(), space);
  for (std::int64_t first = 0; first < kRows; first += kLength)
    decoder.backward(weights, x.view().rows_from(first, kLength), gradient.view().rows_from(first, kLength), space,
                     [&](std::int64_t index, MatrixView<const float> in, MatrixView<const float> d_out) {
                       auto &inputs = result.inputs[index], &gradients = result.gradients[index];
                       inputs.insert(inputs.end(), in.flat().begin(), in.flat().end());
                       gradients.insert(gradients.end(), d_out.flat().begin(), d_out.flat().end());
                     });
  result.output = y.values;
  result.gradient = gradient.values;
  return result;
}

template <typename T>
class OnDevice {
 public:
  OnDevice(const Decoder& decoder, Stream& stream)
      : passes(DevicePasses<T>::make(decoder, stream).value()), uploader(WeightUploader<T>::make(0).value()) {}

  LayerResult layer(const Model& model, const LayerWeights& weights, const Matrix<float>& x, const Matrix<float>& dy) {
    LayerResult result;
    DeviceLayer<T> there;
    there.reserve(passes.stream(), model.config());
    there.read(weights, uploader);
    REQUIRE(uploader.finish().ok());
    DeviceArray<float> x_room, y_room, gradient_room;
    const auto x_there = put(x_room, x), gradient = put(gradient_room, dy);
    const auto y = y_room.matrix(passes.stream(), x.rows, x.cols);
    passes.forward(there, kSequences, x_there, y);
    result.output = back(y);
    passes.backward(there, kSequences, x_there, gradient,
                    [&](std::int64_t index, const DeviceFactor<T>& in, const DeviceFactor<T>& d_out) {
                      result.inputs[index] = back(in.exact);
                      result.gradients[index] = back(d_out.exact);
                      const auto rounded = back(in.rounded);
                      for (std::size_t i = 0; i < rounded.size(); ++i)
                        CHECK(to_float(rounded[i]) == doctest::Approx(result.inputs[index][i]).epsilon(0.004));
                    });
    result.gradient = back(DeviceView<const float>(gradient));
    return result;
  }

  DeviceView<float> put(DeviceArray<float>& room, const Matrix<float>& host) {
    const auto view = room.matrix(passes.stream(), host.rows, host.cols);
    passes.stream().upload(view, host.values.data());
    return view;
  }
  template <typename U>
  std::vector<std::remove_const_t<U>> back(DeviceView<U> view) {
    std::vector<std::remove_const_t<U>> host(static_cast<std::size_t>(view.size()));
    passes.stream().download(host.data(), view);
    const auto done = passes.stream().finish();
    if (!done.ok()) FAIL(done.error().message);
    return host;
  }

  DevicePasses<T> passes;
  WeightUploader<T> uploader;
};

// The worst of a layer's distances.
double compare(const LayerResult& found, const LayerResult& wanted) {
  double worst = std::max(distance(found.output, wanted.output), distance(found.gradient, wanted.gradient));
  REQUIRE(found.inputs.size() == wanted.inputs.size());
  for (const auto& [index, values] : wanted.inputs) worst = std::max(worst, distance(found.inputs.at(index), values));
  for (const auto& [index, values] : wanted.gradients)
    worst = std::max(worst, distance(found.gradients.at(index), values));
  return worst;
}

// `reference`: the precision on the processor.
template <typename T>
void check_family(TestDevice& there, const std::string& family, Precision reference, double tolerance) {
  CAPTURE(family);
  TestFolder folder;
  write_tiny_checkpoint(folder.path(), family, 5);
  const auto model = Model::open(folder.path()).value();
  const auto decoder = Decoder::make(*model, kLength, reference).value();
  const auto x = random_matrix(kRows, decoder.hidden(), 1), dy = random_matrix(kRows, decoder.hidden(), 2);
  OnDevice<T> device(decoder, there.stream());
  double worst = 0;
  for (std::int64_t index = 0; index < model->config().layers; ++index) {
    const auto weights = model->layer(index).value();
    worst = std::max(worst, compare(device.layer(*model, weights, x, dy), by_processor(decoder, weights, x, dy)));
  }
  CHECK(worst < tolerance);

  DecoderWorkspace space;
  Matrix<float> logits(kRows, decoder.vocabulary()), dx(kRows, decoder.hidden());
  decoder.logits(x.view(), logits.view(), space);
  decoder.logits_backward(x.view(), logits.view(), dx.view());
  DeviceHead<T> head;
  REQUIRE(head.read(*model, decoder.head(), device.uploader).ok());
  DeviceArray<float> x_room, logits_room, dx_room;
  const auto x_there = device.put(x_room, x);
  const auto logits_there = logits_room.matrix(device.passes.stream(), logits.rows, logits.cols);
  const auto dx_there = dx_room.matrix(device.passes.stream(), dx.rows, dx.cols);
  device.passes.logits(head, x_there, logits_there);
  const double of_logits = distance(device.back(logits_there), logits.values);
  device.passes.logits_backward(head, x_there, logits_there, dx_there);
  const double of_gradient = distance(device.back(dx_there), dx.values);
  CHECK(of_logits < tolerance);
  CHECK(of_gradient < tolerance);
  print_figure("figure device layer %-8s %s vs %s layers %.1e logits %.1e their gradient %.1e\n", family.c_str(),
               std::is_same_v<T, float> ? "fp32" : "bf16", name_of(reference), worst, of_logits, of_gradient);
}

}  // namespace

TEST_CASE("device: layers and head of every family, forwards and backwards, as on the processor (tier D)") {
  TestDevice device;
  if (!device) return;
  for (const std::string& family : supported_families()) {
    check_family<float>(device, family, Precision::kFloat32, 5e-6);
    if (family == "mistral" || family == "qwen2") continue;  // as llama; each takes a second emulated
    // A factor is off by up to 2^-9 of itself; products of a few terms that partly cancel make some times that.
    check_family<BFloat16>(device, family, Precision::kFloat32, 2e-2);
  }
}

TEST_CASE("device: layers in bf16 as the processor's in bf16 (needs AVX512_BF16)" *
          doctest::skip(fastest_precision() != Precision::kBFloat16)) {
  TestDevice device;
  if (!device) return;
  // What differs in the last bits before a factor is rounded may be rounded the other way, which is 2^-8 of it.
  for (const std::string& family : supported_families())
    check_family<BFloat16>(device, family, Precision::kBFloat16, 4e-3);
}

TEST_CASE("device: rows of host matrices pass a device in blocks, also in place") {
  TestDevice device;
  if (!device) return;
  auto pipe = DevicePipe::make(0).value();
  for (const std::int64_t rows : {1, 4, 5, 23}) {
    CAPTURE(rows);
    const auto a = random_matrix(rows, 6, 1);
    auto b = random_matrix(rows, 3, 2);
    const auto wanted = b;
    std::vector<std::int64_t> seen;
    const MatrixView<const float> in[] = {a.view(), b.view()};
    const auto result = pipe.run(
        device.stream(), in, b.view(), 4,
        [&](std::int64_t first, std::span<const DeviceView<const float>> there, DeviceView<float> out) {
          CHECK(there[0].rows == out.rows);
          CHECK(first % 4 == 0);
          // The first columns of the first matrix would need a kernel; the whole of the second does not.
          device.stream().copy(out.data, there[1].data, out.size() * 4);
          device.stream().copy(out.data, there[0].data, 4);
        },
        [&](std::int64_t first, std::int64_t count) -> Result<void> {
          seen.push_back(first);
          CHECK(count == std::min<std::int64_t>(4, rows - first));
          CHECK(b.view().row(first)[0] == a.view().row(first)[0]);
          return {};
        });
    REQUIRE(result.ok());
    CHECK(static_cast<std::int64_t>(seen.size()) == (rows + 3) / 4);
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t i = 0; i < 3; ++i)
        CHECK(b.view().row(r)[i] == (r % 4 == 0 && i == 0 ? a : wanted).view().row(r)[i]);
  }
  auto x = random_matrix(20, 2, 3);
  const MatrixView<const float> in = x.view();
  int calls = 0;
  const auto stopped = pipe.run(
      device.stream(), {&in, 1}, x.view(), 4,
      [](std::int64_t, std::span<const DeviceView<const float>>, DeviceView<float>) {},
      [&](std::int64_t, std::int64_t) -> Result<void> {
        return ++calls < 2 ? Result<void>{} : Error{.code = ErrorCode::kCancelled, .message = "Cancelled."};
      });
  REQUIRE_FALSE(stopped.ok());
  CHECK(stopped.error().code == ErrorCode::kCancelled);
  CHECK(calls == 2);
}
