#include "methods/method.hpp"

#include <string_view>

namespace squeeze {

const Method* method_named(std::string_view id) {
  for (const Method* method : all_methods())
    if (id == method->id) return method;
  return nullptr;
}

Result<std::vector<MatrixOutput>> quantize_in_ways(const Method& method, const MatrixInput& input,
                                                   std::span<const MatrixRequest> ways, RunContext& context) {
  if (method.quantize_several) return method.quantize_several(input, ways, context);
  std::vector<MatrixOutput> outputs;
  for (const MatrixRequest& way : ways) {
    SQUEEZE_ASSIGN(MatrixOutput output, method.quantize(input, way.options, *way.prepared, context));
    outputs.push_back(std::move(output));
  }
  return outputs;
}

}  // namespace squeeze
