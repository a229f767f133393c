#include <cassert>

#include "ops/half/half_cuda.hpp"
#include "ops/pack_kernel.hpp"

namespace squeeze {

namespace {

template <typename To>
__device__ __forceinline__ To saturated(float value) {
  if constexpr (std::is_same_v<To, Half>)
    if (value == value) value = fminf(fmaxf(value, -65504.0f), 65504.0f);  // fmaxf would lose a NaN
  return from_float<To>(value);
}

template <typename From, typename To>
struct Convert {
  __device__ To operator()(From x) const { return saturated<To>(as_float(x)); }
};

template <typename To>
struct Square {
  __device__ To operator()(float x) const {
    const float product = x * x;
    if constexpr (std::is_same_v<To, float>) {
      return product;
    } else {
      // Two roundings in a row can miss a tie, unless the first marks in its last bit that it was not exact ("round to
      // odd"): cut off instead of rounded, then the bit set.
      const float missed = __fmaf_rn(x, x, -product);
      unsigned bits = __float_as_uint(product);
      if (missed < 0) --bits;
      if (missed != 0 && product < INFINITY) bits |= 1u;
      return saturated<To>(__uint_as_float(bits));
    }
  }
};

}  // namespace

template <typename From, typename To>
void convert(Stream& stream, DeviceView<const From> x, DeviceView<To> y) {
  assert(x.size() == y.size());
  map(stream, Convert<From, To>{}, x.size(), y.data, x.data);
}
template void convert(Stream&, DeviceView<const float>, DeviceView<Half>);
template void convert(Stream&, DeviceView<const float>, DeviceView<BFloat16>);
template void convert(Stream&, DeviceView<const Half>, DeviceView<float>);
template void convert(Stream&, DeviceView<const Half>, DeviceView<BFloat16>);
template void convert(Stream&, DeviceView<const BFloat16>, DeviceView<float>);
template void convert(Stream&, DeviceView<const BFloat16>, DeviceView<Half>);

template <typename To>
void square(Stream& stream, DeviceView<const float> x, DeviceView<To> y) {
  assert(x.size() == y.size());
  map(stream, Square<To>{}, x.size(), y.data, x.data);
}
template void square(Stream&, DeviceView<const float>, DeviceView<float>);
template void square(Stream&, DeviceView<const float>, DeviceView<Half>);
template void square(Stream&, DeviceView<const float>, DeviceView<BFloat16>);

}  // namespace squeeze
