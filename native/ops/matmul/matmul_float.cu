// Products of fp32 matrices without tensor cores, which would round the factors. A block makes a tile of y, each thread
// 8×8 (or 4×4) of it in registers; parts of a and b lie in shared memory along the outer side, twice, so that the next
// ones are stored while these are multiplied: one barrier a step.

#include "device/kernel.hpp"
#include "ops/matmul/own_matmul_cuda.hpp"

namespace squeeze {

namespace {

constexpr int kInner = 16;
constexpr int kSide = 16;  // threads along each side of a tile
constexpr int kThreads = kSide * kSide;
constexpr int kVector = 4;

// Row of a tile that a thread's value i belongs to: groups of four neighbours, so that they are one load.
__device__ __forceinline__ int place_in_tile(int thread, int i) {
  return i / kVector * kVector * kSide + thread * kVector + i % kVector;
}

// One thread's share of moving a [kTile, kInner] part of an operand: first into registers, then into shared memory.
template <int kTile, bool kTransposed>
class Mover {
 public:
  static constexpr int kTimes = kTile * kInner / kThreads;
  static constexpr int kPitch = kTile + kVector;  // fewer bank conflicts, and still whole vectors

  __device__ __forceinline__ Mover(const float* matrix, int outer, int inner, int first_outer)
      : matrix_(matrix), outer_(outer), inner_(inner), first_outer_(first_outer) {}

  // Zeros where the matrix has ended.
  __device__ __forceinline__ void load(int first_inner) {
#pragma unroll
    for (int i = 0; i < kTimes; ++i) {
      const int outer = first_outer_ + own_outer(i), inner = first_inner + own_inner(i);
      const std::int64_t at = kTransposed ? static_cast<std::int64_t>(inner) * outer_ + outer
                                          : static_cast<std::int64_t>(outer) * inner_ + inner;
      values_[i] = outer < outer_ && inner < inner_ ? matrix_[at] : 0.0f;
    }
  }
  __device__ __forceinline__ void store(float (&part)[kInner][kPitch]) const {
#pragma unroll
    for (int i = 0; i < kTimes; ++i) part[own_inner(i)][own_outer(i)] = values_[i];
  }

 private:
  // Neighbouring threads read neighbouring values.
  static __device__ __forceinline__ int own_outer(int i) {
    const int thread = static_cast<int>(threadIdx.x);
    return kTransposed ? thread % kTile : thread / kInner + i * (kThreads / kInner);
  }
  static __device__ __forceinline__ int own_inner(int i) {
    const int thread = static_cast<int>(threadIdx.x);
    return kTransposed ? thread / kTile + i * (kThreads / kTile) : thread % kInner;
  }

  const float* matrix_;
  int outer_, inner_, first_outer_;
  float values_[kTimes];
};

template <int kCount>
__device__ __forceinline__ void load_vectors(float (&to)[kCount], const float* row, int thread) {
#pragma unroll
  for (int i = 0; i < kCount; i += kVector) {
    const float4 v = *reinterpret_cast<const float4*>(row + place_in_tile(thread, i));
    to[i] = v.x;
    to[i + 1] = v.y;
    to[i + 2] = v.z;
    to[i + 3] = v.w;
  }
}

template <int kTile, bool kTransposedA, bool kTransposedB>
__global__ void __launch_bounds__(kThreads, 2)
    float_matmul_kernel(const float* a, const float* b, float* y, int m, int n, int k, bool accumulate) {
  constexpr int kEach = kTile / kSide;
  using MoverA = Mover<kTile, kTransposedA>;
  using MoverB = Mover<kTile, kTransposedB>;
  alignas(16) __shared__ float a_parts[2][kInner][MoverA::kPitch];
  alignas(16) __shared__ float b_parts[2][kInner][MoverB::kPitch];

  const int tiles_m = (m + kTile - 1) / kTile;
  const int first_m = static_cast<int>(blockIdx.x) % tiles_m * kTile;
  const int first_n = static_cast<int>(blockIdx.x) / tiles_m * kTile;
  const int thread_m = static_cast<int>(threadIdx.x) / kSide, thread_n = static_cast<int>(threadIdx.x) % kSide;
  MoverA move_a(a, m, k, first_m);
  MoverB move_b(b, n, k, first_n);
  move_a.load(0);
  move_b.load(0);
  move_a.store(a_parts[0]);
  move_b.store(b_parts[0]);
  __syncthreads();

  float sums[kEach][kEach] = {};
  int now = 0;
#pragma unroll 1
  for (int first = 0; first < k; first += kInner) {
    move_a.load(first + kInner);
    move_b.load(first + kInner);
#pragma unroll
    for (int inner = 0; inner < kInner; ++inner) {
      float from_a[kEach], from_b[kEach];
      load_vectors(from_a, a_parts[now][inner], thread_m);
      load_vectors(from_b, b_parts[now][inner], thread_n);
#pragma unroll
      for (int i = 0; i < kEach; ++i)
#pragma unroll
        for (int j = 0; j < kEach; ++j) sums[i][j] = __fmaf_rn(from_a[i], from_b[j], sums[i][j]);
    }
    now ^= 1;  // read by all before the last barrier
    move_a.store(a_parts[now]);
    move_b.store(b_parts[now]);
    __syncthreads();
  }

#pragma unroll
  for (int i = 0; i < kEach; ++i) {
    const int row = first_m + place_in_tile(thread_m, i);
    if (row >= m) continue;
    float* const at = y + static_cast<std::int64_t>(row) * n;
#pragma unroll
    for (int j = 0; j < kEach; ++j) {
      const int col = first_n + place_in_tile(thread_n, j);
      if (col < n) at[col] = accumulate ? at[col] + sums[i][j] : sums[i][j];
    }
  }
}

template <int kTile>
std::int64_t tiles_of(const DeviceProduct<float>& p) {
  return static_cast<std::int64_t>(blocks_for(p.m, kTile)) * blocks_for(p.n, kTile);
}

template <int kTile, bool kTransposedA, bool kTransposedB>
void run_tiles(Stream& stream, const DeviceProduct<float>& p) {
  launch(stream, {.grid = {static_cast<unsigned>(tiles_of<kTile>(p))}, .block = {kThreads}},
         float_matmul_kernel<kTile, kTransposedA, kTransposedB>, p.a, p.b, p.y, static_cast<int>(p.m),
         static_cast<int>(p.n), static_cast<int>(p.k), p.accumulate);
}

template <bool kTransposedA, bool kTransposedB>
void run_form(Stream& stream, const DeviceProduct<float>& p) {
  if (tiles_of<128>(p) >= stream.device().multiprocessors)
    run_tiles<128, kTransposedA, kTransposedB>(stream, p);
  else
    run_tiles<64, kTransposedA, kTransposedB>(stream, p);
}

}  // namespace

void own_matmul(Stream& stream, const DeviceProduct<float>& product) {
  if (product.a_transposed)
    run_form<true, true>(stream, product);
  else if (product.b_transposed)
    run_form<false, true>(stream, product);
  else
    run_form<false, false>(stream, product);
}

}  // namespace squeeze
