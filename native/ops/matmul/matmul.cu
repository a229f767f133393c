// Products of 16-bit matrices by tensor cores. A block makes one tile of y: it walks along the inner side in steps of
// kInner, whose parts of a and b lie in a ring of kStages buffers in shared memory that are filled ahead; each warp
// makes its part of the tile in registers by mma.m16n8k16.
//
// The walk needs one barrier a step. At step t, buffer (t - 1) % kStages is filled again, which all warps have read
// before the barrier of step t - 1; and after the barrier of step t, all see buffer (t + 1) % kStages, since each
// thread has waited there for its own copies to it.

#include <algorithm>

#include "device/kernel.hpp"
#include "ops/matmul/own_matmul_cuda.hpp"

namespace squeeze {

namespace {

constexpr int kInner = 32, kStages = 4;
constexpr int kChunk = 8;  // values in 16 bytes

// The part of y that one block makes, and how many warps share it along each side.
template <int m, int n, int warps_m, int warps_n, int blocks>
struct Tile {
  static constexpr int kM = m, kN = n, kWarpsN = warps_n;
  static constexpr int kWarpM = m / warps_m, kWarpN = n / warps_n;
  static constexpr int kThreads = 32 * warps_m * warps_n;
  static constexpr int kBlocks = blocks;  // that registers should allow on one multiprocessor
  static constexpr std::int64_t kSharedBytes = std::int64_t{2} * kStages * kInner * (m + n);
};
using LargeTile = Tile<128, 256, 2, 4, 1>;
using MediumTile = Tile<128, 128, 2, 2, 2>;
using SmallTile = Tile<64, 64, 2, 2, 4>;

template <typename T>
struct Work {
  const T* a;
  const T* b;
  float* y;  // of several parts of the inner side: one after the other
  int m, n, k;
  int steps;  // of kInner, for each part
  bool accumulate;
  bool pairs;  // two neighbours in y can be stored at once
};

// How kOuter × kInner values of an operand lie in a buffer: as in memory, rows along the inner side or, transposed,
// along the outer. Chunks of a row are permuted so that the eight rows of an 8×8 matrix lie in different banks.
template <int kOuter, bool kTransposed>
struct Buffer {
  static constexpr int kRows = kTransposed ? kInner : kOuter;
  static constexpr int kCols = kTransposed ? kOuter : kInner;
  static constexpr int kChunks = kCols / kChunk;
  static constexpr int kSize = kOuter * kInner;
  // Depends on row % 8 only.
  static __device__ __forceinline__ int permuted(int chunk, int row) {
    return kChunks >= 8 ? chunk ^ (row & 7) : chunk ^ (row >> 1 & 3);
  }
};

// One thread's share of filling buffers with an operand, step after step.
template <typename T, int kOuter, bool kTransposed, int kThreads, bool kAligned>
class Filler {
  using Layout = Buffer<kOuter, kTransposed>;
  static constexpr int kStride = kThreads / Layout::kChunks;  // rows between two chunks of a thread
  static constexpr int kTimes = Layout::kRows / kStride;
  static_assert(kStride % 8 == 0 && kTimes * kStride == Layout::kRows);

 public:
  __device__ __forceinline__ Filler(const T* matrix, int outer, int inner, int first_outer, int first_inner)
      : rows_(kTransposed ? inner : outer), cols_(kTransposed ? outer : inner) {
    const int row = static_cast<int>(threadIdx.x) / Layout::kChunks;
    const int chunk = static_cast<int>(threadIdx.x) % Layout::kChunks;
    place_ = row * Layout::kCols + Layout::permuted(chunk, row) * kChunk;
    row_ = row + (kTransposed ? first_inner : first_outer);
    col_ = chunk * kChunk + (kTransposed ? first_outer : first_inner);
    at_ = matrix + static_cast<std::int64_t>(row_) * cols_ + col_;
  }

  // Zeros where the matrix has ended.
  __device__ __forceinline__ void fill(T* buffer) const {
#pragma unroll
    for (int i = 0; i < kTimes; ++i) {
      T* to = buffer + place_ + i * kStride * Layout::kCols;
      const T* from = at_ + static_cast<std::int64_t>(i * kStride) * cols_;
      const int left = row_ + i * kStride < rows_ ? cols_ - col_ : 0;
      if constexpr (kAligned) {
        copy_async_or_zero<16>(to, from, left > 0);  // whole rows of chunks
      } else {
        unsigned words[4];
#pragma unroll
        for (int w = 0; w < 4; ++w)
          words[w] = (2 * w < left ? from[2 * w].bits : 0u) | (2 * w + 1 < left ? from[2 * w + 1].bits : 0u) << 16;
        *reinterpret_cast<uint4*>(to) = make_uint4(words[0], words[1], words[2], words[3]);
      }
    }
  }

  __device__ __forceinline__ void advance() {
    (kTransposed ? row_ : col_) += kInner;
    at_ += kTransposed ? static_cast<std::int64_t>(kInner) * cols_ : kInner;
  }

 private:
  const T* at_;
  int rows_, cols_, row_, col_, place_;
};

// 16 (outer) × 16 (inner) values, as mma.m16n8k16 takes them: of a, or of b for two of its tiles. `half_of_outer`:
// which half of the outer side this lane's address is in; the four 8×8 matrices are loaded in lane order.
template <typename T, int kOuter, bool kTransposed>
__device__ __forceinline__ void load_fragment(unsigned (&fragment)[4], const T* buffer, int outer, int inner,
                                              int half_of_outer, int half_of_inner) {
  using Layout = Buffer<kOuter, kTransposed>;
  const int lane_row = static_cast<int>(threadIdx.x) % 8;
  if constexpr (kTransposed) {
    const int row = inner + 8 * half_of_inner + lane_row, chunk = outer / kChunk + half_of_outer;
    load_matrix_x4_transposed(fragment, buffer + row * Layout::kCols + Layout::permuted(chunk, lane_row) * kChunk);
  } else {
    const int row = outer + 8 * half_of_outer + lane_row, chunk = inner / kChunk + half_of_inner;
    load_matrix_x4(fragment, buffer + row * Layout::kCols + Layout::permuted(chunk, lane_row) * kChunk);
  }
}

// What a warp multiplies in 16 of the inner side.
template <typename Shape>
struct Fragments {
  unsigned a[Shape::kWarpM / 16][4];
  unsigned b[Shape::kWarpN / 16][4];
};

template <typename T, typename Shape, bool kTransposedA, bool kTransposedB>
__device__ __forceinline__ void load_fragments(Fragments<Shape>& fragments, const T* a, const T* b, int warp_m,
                                               int warp_n, int inner) {
  const int low = static_cast<int>(threadIdx.x) / 8 % 2, high = static_cast<int>(threadIdx.x) / 16 % 2;
#pragma unroll
  for (int i = 0; i < Shape::kWarpM / 16; ++i)
    load_fragment<T, Shape::kM, kTransposedA>(fragments.a[i], a, warp_m + 16 * i, inner, low, high);
#pragma unroll
  for (int j = 0; j < Shape::kWarpN / 16; ++j)
    load_fragment<T, Shape::kN, kTransposedB>(fragments.b[j], b, warp_n + 16 * j, inner, high, low);
}

template <typename Shape>
using Sums = float[Shape::kWarpM / 16][Shape::kWarpN / 8][4];

template <typename T, typename Shape>
__device__ __forceinline__ void multiply(Sums<Shape>& sums, const Fragments<Shape>& fragments) {
#pragma unroll
  for (int i = 0; i < Shape::kWarpM / 16; ++i)
#pragma unroll
    for (int j = 0; j < Shape::kWarpN / 8; ++j) {
      const unsigned b[2] = {fragments.b[j / 2][j % 2 * 2], fragments.b[j / 2][j % 2 * 2 + 1]};
      mma_m16n8k16<T>(sums[i][j], fragments.a[i], b);
    }
}

template <typename Shape, typename T>
__device__ __forceinline__ void store(const Sums<Shape>& sums, const Work<T>& work, float* y, int first_m,
                                      int first_n) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
  for (int i = 0; i < Shape::kWarpM / 8; ++i) {
    const int row = first_m + 8 * i + lane / 4;
    if (row >= work.m) continue;
    float* const at = y + static_cast<std::int64_t>(row) * work.n;
#pragma unroll
    for (int j = 0; j < Shape::kWarpN / 8; ++j) {
      const int col = first_n + 8 * j + 2 * (lane % 4);
      float2 pair = make_float2(sums[i / 2][j][i % 2 * 2], sums[i / 2][j][i % 2 * 2 + 1]);
      if (work.pairs) {  // n is even
        if (col >= work.n) continue;
        auto* const to = reinterpret_cast<float2*>(at + col);
        if (work.accumulate) pair = make_float2(pair.x + to->x, pair.y + to->y);
        *to = pair;
      } else {
        if (col < work.n) at[col] = work.accumulate ? at[col] + pair.x : pair.x;
        if (col + 1 < work.n) at[col + 1] = work.accumulate ? at[col + 1] + pair.y : pair.y;
      }
    }
  }
}

struct TilePlace {
  int m, n;
};

// Blocks that run at the same time should share rows of a and b in L2: bands of at most kBand tiles of m, and within a
// band, one column of tiles after the other.
__device__ __forceinline__ TilePlace place_of(unsigned index, int tiles_m, int tiles_n) {
  constexpr int kBand = 16;
  const int in_band = kBand * tiles_n;
  const int band = static_cast<int>(index) / in_band, within = static_cast<int>(index) % in_band;
  const int height = min(kBand, tiles_m - band * kBand);
  return {band * kBand + within % height, within / height};
}

template <typename T, typename Shape, bool kTransposedA, bool kTransposedB, bool kAligned>
__global__ void __launch_bounds__(Shape::kThreads, Shape::kBlocks) tensor_matmul_kernel(Work<T> work) {
  using BufferA = Buffer<Shape::kM, kTransposedA>;
  using BufferB = Buffer<Shape::kN, kTransposedB>;
  T* const a = dynamic_shared<T>();
  T* const b = a + kStages * BufferA::kSize;

  const TilePlace place =
      place_of(blockIdx.x, (work.m + Shape::kM - 1) / Shape::kM, (work.n + Shape::kN - 1) / Shape::kN);
  const int first_m = place.m * Shape::kM, first_n = place.n * Shape::kN;
  const int first_step = static_cast<int>(blockIdx.z) * work.steps;
  const int steps = min(work.steps, (work.k + kInner - 1) / kInner - first_step);
  const int warp = static_cast<int>(threadIdx.x) / 32;
  const int warp_m = warp / Shape::kWarpsN * Shape::kWarpM, warp_n = warp % Shape::kWarpsN * Shape::kWarpN;

  Filler<T, Shape::kM, kTransposedA, Shape::kThreads, kAligned> fill_a(work.a, work.m, work.k, first_m,
                                                                       first_step * kInner);
  Filler<T, Shape::kN, kTransposedB, Shape::kThreads, kAligned> fill_b(work.b, work.n, work.k, first_n,
                                                                       first_step * kInner);
  const auto fill = [&](int step, int stage) {
    if (step < steps) {
      fill_a.fill(a + stage * BufferA::kSize);
      fill_b.fill(b + stage * BufferB::kSize);
      fill_a.advance();
      fill_b.advance();
    }
    copy_async_commit();  // also of nothing, so that one can wait for groups by their number
  };
  Fragments<Shape> fragments[2];
  const auto load = [&](Fragments<Shape>& to, int stage, int inner) {
    load_fragments<T, Shape, kTransposedA, kTransposedB>(to, a + stage * BufferA::kSize, b + stage * BufferB::kSize,
                                                         warp_m, warp_n, inner);
  };

  Sums<Shape> sums = {};
#pragma unroll
  for (int step = 0; step < kStages - 1; ++step) fill(step, step);
  copy_async_wait<kStages - 2>();
  __syncthreads();
  if (steps > 0) load(fragments[0], 0, 0);

  int now = 0, free = kStages - 1;  // stages
#pragma unroll 1
  for (int step = 0; step < steps; ++step) {
    static_assert(kInner == 32);
    load(fragments[1], now, 16);
    fill(step + kStages - 1, free);
    multiply<T, Shape>(sums, fragments[0]);
    free = now;
    now = now + 1 == kStages ? 0 : now + 1;
    copy_async_wait<kStages - 2>();
    __syncthreads();
    load(fragments[0], now, 0);  // after the last step, of what nobody uses
    multiply<T, Shape>(sums, fragments[1]);
  }
  float* const y = work.y + static_cast<std::int64_t>(blockIdx.z) * work.m * work.n;
  store<Shape>(sums, work, y, first_m + warp_m, first_n + warp_n);
}

constexpr unsigned kSumThreads = 256;

// y[i] = Σ parts[part][i] in order, or += that.
__global__ void sum_parts_kernel(const float* parts, int count, std::int64_t size, float* y, bool accumulate) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kSumThreads + threadIdx.x;
  if (i >= size) return;
  float sum = parts[i];
  for (int part = 1; part < count; ++part) sum += parts[part * size + i];
  y[i] = accumulate ? y[i] + sum : sum;
}

std::int64_t divided_up(std::int64_t value, std::int64_t unit) { return (value + unit - 1) / unit; }

template <typename Shape, typename T>
std::int64_t tiles_of(const DeviceProduct<T>& p) {
  return divided_up(p.m, Shape::kM) * divided_up(p.n, Shape::kN);
}

// Parts that the inner side is cut into, so that few tiles of y keep all multiprocessors busy.
template <typename T>
std::int64_t parts_for(const DeviceProduct<T>& p, std::int64_t tiles, std::int64_t multiprocessors,
                       std::int64_t space) {
  constexpr std::int64_t kBlocksEach = 2, kShortest = 256, kMost = 16;
  const std::int64_t size = std::max<std::int64_t>(1, p.m * p.n);
  const std::int64_t parts = std::min(
      {kBlocksEach * multiprocessors / std::max<std::int64_t>(1, tiles), p.k / kShortest, space / size, kMost});
  return std::max<std::int64_t>(1, parts);
}

template <typename Shape, bool kTransposedA, bool kTransposedB, bool kAligned, typename T>
void run(Stream& stream, const DeviceProduct<T>& p, DeviceView<float> space) {
  const std::int64_t tiles = tiles_of<Shape>(p), steps = divided_up(p.k, kInner);
  std::int64_t parts = 1;
  if constexpr (std::is_same_v<Shape, SmallTile>)
    parts = parts_for(p, tiles, stream.device().multiprocessors, space.size());
  const std::int64_t each = divided_up(steps, parts);
  if (each > 0) parts = divided_up(steps, each);  // none is empty
  Work<T> work{.a = p.a,
               .b = p.b,
               .y = parts > 1 ? space.data : p.y,
               .m = static_cast<int>(p.m),
               .n = static_cast<int>(p.n),
               .k = static_cast<int>(p.k),
               .steps = static_cast<int>(each),
               .accumulate = parts == 1 && p.accumulate,
               .pairs = false};
  work.pairs = p.n % 2 == 0 && reinterpret_cast<std::uintptr_t>(work.y) % sizeof(float2) == 0;
  launch(stream,
         {.grid = {static_cast<unsigned>(tiles), 1, static_cast<unsigned>(parts)},
          .block = {Shape::kThreads},
          .shared = Shape::kSharedBytes},
         tensor_matmul_kernel<T, Shape, kTransposedA, kTransposedB, kAligned>, work);
  if (parts > 1)
    launch(stream, {.grid = {blocks_for(p.m * p.n, kSumThreads)}, .block = {kSumThreads}}, sum_parts_kernel, space.data,
           static_cast<int>(parts), p.m * p.n, p.y, p.accumulate);
}

// By relative times on an otherwise idle device: rounds of tiles on the multiprocessors, by a tile's work and how much
// slower than the large one it goes for the same work.
template <typename T>
MatmulTile fastest_tile(const DeviceProduct<T>& p, int multiprocessors) {
  const auto rounds = [&](std::int64_t tiles) {
    return static_cast<double>(divided_up(tiles, std::max(1, multiprocessors)));
  };
  const double large = rounds(tiles_of<LargeTile>(p)) * 2;
  const double medium = rounds(tiles_of<MediumTile>(p)) * 1.15;
  const double small = rounds(tiles_of<SmallTile>(p)) * 0.4;
  if (small < std::min(medium, large)) return MatmulTile::kSmall;
  return medium < large ? MatmulTile::kMedium : MatmulTile::kLarge;
}

// Rows are whole chunks, and the first is at the address of one.
bool is_aligned(const void* matrix, std::int64_t cols) {
  return cols % kChunk == 0 && reinterpret_cast<std::uintptr_t>(matrix) % (kChunk * sizeof(Half)) == 0;
}

template <bool kTransposedA, bool kTransposedB, typename T>
void run_form(Stream& stream, const DeviceProduct<T>& p, DeviceView<float> space, MatmulTile tile) {
  if (!is_aligned(p.a, kTransposedA ? p.m : p.k) || !is_aligned(p.b, kTransposedB ? p.n : p.k))
    return run<SmallTile, kTransposedA, kTransposedB, false>(stream, p, space);
  if (tile == MatmulTile::kChosen) tile = fastest_tile(p, stream.device().multiprocessors);
  if (tile == MatmulTile::kSmall)
    run<SmallTile, kTransposedA, kTransposedB, true>(stream, p, space);
  else if (tile == MatmulTile::kMedium)
    run<MediumTile, kTransposedA, kTransposedB, true>(stream, p, space);
  else
    run<LargeTile, kTransposedA, kTransposedB, true>(stream, p, space);
}

}  // namespace

template <typename T>
void own_matmul(Stream& stream, const DeviceProduct<T>& product, DeviceView<float> space, MatmulTile tile) {
  if (product.a_transposed)
    run_form<true, true>(stream, product, space, tile);
  else if (product.b_transposed)
    run_form<false, true>(stream, product, space, tile);
  else
    run_form<false, false>(stream, product, space, tile);
}
template void own_matmul(Stream&, const DeviceProduct<Half>&, DeviceView<float>, MatmulTile);
template void own_matmul(Stream&, const DeviceProduct<BFloat16>&, DeviceView<float>, MatmulTile);

}  // namespace squeeze
