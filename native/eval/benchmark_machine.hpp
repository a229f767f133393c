#pragma once
// Where models are measured: on the processor, or on a GPU (device_benchmark.hpp).

#include <memory>
#include <optional>
#include <string>

#include "archs/model.hpp"
#include "eval/text_reader.hpp"
#include "formats/format.hpp"

namespace squeeze {

// GB/s (10⁹ bytes) read from memory, out of cache.
struct MeasuredBandwidth {
  double all = 0;                         // all threads together, or the whole GPU
  std::optional<double> one_thread = {};  // where a thread is something that can be measured
};

class BenchmarkMachine {
 public:
  virtual ~BenchmarkMachine() = default;
  // The model with a cache for `context` tokens.
  virtual Result<std::unique_ptr<TextReader>> reader(const std::shared_ptr<const Model>& model,
                                                     std::int64_t context) = 0;
  virtual Result<MeasuredBandwidth> read_bandwidth() = 0;
  virtual std::string instructions() const = 0;  // "avx2", "sm_90"
  // What models and all that they need can be given.
  virtual std::int64_t memory_bytes() const = 0;
};

// All threads that thread_count() says; products with few tokens compute as `path` says. `memory_bytes`: the machine's.
std::unique_ptr<BenchmarkMachine> processor_machine(const DecodePath& path, std::int64_t memory_bytes);

}  // namespace squeeze
