#include "jobs/devices.hpp"

#include <doctest/doctest.h>

#include "jobs/gpus_device.hpp"
#include "jobs/sidecar.hpp"

namespace squeeze {

namespace {

// GPUs as a test wants them: so many, or none and why.
struct FakeGpus final : Gpus {
  explicit FakeGpus(int count) {
    for (int i = 0; i < count; ++i)
      all.push_back(
          {.index = i, .name = "Fake " + std::to_string(i), .memory_bytes = 1000 + i, .major = 9, .driver = "13.0"});
  }

  Result<std::vector<DeviceProperties>> list() const override {
    if (all.empty()) return Error{.code = ErrorCode::kDeviceUnavailable, .message = "No CUDA device: none."};
    return all;
  }
  std::vector<std::string> requests() const override { return {"calibration.start"}; }
  Result<std::unique_ptr<TextReader>> text_reader(int, const std::shared_ptr<const Model>&,
                                                  std::int64_t) const override {
    return fake;
  }
  Result<std::unique_ptr<GradientEngine>> gradient_engine(int, const Model&,
                                                          const GradientEngineOptions&) const override {
    return fake;
  }
  Result<std::unique_ptr<EvaluationEngine>> evaluation_engine(int, std::span<const Model* const>, std::int64_t,
                                                              Precision) const override {
    return fake;
  }
  Result<std::unique_ptr<MatrixEngine>> matrix_engine(int) const override { return fake; }
  Result<std::unique_ptr<BenchmarkMachine>> benchmark_machine(int) const override { return fake; }

  const Error fake = {.code = ErrorCode::kInternal, .message = "Nothing computes here."};

  std::vector<DeviceProperties> all;
};

struct Silence final : contract::Events {
  void job_progressed(const contract::JobProgressed&) override {}
  void job_ended(const contract::JobEnded&) override {}
  void generation_produced(const contract::GenerationProduced&) override {}
  void errors_measured(const contract::ErrorsMeasured&) override {}
  void sweep_measured(const contract::SweepMeasured&) override {}
};

contract::HelloResult hello_of(const Gpus* gpus) {
  Silence events;
  Sidecar sidecar(events, gpus);
  contract::HelloParams params;
  params.protocol_version = contract::kProtocolVersion;
  params.contract_hash = contract::kContractHash;
  auto hello = sidecar.sidecar_hello(params);
  REQUIRE(hello.ok());
  return std::move(hello).value();
}

Error refusal_of(const std::string& text, const Gpus* gpus, std::string_view request = "calibration.start") {
  const auto device = device_of(text, request, gpus);
  REQUIRE_FALSE(device.ok());
  return device.error();
}

}  // namespace

TEST_CASE("devices: the processor can do everything, with or without GPUs") {
  const FakeGpus two(2);
  for (const Gpus* gpus : {static_cast<const Gpus*>(nullptr), static_cast<const Gpus*>(&two)}) {
    const auto device = device_of("cpu", "benchmark.kernels", gpus);
    REQUIRE(device.ok());
    CHECK_FALSE(device.value().is_gpu());
    const auto infos = device_infos(gpus);
    CHECK(infos.front().id == "cpu");
    CHECK(infos.front().available);
    CHECK(infos.front().memory_bytes > 0);
    CHECK_FALSE(infos.front().requests);
  }
}

TEST_CASE("devices: a build without CUDA says so") {
  const auto infos = device_infos(nullptr);
  REQUIRE(infos.size() == 2);
  CHECK(infos[1].id == "cuda:0");
  CHECK_FALSE(infos[1].available);
  CHECK(infos[1].memory_bytes == 0);
  CHECK(infos[1].reason == "This sidecar was built without CUDA.");
  const Error error = refusal_of("cuda:0", nullptr);
  CHECK(error.code == ErrorCode::kDeviceUnavailable);
  CHECK(error.message == "params.device: \"cuda:0\" cannot be used. This sidecar was built without CUDA.");
}

TEST_CASE("devices: where there is no GPU, the reason is the driver's") {
  const FakeGpus none(0);
  const auto infos = device_infos(&none);
  REQUIRE(infos.size() == 2);
  CHECK_FALSE(infos[1].available);
  CHECK(infos[1].reason == "No CUDA device: none.");
  const Error error = refusal_of("cuda:0", &none);
  CHECK(error.code == ErrorCode::kDeviceUnavailable);
  CHECK(error.message == "params.device: \"cuda:0\" cannot be used. No CUDA device: none.");
}

TEST_CASE("devices: every GPU with what is known of it") {
  const FakeGpus two(2);
  const auto infos = device_infos(&two);
  REQUIRE(infos.size() == 3);
  CHECK(infos[2].id == "cuda:1");
  CHECK(infos[2].name == "Fake 1");
  CHECK(infos[2].memory_bytes == 1001);
  CHECK(infos[2].available);
  CHECK_FALSE(infos[2].reason);
  CHECK(infos[2].requests == std::vector<std::string>{"calibration.start"});
  CHECK(infos[2].compute_capability == "9.0");
  CHECK(infos[2].driver == "13.0");

  const auto device = device_of("cuda:1", "calibration.start", &two);
  REQUIRE(device.ok());
  CHECK(device.value().gpus == &two);
  CHECK(device.value().index == 1);
}

TEST_CASE("devices: a GPU that is not there, or cannot do what is asked, is refused") {
  const FakeGpus two(2);
  const Error missing = refusal_of("cuda:3", &two);
  CHECK(missing.code == ErrorCode::kDeviceUnavailable);
  CHECK(missing.message == "params.device: \"cuda:3\" cannot be used. The last GPU is cuda:1.");
  const Error unable = refusal_of("cuda:1", &two, "benchmark.kernels");
  CHECK(unable.code == ErrorCode::kDeviceUnavailable);
  CHECK(unable.message == "params.device: \"cuda:1\" cannot be used. benchmark.kernels runs on the processor only.");
}

TEST_CASE("devices: what is no name is an invalid request, with or without GPUs") {
  const FakeGpus two(2);
  for (const Gpus* gpus : {static_cast<const Gpus*>(nullptr), static_cast<const Gpus*>(&two)})
    for (const char* text : {"", "CPU", "gpu", "cuda", "cuda:", "cuda:x", "cuda:-1", "cuda:01", "cuda:1 ", "cuda:+1",
                             "cuda:99999999999", "hip:0"}) {
      CAPTURE(text);
      const Error error = refusal_of(text, gpus);
      CHECK(error.code == ErrorCode::kInvalidRequest);
      CHECK(error.message.find("is no device") != std::string::npos);
    }
}

TEST_CASE("device: the handshake names the GPUs that there are, or why there is none") {
  const auto list = device_gpus().list();
  const auto devices = hello_of(&device_gpus()).devices;
  if (!list.ok()) {
    REQUIRE(devices.size() == 2);
    CHECK(devices[1].reason == list.error().message);
    return;
  }
  REQUIRE(devices.size() == 1 + list.value().size());
  CHECK(devices[1].id == "cuda:0");
  CHECK(devices[1].name == list.value()[0].name);
  CHECK(devices[1].memory_bytes > 0);
}

}  // namespace squeeze
