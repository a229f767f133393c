#pragma once
// Products of a matrix with few vectors, on tensor cores: the frame that every layout's kernel shares. For .cu files.
//
// A warp takes 16 rows (a tile) and goes along K in units of 128 columns; what differs between layouts is how the 64
// weights that a lane has of a unit are read and become 16-bit floats. In a unit, lane 4g + t has, of rows g and g + 8,
// the columns 32q + 8t + i (q < 4, i < 8): group j = 2q + i / 4 of four columns is one matrix instruction's part, whose
// order of K is free, as long as weights and vectors agree. Warps of a block share K between them and add up at the
// end.
//
// A vector is two columns of the instruction: its value rounded to 16 bits, and what is left of it, rounded, too. So
// results are those of fp32 vectors, for nothing: one vector would leave seven of eight columns unused.

#include "device/kernel.hpp"
#include "formats/device_weight.hpp"

namespace squeeze::few {

constexpr int kTileRows = 16;
constexpr int kUnitCols = 128;
constexpr int kGroups = 8;  // of four columns that a lane has in a unit
constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kMostTargets = 3;
constexpr int kChunk = 8;  // sparse entries of one row that lie together
constexpr int kTileVectors = 4;

// The weights kept beside the dense part, tile by tile: chunks of 8 entries of one row (a last one is filled with
// zeros). The threads of a block share the chunks of its tiles, however they lie in the rows.
struct SparseChunks {
  const int* begin = nullptr;        // [tiles + 1], in chunks; null: nothing is kept
  const unsigned char* row = nullptr;  // [chunks], within its tile
  const unsigned* entries = nullptr;   // [chunks · 8]: column in the lower half, fp16 value in the upper
};

// One linear of a launch.
struct Target {
  const void* weights = nullptr;
  const void* tables = nullptr;
  SparseChunks sparse = {};
  const float* bias = nullptr;
  float* y = nullptr;  // [T, rows]
  int rows = 0;
  int entries = 0;  // of a codebook
  int first_block = 0;
  bool add = false;
};

struct Task {
  Target targets[kMostTargets];
  int count = 0;
  const unsigned short* x = nullptr;  // [2 · T, stride]: of vector v, row 2v is its rounded value, row 2v + 1 the rest
  int stride = 0;                     // units · 128; zeros behind column cols
  int vectors = 0;
  int units = 0;
  int cols = 0;
};

// Four columns for one lane of the instruction, of the vectors' tile `n`.
struct VectorPart {
  unsigned b[kGroups][2];
};

__device__ __forceinline__ void load_vector_part(const Task& task, int n, int unit, VectorPart& part) {
  const int lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
  const int row = n * 8 + g;
  if (row < 2 * task.vectors) {
    const unsigned short* from = task.x + static_cast<std::int64_t>(row) * task.stride + unit * kUnitCols + 8 * t;
#pragma unroll
    for (int q = 0; q < kGroups / 2; ++q) {
      const uint4 eight = *reinterpret_cast<const uint4*>(from + 32 * q);
      part.b[2 * q][0] = eight.x;
      part.b[2 * q][1] = eight.y;
      part.b[2 * q + 1][0] = eight.z;
      part.b[2 * q + 1][1] = eight.w;
    }
  } else {
#pragma unroll
    for (int j = 0; j < kGroups; ++j) part.b[j][0] = part.b[j][1] = 0;
  }
}

// Rows of this warp's tile, added up over its share of K: sums[n] of vector tile n.
template <typename Layout, int kVectorTiles>
__device__ __forceinline__ void add_up(const Layout& layout, const Task& task, int first_unit, int step,
                                       float (&sums)[kVectorTiles][4]) {
  using Number = typename Layout::Number;
  constexpr int kAhead = kVectorTiles == 1 ? Layout::kUnitsAhead : Layout::kUnitsAhead / 2;
  typename Layout::Unit units[kAhead];
#pragma unroll
  for (int d = 0; d < kAhead; ++d)
    if (first_unit + d * step < task.units) layout.load(first_unit + d * step, units[d]);
  wait_for_previous();
  for (int base = first_unit; base < task.units; base += kAhead * step) {
#pragma unroll
    for (int d = 0; d < kAhead; ++d) {
      const int unit = base + d * step;
      if (unit >= task.units) break;
      if constexpr (kVectorTiles == 1) {
        VectorPart part;
        load_vector_part(task, 0, unit, part);
#pragma unroll
        for (int j = 0; j < kGroups; ++j) {
          unsigned a[4];
          layout.fragment(units[d], j, a);
          mma_m16n8k16<Number>(sums[0], a, part.b[j]);
        }
      } else {
        unsigned a[kGroups][4];
#pragma unroll
        for (int j = 0; j < kGroups; ++j) layout.fragment(units[d], j, a[j]);
#pragma unroll
        for (int n = 0; n < kVectorTiles; ++n) {
          VectorPart part;
          load_vector_part(task, n, unit, part);
#pragma unroll
          for (int j = 0; j < kGroups; ++j) mma_m16n8k16<Number>(sums[n], a[j], part.b[j]);
        }
      }
      if (unit + kAhead * step < task.units) layout.load(unit + kAhead * step, units[d]);
    }
  }
}

template <typename Number>
__device__ __forceinline__ float vector_value(const Task& task, int vector, int col) {
  const unsigned short* at = task.x + static_cast<std::int64_t>(2 * vector) * task.stride + col;
  return as_float(Number{at[0]}) + as_float(Number{at[task.stride]});
}

// Room in shared memory for a block's sums.
template <int kVectorTiles>
struct Room {
  static constexpr int kTiles = kVectorTiles;  // tiles of rows that a block has
  static constexpr int kShares = kWarps / kTiles;
  static constexpr int kRows = kTiles * kTileRows;
  static constexpr int kVectors = kVectorTiles * kTileVectors;
  // With few vectors, each eight lanes have a chunk of their own; with more, they share one and take vectors each.
  static constexpr int kSparseParts = kVectorTiles == 1 ? kThreads / kChunk : kWarps;
  float dense[kShares][kRows][kVectors];
  float sparse[kSparseParts][kRows][kVectors];
};

template <typename Number, int kVectorTiles>
__device__ __forceinline__ void add_up_sparse(const Target& target, const Task& task, int first_tile, int last_tile,
                                              Room<kVectorTiles>& room) {
  using R = Room<kVectorTiles>;
  float* flat = &room.sparse[0][0][0];
  for (int i = static_cast<int>(threadIdx.x); i < R::kSparseParts * R::kRows * R::kVectors; i += kThreads) flat[i] = 0;
  __syncthreads();
  wait_for_previous();
  const int lane = static_cast<int>(threadIdx.x) % 32, octet = static_cast<int>(threadIdx.x) / kChunk;
  const int part = kVectorTiles == 1 ? octet : static_cast<int>(threadIdx.x) / 32;
  const int end = target.sparse.begin[last_tile];
  int tile = first_tile;
  for (int first = target.sparse.begin[first_tile]; first < end; first += R::kSparseParts) {
    const int chunk = first + part;
    const bool mine = chunk < end;
    unsigned entry = 0;
    int row = 0;
    if (mine) {
      entry = target.sparse.entries[static_cast<std::int64_t>(chunk) * kChunk + lane % kChunk];
      while (chunk >= target.sparse.begin[tile + 1]) ++tile;
      row = (tile - first_tile) * kTileRows + target.sparse.row[chunk];
    }
    const int col = static_cast<int>(entry & 0xffffu);
    const float weight = as_float(Half{static_cast<std::uint16_t>(entry >> 16)});
    for (int v = kVectorTiles == 1 ? 0 : octet % 4; v < (task.vectors + 3) / 4 * 4; v += kVectorTiles == 1 ? 1 : 4) {
      float product = mine && v < task.vectors ? weight * vector_value<Number>(task, v, col) : 0.0f;
#pragma unroll
      for (int step = kChunk / 2; step > 0; step /= 2) product += __shfl_xor_sync(kWholeWarp, product, step);
      if (mine && v < task.vectors && lane % kChunk == 0) room.sparse[part][row][v] += product;
    }
  }
}

// One block: the sums of its rows are in room.dense (and .sparse) when it returns, all threads in step.
template <typename Layout, int kVectorTiles>
__device__ __forceinline__ bool block_sums(const Target& target, const Task& task, int block,
                                           Room<kVectorTiles>& room) {
  using R = Room<kVectorTiles>;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int tiles = (target.rows + kTileRows - 1) / kTileRows;
  const int first_tile = block * R::kTiles, last_tile = min(tiles, first_tile + R::kTiles);
  const int tile = first_tile + warp / R::kShares, share = warp % R::kShares;
  Layout::prepare(target, first_tile, last_tile);
  float sums[kVectorTiles][4] = {};
  if (tile < tiles)
    add_up<Layout, kVectorTiles>(Layout(target, task, tile, tile - first_tile), task, share, R::kShares, sums);
  const int row = warp / R::kShares * kTileRows + lane / 4;
#pragma unroll
  for (int n = 0; n < kVectorTiles; ++n) {
    room.dense[share][row][n * kTileVectors + lane % 4] = sums[n][0] + sums[n][1];
    room.dense[share][row + 8][n * kTileVectors + lane % 4] = sums[n][2] + sums[n][3];
  }
  const bool sparse =
      target.sparse.begin != nullptr && target.sparse.begin[first_tile] < target.sparse.begin[last_tile];
  if (sparse) add_up_sparse<typename Layout::Number, kVectorTiles>(target, task, first_tile, last_tile, room);
  __syncthreads();
  return sparse;
}

// The sum of one row and vector by 16 threads, in each of them; a fixed order.
template <int kVectorTiles>
__device__ __forceinline__ float total(const Room<kVectorTiles>& room, int row, int vector, bool sparse) {
  using R = Room<kVectorTiles>;
  const int part = static_cast<int>(threadIdx.x) % 16;
  float sum = part < R::kShares ? room.dense[part][row][vector] : 0.0f;
  if (sparse)
    for (int p = part; p < R::kSparseParts; p += 16) sum += room.sparse[p][row][vector];
#pragma unroll
  for (int step = 8; step > 0; step /= 2) sum += __shfl_xor_sync(kWholeWarp, sum, step);
  return sum;
}

template <typename Layout, int kVectorTiles>
__global__ void __launch_bounds__(kThreads, 2) few_kernel(const __grid_constant__ Task task) {
  using R = Room<kVectorTiles>;
  __shared__ R room;
  let_next_begin();
  int which = 0;
  while (which + 1 < task.count && static_cast<int>(blockIdx.x) >= task.targets[which + 1].first_block) ++which;
  const Target& target = task.targets[which];
  const int block = static_cast<int>(blockIdx.x) - target.first_block;
  const bool sparse = block_sums<Layout, kVectorTiles>(target, task, block, room);
  for (int i = static_cast<int>(threadIdx.x) / 16; i < R::kRows * task.vectors; i += kThreads / 16) {
    const int local = i % R::kRows, vector = i / R::kRows, row = block * R::kRows + local;
    const float sum = total<kVectorTiles>(room, local, vector, sparse);
    if (threadIdx.x % 16 != 0 || row >= target.rows) continue;
    float* y = target.y + static_cast<std::int64_t>(vector) * target.rows + row;
    const float bias = target.bias ? target.bias[row] : 0.0f;
    *y = sum + bias + (target.add ? *y : 0.0f);
  }
}

// targets[0] is the gate, targets[1] what it opens for; y of the first = silu(gate) · up.
template <typename Layout, int kVectorTiles>
__global__ void __launch_bounds__(kThreads, 2) few_gated_kernel(const __grid_constant__ Task task) {
  using R = Room<kVectorTiles>;
  __shared__ R room;
  __shared__ float gates[R::kVectors][R::kRows];
  let_next_begin();
  const Target &gate = task.targets[0], &up = task.targets[1];
  const int block = static_cast<int>(blockIdx.x), first = static_cast<int>(threadIdx.x) / 16;
  bool sparse = block_sums<Layout, kVectorTiles>(gate, task, block, room);
  for (int i = first; i < R::kRows * task.vectors; i += kThreads / 16) {
    const float sum = total<kVectorTiles>(room, i % R::kRows, i / R::kRows, sparse);
    if (threadIdx.x % 16 == 0) gates[i / R::kRows][i % R::kRows] = sum;  // for the same thread, below
  }
  __syncthreads();
  sparse = block_sums<Layout, kVectorTiles>(up, task, block, room);
  for (int i = first; i < R::kRows * task.vectors; i += kThreads / 16) {
    const int local = i % R::kRows, vector = i / R::kRows, row = block * R::kRows + local;
    const float sum = total<kVectorTiles>(room, local, vector, sparse);
    if (threadIdx.x % 16 != 0 || row >= gate.rows) continue;
    const float g = gates[vector][local] + (gate.bias ? gate.bias[row] : 0.0f);
    const float u = sum + (up.bias ? up.bias[row] : 0.0f);
    gate.y[static_cast<std::int64_t>(vector) * gate.rows + row] = g / (1.0f + expf(-g)) * u;
  }
}

// How a layout is launched; one object for each, so that products of equal layouts go together.
struct Kernels {
  void (*plain[3])(Task);  // by vector tiles: 1, 2, 4
  void (*gated[3])(Task);
  int tile_shared_bytes;  // dynamic, for each tile of rows that a block has; times the codebook's entries
  bool bfloat16;          // of the vectors
};

template <typename Layout>
const Kernels& kernels_of() {
  static const Kernels kernels = {
      {few_kernel<Layout, 1>, few_kernel<Layout, 2>, few_kernel<Layout, 4>},
      {few_gated_kernel<Layout, 1>, few_gated_kernel<Layout, 2>, few_gated_kernel<Layout, 4>},
      Layout::kTileSharedBytes,
      std::is_same_v<typename Layout::Number, BFloat16>};
  return kernels;
}

// What multiply_few needs of a weight.
class FewWeight : public DeviceWeight {
 public:
  virtual const Kernels& kernels() const = 0;
  virtual Target target() const = 0;  // weights, tables, sparse and rows
};

}  // namespace squeeze::few
