#include <algorithm>
#include <numeric>

#include "eval/device_benchmark.hpp"
#include "eval/device_reader.hpp"
#include "ops/sum_words/sum_words_cuda.hpp"

namespace squeeze {

namespace {

// So many times the second-level cache: of a pass no more than a 64th can come from there. 3 to 5 GB on an H100, which
// is about a millisecond; beside that, the launch does not count.
constexpr std::int64_t kCaches = 64;
constexpr std::int64_t kMostOfFree = 8;  // and at most an 8th of what is free
constexpr int kPasses = 3;
constexpr std::uint8_t kByte = 1;
constexpr std::uint32_t kWord = 0x01010101;

class Gpu final : public BenchmarkMachine {
 public:
  Gpu(Stream stream, int device) : stream_(std::move(stream)), device_(device) {}

  Result<void> take_memory() {
    const DeviceProperties& device = stream_.device();
    const std::int64_t bytes = std::min(kCaches * device.l2_bytes, device.free_bytes / kMostOfFree);
    words_ = buffer_.vector(stream_, std::max<std::int64_t>(bytes / 16 * 4, 4));
    sums_.vector(stream_, sum_words_blocks(device));
    stream_.fill(words_.data, kByte, words_.size() * 4);
    SQUEEZE_TRY(stream_.finish());
    memory_bytes_ = device.free_bytes - buffer_.size_bytes();
    return {};
  }

  Result<std::unique_ptr<TextReader>> reader(const std::shared_ptr<const Model>& model, std::int64_t context) override {
    return make_device_reader(model, context, device_);
  }
  Result<MeasuredBandwidth> read_bandwidth() override;
  std::string instructions() const override {
    return "sm_" + std::to_string(stream_.device().major) + std::to_string(stream_.device().minor);
  }
  std::int64_t memory_bytes() const override { return memory_bytes_; }

 private:
  Result<double> read_once();

  Stream stream_;
  int device_;
  DeviceArray<std::uint32_t> buffer_, sums_;
  DeviceView<std::uint32_t> words_;
  std::int64_t memory_bytes_ = 0;
};

// GB/s of one pass.
Result<double> Gpu::read_once() {
  const DeviceView<std::uint32_t> sums = sums_.vector(stream_, sums_.capacity());
  DeviceTimer timer(stream_);
  timer.start();
  sum_words(stream_, words_, sums);
  const double ms = timer.stop_ms();
  std::vector<std::uint32_t> parts(static_cast<std::size_t>(sums.size()));
  stream_.download(parts.data(), sums);
  SQUEEZE_TRY(stream_.finish());
  const std::uint32_t total = std::accumulate(parts.begin(), parts.end(), std::uint32_t{0});
  if (total != static_cast<std::uint32_t>(words_.size()) * kWord)
    return Error{.code = ErrorCode::kInternal, .message = "The GPU did not read back what was written to its memory."};
  return static_cast<double>(words_.size()) * 4 / ms * 1e-6;
}

// As on the processor the fastest of some passes, since others may be at work on the GPU.
Result<MeasuredBandwidth> Gpu::read_bandwidth() {
  stream_.enter();
  MeasuredBandwidth fastest;
  for (int pass = 0; pass < kPasses; ++pass) {
    SQUEEZE_ASSIGN(const double found, read_once());
    fastest.all = std::max(fastest.all, found);
  }
  return fastest;
}

}  // namespace

Result<std::unique_ptr<BenchmarkMachine>> make_device_machine(int device) {
  SQUEEZE_ASSIGN(Stream stream, Stream::make(device));
  auto gpu = std::make_unique<Gpu>(std::move(stream), device);
  SQUEEZE_TRY(gpu->take_memory());
  return std::unique_ptr<BenchmarkMachine>(std::move(gpu));
}

}  // namespace squeeze
