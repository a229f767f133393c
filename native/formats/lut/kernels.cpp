#include "formats/lut/kernels.hpp"

namespace squeeze {

LutKernels lut_kernels(Simd simd, [[maybe_unused]] int bits) {
#if defined(SQUEEZE_X86_KERNELS)
  if (simd == Simd::kAvx512) return lut_kernels_avx512(bits);
  if (simd == Simd::kAvx2) return lut_kernels_avx2(bits);
#endif
  static_cast<void>(simd);
  return {};
}

}  // namespace squeeze
