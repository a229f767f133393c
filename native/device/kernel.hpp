#pragma once
// What a file with kernels includes, and nothing else of CUDA: the language of kernels, from nvcc or from the
// emulation. A kernel uses threadIdx and so on as ever; shared memory of dynamic size is dynamic_shared<T>(); a launch
// is launch(stream, {.grid = , .block = , .shared = }, kernel, arguments...).

#if defined(__CUDACC__)
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <type_traits>
#else
#include "device/emulation/language.hpp"
#endif

#include "base/half.hpp"
#include "device/device.hpp"

namespace squeeze {

struct Launch {
  dim3 grid = {1, 1, 1}, block = {1, 1, 1};
  std::int64_t shared = 0;  // bytes of dynamic shared memory
  // May begin while the kernel before it ends: it calls wait_for_previous() before it reads what that one wrote, or
  // writes what that one reads.
  bool early = false;
  std::source_location where = std::source_location::current();
};

inline unsigned blocks_for(std::int64_t work, std::int64_t each) {
  return static_cast<unsigned>((work + each - 1) / each);
}

// --- 16-bit floats of the host's headers, inside kernels

__device__ __forceinline__ float as_float(float value) { return value; }
__device__ __forceinline__ float as_float(Half value) { return __half2float(__ushort_as_half(value.bits)); }
__device__ __forceinline__ float as_float(BFloat16 value) {
  return __uint_as_float(static_cast<unsigned>(value.bits) << 16);
}
template <typename T>
__device__ __forceinline__ T from_float(float value) {
  if constexpr (std::is_same_v<T, Half>) {
    return Half{__half_as_ushort(__float2half_rn(value))};
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return BFloat16{__bfloat16_as_ushort(__float2bfloat16_rn(value))};
  } else {
    return value;
  }
}

// --- sums and maxima over a warp and over a block (of whole warps), in every thread; a fixed order

constexpr unsigned kWholeWarp = 0xffffffffu;

template <typename T>
__device__ __forceinline__ T warp_sum(T value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(kWholeWarp, value, step);
  return value;
}

template <typename T>
__device__ __forceinline__ T warp_max(T value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    const T other = __shfl_xor_sync(kWholeWarp, value, step);
    value = other > value || other != other ? other : value;  // NaN wins
  }
  return value;
}

// `room`: 32 values of shared memory. Every thread of the block calls it; room can be used again at once.
template <typename T, typename Reduce>
__device__ __forceinline__ T block_reduce(T value, T* room, T neutral, Reduce&& reduce) {
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  value = reduce(value);
  __syncthreads();
  if (lane == 0) room[warp] = value;
  __syncthreads();
  return reduce(lane < static_cast<int>((blockDim.x + 31) / 32) ? room[lane] : neutral);
}
template <typename T>
__device__ __forceinline__ T block_sum(T value, T* room) {
  return block_reduce(value, room, T(0), [](T v) { return warp_sum(v); });
}
template <typename T>
__device__ __forceinline__ T block_max(T value, T* room) {
  return block_reduce(value, room, value, [](T v) { return warp_max(v); });
}

#if defined(__CUDACC__)

template <typename T>
__device__ __forceinline__ T* dynamic_shared() {
  extern __shared__ __align__(128) unsigned char squeeze_dynamic_shared[];
  return reinterpret_cast<T*>(squeeze_dynamic_shared);
}

// 16 bytes from global to shared memory, both aligned to 16, without a register between.
__device__ __forceinline__ void copy_async_16(void* shared, const void* global) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(address), "l"(global) : "memory");
}
// The same of Bytes (4, or 16 as above), or zeros without reading anything where there is nothing. 16 bytes ask L2 for
// the whole line of 128.
template <int Bytes>
__device__ __forceinline__ void copy_async_or_zero(void* shared, const void* global, bool there) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int size = there ? Bytes : 0;
  if constexpr (Bytes == 16) {
    asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;\n" ::"r"(address), "l"(global), "r"(size)
                 : "memory");
  } else {
    static_assert(Bytes == 4);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;\n" ::"r"(address), "l"(global), "r"(size) : "memory");
  }
}
__device__ __forceinline__ void copy_async_commit() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }
// Until at most `Left` of the thread's committed groups are under way.
template <int Left>
__device__ __forceinline__ void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;\n" ::"n"(Left) : "memory");
}

// prmt: byte i of the result is byte (nibble i of the selector) of b:a. Unlike __byte_perm, selectors are not masked,
// so they are to be below 8: the fourth bit would ask for copies of a byte's sign.
__device__ __forceinline__ unsigned permute_bytes(unsigned a, unsigned b, unsigned selector) {
  unsigned d;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(selector));
  return d;
}

// Read once, by one multiprocessor: passes by its cache. Memory that no kernel under way writes.
__device__ __forceinline__ uint4 load_once(const uint4* at) {
  uint4 v;
  asm("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
      : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
      : "l"(at));
  return v;
}
__device__ __forceinline__ uint2 load_once(const uint2* at) {
  uint2 v;
  asm("ld.global.nc.L1::no_allocate.v2.u32 {%0,%1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(at));
  return v;
}

// Asks L2 for what will be read later: the line at an address, and, on GPUs that can (sm_90 on), whole bytes % 16 == 0
// from an address on 16, at the price of one instruction of one thread.
__device__ __forceinline__ void prefetch_line(const void* at) { asm volatile("prefetch.global.L2 [%0];\n" ::"l"(at)); }
__device__ __forceinline__ void prefetch_bytes(const void* at, unsigned bytes) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;\n" ::"l"(at), "r"(bytes) : "memory");
#endif
}

// d[16×8] += a[16×16] b[16×8] of a warp, fp32 sums; fragments as in PTX's mma.m16n8k16. `T`: Half or BFloat16.
template <typename T>
__device__ __forceinline__ void mma_m16n8k16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  if constexpr (std::is_same_v<T, Half>) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  } else {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  }
}

// d[16×8] += a[16×32] b[32×8] of signed bytes, exact; fragments as in PTX's mma.m16n8k32.
__device__ __forceinline__ void mma_m16n8k32(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};\n"
               : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four 8×8 matrices of 16-bit values from shared memory; lane l gives the address of row l % 8 of matrix l / 8.
__device__ __forceinline__ void load_matrix_x4(unsigned (&d)[4], const void* row) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(address));
}
__device__ __forceinline__ void load_matrix_x4_transposed(unsigned (&d)[4], const void* row) {
  const unsigned address = static_cast<unsigned>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];\n"
               : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
               : "r"(address));
}

// See Launch::early; GPUs before sm_90 know no such thing.
__device__ __forceinline__ void wait_for_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;\n" ::: "memory");
#endif
}
// From here on the next kernel may take the room that blocks of this one leave.
__device__ __forceinline__ void let_next_begin() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;\n" ::: "memory");
#endif
}

// Arguments are converted to the kernel's parameters. Nothing happens on a stream that has failed.
template <typename... Parameters, typename... Arguments>
void launch(Stream& stream, const Launch& how, void (*kernel)(Parameters...), Arguments&&... arguments) {
  if (stream.failed() || how.grid.x == 0 || how.grid.y == 0 || how.grid.z == 0) return;
  const auto* function = reinterpret_cast<const void*>(kernel);
  const bool is_early = stream.prepare(function, how.shared, how.early, how.where);
  if (stream.failed()) return;
  std::tuple<std::remove_cv_t<Parameters>...> values(static_cast<Parameters>(arguments)...);
  cudaLaunchAttribute early = {};
  early.id = cudaLaunchAttributeProgrammaticStreamSerialization;
  early.val.programmaticStreamSerializationAllowed = 1;
  cudaLaunchConfig_t config = {};
  config.gridDim = how.grid;
  config.blockDim = how.block;
  config.dynamicSmemBytes = static_cast<std::size_t>(how.shared);
  config.stream = static_cast<cudaStream_t>(stream.handle());
  config.attrs = &early;
  config.numAttrs = is_early ? 1 : 0;
  std::apply(
      [&](auto&... value) {
        void* pointers[] = {const_cast<void*>(static_cast<const void*>(&value))..., nullptr};
        stream.check_launch(cudaLaunchKernelExC(&config, function, pointers), how.where);
      },
      values);
}

#else

template <typename... Parameters, typename... Arguments>
void launch(Stream& stream, const Launch& how, void (*kernel)(Parameters...), Arguments&&... arguments) {
  if (stream.failed() || how.grid.x == 0 || how.grid.y == 0 || how.grid.z == 0) return;
  stream.hand_in(
      [how, kernel, values = std::tuple<std::remove_cv_t<Parameters>...>(static_cast<Parameters>(arguments)...)] {
        emulation::run({how.grid, how.block, how.shared, how.early}, [&] { std::apply(kernel, values); });
      });
}

#endif

}  // namespace squeeze
