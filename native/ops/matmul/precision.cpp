#include "ops/matmul/precision.hpp"

#include <oneapi/dnnl/dnnl.h>

namespace squeeze {

const char* name_of(Precision precision) { return precision == Precision::kBFloat16 ? "bf16" : "fp32"; }

Precision fastest_precision() {
#if defined(__x86_64__)
  // Asked of the library rather than of the processor: DNNL_MAX_CPU_ISA may have told it to do without.
  constexpr int wanted = dnnl_cpu_isa_avx512_core_bf16;
  return (dnnl_get_effective_cpu_isa() & wanted) == wanted ? Precision::kBFloat16 : Precision::kFloat32;
#else
  return Precision::kFloat32;
#endif
}

Result<void> check_supported(Precision precision) {
  if (precision == Precision::kFloat32 || fastest_precision() == precision) return {};
  return Error{.code = ErrorCode::kDeviceUnavailable,
               .message = "This processor does not multiply bf16 itself (AVX512_BF16).",
               .hint = "Choose fp32."};
}

}  // namespace squeeze
