#pragma once
// Reading text on the processor.

#include <memory>

#include "archs/model.hpp"
#include "eval/text_reader.hpp"
#include "ops/matmul/precision.hpp"

namespace squeeze {

struct CpuReaderOptions {
  std::int64_t context = 0;
  DecodePath path = {};
  Precision prompt = fastest_precision();  // of a prompt's matrix products
};

// Weights whose layout has a form for products with few vectors are copied into it; the model's files are then let go
// of.
Result<std::unique_ptr<TextReader>> make_cpu_reader(std::shared_ptr<const Model> model,
                                                    const CpuReaderOptions& options);

}  // namespace squeeze
