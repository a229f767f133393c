#include "base/bandwidth.hpp"
#include "base/threads.hpp"
#include "eval/benchmark_machine.hpp"
#include "eval/cpu_reader.hpp"

namespace squeeze {

namespace {

class Processor final : public BenchmarkMachine {
 public:
  Processor(const DecodePath& path, std::int64_t memory_bytes) : path_(path), memory_bytes_(memory_bytes) {}

  Result<std::unique_ptr<TextReader>> reader(const std::shared_ptr<const Model>& model, std::int64_t context) override {
    return make_cpu_reader(model, {.context = context, .path = path_});
  }
  Result<MeasuredBandwidth> read_bandwidth() override {
    return MeasuredBandwidth{.all = memory_.measure(thread_count()), .one_thread = memory_.measure(1)};
  }
  std::string instructions() const override { return name_of(path_.simd); }
  std::int64_t memory_bytes() const override { return memory_bytes_ - ReadBandwidth::kBytes; }

 private:
  DecodePath path_;
  std::int64_t memory_bytes_;
  ReadBandwidth memory_;
};

}  // namespace

std::unique_ptr<BenchmarkMachine> processor_machine(const DecodePath& path, std::int64_t memory_bytes) {
  return std::make_unique<Processor>(path, memory_bytes);
}

}  // namespace squeeze
