#pragma once
// For kernels that work element by element: several neighbours at a time where sizes and addresses allow it.

#include "device/kernel.hpp"

namespace squeeze {

// Width neighbours, read and written at once.
template <typename T, int Width>
struct alignas(Width * sizeof(T)) Pack {
  T at[Width];
};

template <int Width, typename T>
__device__ __forceinline__ Pack<T, Width> load_pack(const T* from) {
  return *reinterpret_cast<const Pack<T, Width>*>(from);
}
template <typename T, int Width>
__device__ __forceinline__ void store_pack(T* to, const Pack<T, Width>& values) {
  *reinterpret_cast<Pack<T, Width>*>(to) = values;
}

// Whether packs of four can start at all these addresses.
template <typename... T>
bool fit_fours(const T*... at) {
  return ((reinterpret_cast<std::uintptr_t>(at) % (4 * sizeof(T)) == 0) && ...);
}

inline constexpr unsigned kMapThreads = 256;

// out[i] = f(in[i]...), a thread for each pack; what is left over at the end goes one by one.
template <int Width, typename F, typename Out, typename... In>
__global__ void map_kernel(F f, std::int64_t count, Out* out, const In*... in) {
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * kMapThreads + threadIdx.x) * Width;
  if (first + Width <= count) {
    Pack<Out, Width> result;
    const auto apply = [&](const auto&... values) {
#pragma unroll
      for (int i = 0; i < Width; ++i) result.at[i] = f(values.at[i]...);
    };
    apply(load_pack<Width>(in + first)...);
    store_pack(out + first, result);
  } else {
    for (std::int64_t i = first; i < count; ++i) out[i] = f(in[i]...);
  }
}

// out may be one of the inputs. `F` is a struct that is called on the device.
template <typename F, typename Out, typename... In>
void map(Stream& stream, F f, std::int64_t count, Out* out, const In*... in) {
  if (fit_fours(out, in...))
    launch(stream, {.grid = {blocks_for(count, 4 * kMapThreads)}, .block = {kMapThreads}}, map_kernel<4, F, Out, In...>,
           f, count, out, in...);
  else
    launch(stream, {.grid = {blocks_for(count, kMapThreads)}, .block = {kMapThreads}}, map_kernel<1, F, Out, In...>, f,
           count, out, in...);
}

}  // namespace squeeze
