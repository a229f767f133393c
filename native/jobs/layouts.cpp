#include "jobs/layouts.hpp"

namespace squeeze {

namespace {

Error invalid(const std::string& field, const std::string& what) {
  return {.code = ErrorCode::kInvalidRequest, .message = "params." + field + ": " + what + "."};
}

Simd simd_of(contract::Simd simd) {
  switch (simd) {
    case contract::Simd::kAuto:
      return best_simd();
    case contract::Simd::kAvx512:
      return Simd::kAvx512;
    case contract::Simd::kAvx2:
      return Simd::kAvx2;
    case contract::Simd::kPortable:
      break;
  }
  return Simd::kPortable;
}

}  // namespace

Result<SyntheticLayout> layout_of(const contract::StoredLayout& layout, const std::string& field) {
  if (layout.type == contract::StoredType::kLut) {
    if (!layout.bits) return invalid(field + ".bits", "a codebook needs the bits of its indices");
    return SyntheticLayout{
        .type = SyntheticType::kLut, .bits = static_cast<int>(*layout.bits), .sparsity = layout.sparsity};
  }
  if (layout.bits) return invalid(field + ".bits", "dense weights have no indices");
  if (layout.sparsity > 0) return invalid(field + ".sparsity", "dense weights have none kept apart");
  const bool bfloat16 = layout.type == contract::StoredType::kBf16;
  return SyntheticLayout{.type = bfloat16 ? SyntheticType::kBF16 : SyntheticType::kF16};
}

Result<DecodePath> path_of(contract::Simd simd, contract::Arithmetic arithmetic) {
  const DecodePath path{.simd = simd_of(simd), .int16 = arithmetic == contract::Arithmetic::kInt16};
  if (path.simd > best_simd())
    return invalid("simd", "this processor has no " + std::string(name_of(path.simd)) + "; the widest it has is " +
                               name_of(best_simd()));
  return path;
}

}  // namespace squeeze
