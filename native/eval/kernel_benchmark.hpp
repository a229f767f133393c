#pragma once
// Products of one matrix with few tokens, as in generating text: time against the machine's read bandwidth, out of
// cache. A product is checked against the dequantized matrix before it is timed.

#include <cstdint>
#include <string>
#include <vector>

#include "base/bandwidth.hpp"
#include "base/progress.hpp"
#include "formats/synthetic.hpp"

namespace squeeze {

struct KernelCase {
  std::int64_t rows = 0, cols = 0;
  SyntheticLayout layout = {};
};

struct KernelPlan {
  std::vector<std::int64_t> tokens = {};  // each at most kMaxDecodeTokens
  std::int64_t rounds = 5;
  DecodePath path = {};
};

// Each list has an entry for every round.
struct KernelTimes {
  std::int64_t tokens = 0;
  double relative_error = 0;  // of check_product
  std::vector<double> product_ms = {};
};

struct KernelCaseTimes {
  std::int64_t weight_bytes = 0;  // as the product reads them
  std::vector<KernelTimes> kernels = {};
  std::vector<double> all_threads = {}, one_thread = {};  // GB/s read from memory
};

// ‖y − reference‖ / ‖reference‖ of y = x Wᵀ by multiply_few of `weight`, the reference in fp64 from the dequantized
// rows of `stored`. kInternal where that is more than rounding on this path may cost.
Result<double> check_product(const LinearWeight& weight, const LinearWeight& stored, MatrixView<const float> x,
                             const DecodePath& path);

// Cycles over as many different copies of the matrix as do not fit into any cache. Fails, naming the case, where a
// product is wrong.
Result<KernelCaseTimes> benchmark_kernels(const KernelCase& shape, const KernelPlan& plan, const ReadBandwidth& memory,
                                          RunContext& context);

// "4096 × 11008, 3 bits + 0.45%"
std::string text_of(const KernelCase& shape);

}  // namespace squeeze
