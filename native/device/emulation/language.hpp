#pragma once
// The language of kernels for a compiler that does not know it: threads of a block are fibers that take turns, and
// switch at barriers and warp exchanges only. Correct, not fast. Turns and blocks come in an order drawn at random
// (order.hpp), so that what relies on one shows. What a GPU would not forgive ends the program with a message: a
// barrier that not all threads reach, an address that is not aligned, a launch beyond the limits, or one that does not
// wait for the launch before. Not seen: what blocks that run at once do to each other, and statics of shared memory
// that are read before they are written (they keep what the last block left there).

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>

#include "base/half.hpp"
#include "device/emulation/order.hpp"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__
#define __launch_bounds__(...)
#define __grid_constant__
#define __shared__ static
#define __constant__ static

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
};
struct float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct alignas(8) int2 {
  int x, y;
};
struct alignas(16) int4 {
  int x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }

namespace squeeze::emulation {

struct Place {
  dim3 thread, block;
};
extern Place place;  // of the thread that runs
extern dim3 block_size, grid_size;

inline constexpr std::int64_t kSharedBytes = 99 << 10;  // that a block can ask for

struct Launched {
  dim3 grid, block;
  std::int64_t shared_bytes;
  bool early;  // every thread calls wait_for_previous()
};
// Runs body once for each thread of each block, block after block. By one thread of the host at a time.
void run(const Launched& how, const std::function<void()>& body);
unsigned char* shared_memory();
void block_barrier();
void note_wait();
void check_alignment(const void* at, std::size_t bytes);
inline void touch(const void* at) { static_cast<void>(*static_cast<const volatile unsigned char*>(at)); }
int lane();
// Every lane of `mask` gives `size` <= 64 bytes; when all have, each sees those of all 32 (of lanes outside the mask:
// anything), until its next exchange.
const unsigned char* exchange(unsigned mask, const void* value, std::size_t size);
inline constexpr std::size_t kExchangeStride = 64;
// Copies (from null: zeros) that happen when they are waited for and no sooner, so that a wait that is
// missing shows.
void copy_later(void* to, const void* from, std::size_t bytes);
void end_copies();  // of one group
void finish_copies(std::size_t groups_left);

template <typename T>
T from_lane(const unsigned char* all, int lane) {
  T value;
  std::memcpy(&value, all + static_cast<std::size_t>(lane) * kExchangeStride, sizeof(T));
  return value;
}

}  // namespace squeeze::emulation

#define threadIdx (::squeeze::emulation::place.thread)
#define blockIdx (::squeeze::emulation::place.block)
#define blockDim (::squeeze::emulation::block_size)
#define gridDim (::squeeze::emulation::grid_size)

inline void __syncthreads(std::source_location where = std::source_location::current()) {
  if (!squeeze::emulation::left_out(where)) squeeze::emulation::block_barrier();
}
inline int __syncthreads_or(int predicate) {
  static int any = 0;
  __syncthreads();
  any = 0;
  __syncthreads();
  any |= predicate;
  __syncthreads();
  return any;
}
inline void __syncwarp(unsigned mask = 0xffffffffu, std::source_location where = std::source_location::current()) {
  if (squeeze::emulation::left_out(where)) return;
  const int nothing = 0;
  squeeze::emulation::exchange(mask, &nothing, sizeof nothing);
}
inline void __threadfence() {}
inline void __threadfence_block() {}

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32) {
  const int base = squeeze::emulation::lane() / width * width;
  return squeeze::emulation::from_lane<T>(squeeze::emulation::exchange(mask, &value, sizeof value),
                                          base + source % width);
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int step, int width = 32) {
  const int own = squeeze::emulation::lane(), other = own ^ step;
  const auto* all = squeeze::emulation::exchange(mask, &value, sizeof value);
  return other / width > own / width ? value : squeeze::emulation::from_lane<T>(all, other);
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned step, int width = 32) {
  const int own = squeeze::emulation::lane(), other = own + static_cast<int>(step);
  const auto* all = squeeze::emulation::exchange(mask, &value, sizeof value);
  return other / width != own / width ? value : squeeze::emulation::from_lane<T>(all, other);
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned step, int width = 32) {
  const int own = squeeze::emulation::lane(), other = own - static_cast<int>(step);
  const auto* all = squeeze::emulation::exchange(mask, &value, sizeof value);
  return other < own / width * width ? value : squeeze::emulation::from_lane<T>(all, other);
}
inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const auto* all = squeeze::emulation::exchange(mask, &predicate, sizeof predicate);
  unsigned votes = 0;
  for (int l = 0; l < 32; ++l)
    if ((mask >> l & 1u) && squeeze::emulation::from_lane<int>(all, l) != 0) votes |= 1u << l;
  return votes;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }
inline unsigned __activemask() { return 0xffffffffu; }

template <typename T>
T atomicAdd(T* at, T value) {
  const T before = *at;
  *at = before + value;
  return before;
}
template <typename T>
T atomicMax(T* at, T value) {
  const T before = *at;
  if (value > before) *at = value;
  return before;
}
template <typename T>
T atomicMin(T* at, T value) {
  const T before = *at;
  if (value < before) *at = value;
  return before;
}
template <typename T>
T atomicOr(T* at, T value) {
  const T before = *at;
  *at = before | value;
  return before;
}
template <typename T>
T atomicExch(T* at, T value) {
  const T before = *at;
  *at = value;
  return before;
}
template <typename T>
T atomicCAS(T* at, T compare, T value) {
  const T before = *at;
  if (before == compare) *at = value;
  return before;
}

template <typename T>
T __ldg(const T* at) {
  return *at;
}
template <typename T>
T __ldcs(const T* at) {
  return *at;
}
template <typename T>
T __ldcg(const T* at) {
  return *at;
}
template <typename T>
void __stcs(T* at, T value) {
  *at = value;
}

inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline float __int_as_float(int bits) { return std::bit_cast<float>(bits); }
inline int __float_as_int(float value) { return std::bit_cast<int>(value); }
inline double __longlong_as_double(long long bits) { return std::bit_cast<double>(bits); }
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }
inline int __float2int_rn(float x) { return static_cast<int>(std::nearbyint(x)); }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dsub_rn(double a, double b) { return a - b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline unsigned long long __double2ull_rn(double x) {
  if (!(x < 0x1p64)) return x != x ? 1ull << 63 : ~0ull;
  return x > 0 ? static_cast<unsigned long long>(std::nearbyint(x)) : 0;
}
inline unsigned long long __double2ull_ru(double x) { return __double2ull_rn(std::ceil(x)); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ typedef unsigned __int128 Wide;
  return static_cast<unsigned long long>(static_cast<Wide>(a) * b >> 64);
}
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __clz(unsigned x) { return std::countl_zero(x); }
inline int __ffs(unsigned x) { return x == 0 ? 0 : std::countr_zero(x) + 1; }
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const std::uint64_t both = static_cast<std::uint64_t>(b) << 32 | a;
  unsigned out = 0;
  for (int i = 0; i < 4; ++i) {
    const unsigned select = selector >> (4 * i) & 0xfu;
    unsigned byte = static_cast<unsigned>(both >> (8 * (select & 7u))) & 0xffu;
    if (select & 8u) byte = byte & 0x80u ? 0xffu : 0u;
    out |= byte << (8 * i);
  }
  return out;
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((static_cast<std::uint64_t>(high) << 32 | low) >> (shift & 31u));
}
inline unsigned __vadd2(unsigned a, unsigned b) { return ((a + b) & 0xffffu) | (((a >> 16) + (b >> 16)) << 16); }
template <typename T>
T min(T a, T b) {
  return b < a ? b : a;
}
template <typename T>
T max(T a, T b) {
  return a < b ? b : a;
}

// --- 16-bit floats. A result of one operation is rounded once.
struct __half {
  std::uint16_t bits;
};
struct __half2 {
  __half x, y;
};
struct __nv_bfloat16 {
  std::uint16_t bits;
};
struct __nv_bfloat162 {
  __nv_bfloat16 x, y;
};
using half = __half;
using half2 = __half2;

inline float __half2float(__half h) { return squeeze::to_float(squeeze::Half{h.bits}); }
inline __half __float2half_rn(float f) { return {squeeze::to_half(f).bits}; }
inline __half __float2half(float f) { return __float2half_rn(f); }
inline __half __ushort_as_half(unsigned short bits) { return {bits}; }
inline unsigned short __half_as_ushort(__half h) { return h.bits; }
inline __half2 __halves2half2(__half x, __half y) { return {x, y}; }
inline __half2 __half2half2(__half x) { return {x, x}; }
inline __half2 __float2half2_rn(float f) { return __half2half2(__float2half_rn(f)); }
inline __half2 __floats2half2_rn(float x, float y) { return {__float2half_rn(x), __float2half_rn(y)}; }
inline __half2 __float22half2_rn(float2 f) { return __floats2half2_rn(f.x, f.y); }
inline float2 __half22float2(__half2 h) { return {__half2float(h.x), __half2float(h.y)}; }
inline float __low2float(__half2 h) { return __half2float(h.x); }
inline float __high2float(__half2 h) { return __half2float(h.y); }
inline __half __low2half(__half2 h) { return h.x; }
inline __half __high2half(__half2 h) { return h.y; }
inline __half __hadd(__half a, __half b) { return __float2half_rn(__half2float(a) + __half2float(b)); }
inline __half __hmul(__half a, __half b) { return __float2half_rn(__half2float(a) * __half2float(b)); }
inline __half __hfma(__half a, __half b, __half c) {
  // The product is exact in fp32; the sum is made in fp64, so that only the last step rounds (to fp32, then fp16).
  const double sum = static_cast<double>(__half2float(a) * __half2float(b)) + static_cast<double>(__half2float(c));
  return __float2half_rn(static_cast<float>(sum));
}
inline __half2 __hadd2(__half2 a, __half2 b) { return {__hadd(a.x, b.x), __hadd(a.y, b.y)}; }
inline __half2 __hmul2(__half2 a, __half2 b) { return {__hmul(a.x, b.x), __hmul(a.y, b.y)}; }
inline __half2 __hfma2(__half2 a, __half2 b, __half2 c) { return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)}; }

inline float __bfloat162float(__nv_bfloat16 b) { return squeeze::to_float(squeeze::BFloat16{b.bits}); }
inline __nv_bfloat16 __float2bfloat16_rn(float f) { return {squeeze::to_bfloat16(f).bits}; }
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) { return {bits}; }
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 b) { return b.bits; }
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
  return {__float2bfloat16_rn(x), __float2bfloat16_rn(y)};
}
inline float2 __bfloat1622float2(__nv_bfloat162 b) { return {__bfloat162float(b.x), __bfloat162float(b.y)}; }

namespace squeeze {

template <typename T>
T* dynamic_shared() {
  return reinterpret_cast<T*>(emulation::shared_memory());
}

inline unsigned permute_bytes(unsigned a, unsigned b, unsigned selector) { return __byte_perm(a, b, selector); }

template <typename T>
T load_once(const T* at) {
  emulation::check_alignment(at, sizeof(T));
  return *at;
}

inline void prefetch_line(const void* at) { emulation::touch(at); }
inline void prefetch_bytes(const void* at, unsigned bytes) {
  emulation::check_alignment(at, 16);
  if (bytes > 0) emulation::touch(static_cast<const unsigned char*>(at) + bytes - 1);
}

inline void wait_for_previous() { emulation::note_wait(); }
inline void let_next_begin() {}

inline void copy_async_16(void* shared, const void* global) { emulation::copy_later(shared, global, 16); }
template <int Bytes>
void copy_async_or_zero(void* shared, const void* global, bool there) {
  emulation::copy_later(shared, there ? global : nullptr, Bytes);
}
inline void copy_async_commit() { emulation::end_copies(); }
template <int Left>
void copy_async_wait(std::source_location where = std::source_location::current()) {
  if (!emulation::left_out(where)) emulation::finish_copies(Left);
}

template <typename T>
void mma_m16n8k16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  struct Fragments {
    unsigned a[4], b[2];
  } own;
  std::memcpy(own.a, a, sizeof own.a);
  std::memcpy(own.b, b, sizeof own.b);
  const auto* all = emulation::exchange(0xffffffffu, &own, sizeof own);
  const auto half_of = [](unsigned word, int which) {
    return to_float(T{static_cast<std::uint16_t>(word >> (16 * which))});
  };
  // Row g + 8·(i % 2) and column 2t + 8·(i / 2) + h of a are half h of register i in lane 4g + t; row 2t + 8i + h and
  // column g of b likewise; row g + 8·(i / 2), column 2t + i % 2 of d is register i.
  const auto at_a = [&](int row, int k) {
    const auto f = emulation::from_lane<Fragments>(all, row % 8 * 4 + k % 8 / 2);
    return half_of(f.a[k / 8 * 2 + row / 8], k % 2);
  };
  const auto at_b = [&](int k, int col) {
    const auto f = emulation::from_lane<Fragments>(all, col * 4 + k % 8 / 2);
    return half_of(f.b[k / 8], k % 2);
  };
  const int g = emulation::lane() / 4, t = emulation::lane() % 4;
  for (int i = 0; i < 4; ++i) {
    float sum = d[i];
    for (int k = 0; k < 16; ++k) sum += at_a(g + i / 2 * 8, k) * at_b(k, 2 * t + i % 2);
    d[i] = sum;
  }
}

inline void mma_m16n8k32(int (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  struct Fragments {
    unsigned a[4], b[2];
  } own;
  std::memcpy(own.a, a, sizeof own.a);
  std::memcpy(own.b, b, sizeof own.b);
  const auto* all = emulation::exchange(0xffffffffu, &own, sizeof own);
  const auto byte_of = [](unsigned word, int which) {
    return static_cast<int>(static_cast<std::int8_t>(word >> (8 * which)));
  };
  // As for 16 bits, with four values a register instead of two.
  const int g = emulation::lane() / 4, t = emulation::lane() % 4;
  for (int i = 0; i < 4; ++i) {
    const int row = g + i / 2 * 8, col = 2 * t + i % 2;
    for (int k = 0; k < 32; ++k) {
      const auto of_a = emulation::from_lane<Fragments>(all, row % 8 * 4 + k % 16 / 4);
      const auto of_b = emulation::from_lane<Fragments>(all, col * 4 + k % 16 / 4);
      d[i] += byte_of(of_a.a[k / 16 * 2 + row / 8], k % 4) * byte_of(of_b.b[k / 16], k % 4);
    }
  }
}

inline void load_matrix(unsigned (&d)[4], const void* row, bool transposed) {
  emulation::check_alignment(row, 16);
  const auto* all = emulation::exchange(0xffffffffu, &row, sizeof row);
  const int g = emulation::lane() / 4, t = emulation::lane() % 4;
  for (int m = 0; m < 4; ++m) {
    const auto value = [&](int r, int c) {
      return static_cast<unsigned>(emulation::from_lane<const std::uint16_t*>(all, m * 8 + r)[c]);
    };
    d[m] = transposed ? value(2 * t, g) | value(2 * t + 1, g) << 16 : value(g, 2 * t) | value(g, 2 * t + 1) << 16;
  }
  __syncwarp();  // the rows may be overwritten once all have read
}
inline void load_matrix_x4(unsigned (&d)[4], const void* row) { load_matrix(d, row, false); }
inline void load_matrix_x4_transposed(unsigned (&d)[4], const void* row) { load_matrix(d, row, true); }

}  // namespace squeeze
