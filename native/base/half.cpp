#include "base/half.hpp"

#include "base/simd.hpp"

namespace squeeze {

SQUEEZE_HOT void round_to_bfloat16(const float* in, BFloat16* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = to_bfloat16(in[i]);
}

}  // namespace squeeze
