#pragma once
// Products of a matrix with few vectors, on tensor cores: the frame that every layout's kernel shares. For .cu files.
//
// A warp takes 16 rows (a tile) and goes along K in units of 128 columns; what differs between layouts is how the 64
// weights that a lane has of a unit are read and become 16-bit floats. In a unit, lane 4g + t has, of rows g and g + 8,
// the columns 32q + 8t + i (q < 4, i < 8): group j = 2q + i / 4 of four columns is one matrix instruction's part, whose
// order of K is free, as long as weights and vectors agree. Warps of a block share K between them and add up at the
// end.
//
// Blocks stay: each takes one step after another, a step being the rows that its warps have at a time, and reads the
// first weights of the next one while it works on the last of this one, so that memory never rests.
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

// The weights kept beside the dense part: chunks of 8 entries of one row, the last one of a row filled with zeros. The
// warps of a tile share its chunks evenly, however they lie in the rows.
struct SparseChunks {
  const int* begin = nullptr;          // [tiles · 16 + 1], first chunk of each row; null: nothing is kept
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
  int entries = 0;     // of a codebook
  int first_step = 0;  // of all steps of the launch
  bool add = false;
};

struct Task {
  Target targets[kMostTargets];
  int count = 0;
  int steps = 0;  // of all targets together
  // Either x as two rows of 16-bit numbers for each vector, its rounded values and the rest, [2 · T, stride] with zeros
  // behind the last column; or, for one vector, x itself, of which each block makes them (and the norm first).
  const unsigned short* x = nullptr;
  const float* own_x = nullptr;
  const float *norm_weight = nullptr, *norm_bias = nullptr;
  float eps = 0;
  int stride = 0;  // units · 128
  int vectors = 0;
  int units = 0;
  int cols = 0;
};

// --- Vectors

// `value` and `rest` of one vector or of its norm (RMSNorm; LayerNorm with a bias), by all threads of a block.
template <typename Number>
__device__ __forceinline__ void split_vector(const float* x, const float* weight, const float* bias, float eps,
                                             int cols, int stride, unsigned short* value, unsigned short* rest) {
  __shared__ float room[32];
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  float mean = 0, factor = 1;
  if (bias != nullptr) {
    float sum = 0;
    for (int i = thread; i < cols; i += threads) sum += x[i];
    mean = block_sum(sum, room) / static_cast<float>(cols);
  }
  if (weight != nullptr) {
    float squares = 0;
    for (int i = thread; i < cols; i += threads) squares += (x[i] - mean) * (x[i] - mean);
    factor = 1.0f / sqrtf(block_sum(squares, room) / static_cast<float>(cols) + eps);
  }
  for (int i = thread; i < stride; i += threads) {
    float v = 0;
    if (i < cols) v = weight != nullptr ? (x[i] - mean) * factor * weight[i] + (bias ? bias[i] : 0.0f) : x[i];
    if constexpr (std::is_same_v<Number, Half>) v = v > 65504.0f ? 65504.0f : v < -65504.0f ? -65504.0f : v;
    const Number rounded = from_float<Number>(v);
    value[i] = rounded.bits;
    rest[i] = from_float<Number>(v - as_float(rounded)).bits;
  }
}

// Where the rows of vectors are: in the block's own memory or the device's.
struct Vectors {
  const unsigned short* rows;
  int stride, count;

  template <typename Number>
  __device__ __forceinline__ float value(int vector, int col) const {
    const unsigned short* at = rows + static_cast<std::int64_t>(2 * vector) * stride + col;
    return as_float(Number{at[0]}) + as_float(Number{at[stride]});
  }
};

// A lane's columns of a unit, of the vectors' tile `n`.
struct VectorPart {
  unsigned b[kGroups][2];
};

__device__ __forceinline__ void load_vector_part(const Vectors& vectors, int n, int unit, VectorPart& part) {
  const int lane = static_cast<int>(threadIdx.x) % 32, g = lane / 4, t = lane % 4;
  const int row = n * 8 + g;
  if (row < 2 * vectors.count) {
    const unsigned short* from =
        vectors.rows + static_cast<std::int64_t>(row) * vectors.stride + unit * kUnitCols + 8 * t;
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

// --- A block's sums

// In shared memory, twice: the sums of one step are read while those of the next are written.
template <int kVectorTiles>
struct Room {
  static constexpr int kTiles = kVectorTiles;  // tiles of rows that a block has in a step
  static constexpr int kShares = kWarps / kTiles;
  static constexpr int kRows = kTiles * kTileRows;
  static constexpr int kVectors = kVectorTiles * kTileVectors;
  static constexpr int kOctets = 4 * kShares;
  // Eight lanes go along neighbouring chunks, and leave a sum wherever the row changes. Rows and octets both only rise,
  // so row + octet tells these sums apart.
  static constexpr int kSlots = kOctets + kTileRows;
  float dense[2][kShares][kRows][kVectors];
  float sparse[2][kTiles][kSlots][kVectors];
};

// Chunks of a tile, shared among octets: octet o < octets has [chunks · o / octets, chunks · (o + 1) / octets).
struct Shares {
  int first, chunks, octets;

  template <int kOctets>
  __device__ __forceinline__ static Shares of(const SparseChunks& sparse, int tile) {
    const int first = sparse.begin[tile * kTileRows], chunks = sparse.begin[(tile + 1) * kTileRows] - first;
    return {first, chunks, min(chunks, kOctets)};
  }
  __device__ __forceinline__ int begin(int octet) const { return first + chunks * octet / octets; }
  __device__ __forceinline__ int octet_of(int chunk) const {
    return ((chunk - first + 1) * octets + chunks - 1) / chunks - 1;
  }
};

// What an octet reads of its first chunk before it is needed.
struct FirstChunk {
  unsigned entry = 0;
  int row = 0;
};

template <typename Number, int kVectorTiles>
__device__ __forceinline__ void add_up_sparse(
    const SparseChunks& sparse, const Shares& shares, const FirstChunk& ahead, const Vectors& vectors, int octet,
    float (&slots)[Room<kVectorTiles>::kSlots][Room<kVectorTiles>::kVectors]) {
  if (octet >= shares.octets) return;
  const int lane = static_cast<int>(threadIdx.x) % 32, begin = shares.begin(octet), end = shares.begin(octet + 1);
  const unsigned octet_lanes = 0xffu << (lane / kChunk * kChunk);
  for (int v = 0; v < vectors.count; ++v) {
    float sum = 0;
    int row = ahead.row;
    const auto leave = [&] {
#pragma unroll
      for (int step = kChunk / 2; step > 0; step /= 2) sum += __shfl_xor_sync(octet_lanes, sum, step);
      if (lane % kChunk == 0) slots[row + octet][v] = sum;
    };
    for (int chunk = begin; chunk < end; ++chunk) {
      unsigned entry = ahead.entry;
      if (chunk > begin) {
        entry = sparse.entries[static_cast<std::int64_t>(chunk) * kChunk + lane % kChunk];
        if (const int next = sparse.row[chunk]; next != row) {
          leave();
          row = next;
          sum = 0;
        }
      }
      sum += as_float(Half{static_cast<std::uint16_t>(entry >> 16)}) *
             vectors.template value<Number>(v, static_cast<int>(entry & 0xffffu));
    }
    leave();
  }
}

// The sum of one row and vector by 16 threads, in each of them; a fixed order. `row` of the matrix, `local` of the
// step.
template <int kVectorTiles>
__device__ __forceinline__ float total(const Room<kVectorTiles>& room, int turn, const SparseChunks& sparse, int tile,
                                       int local, int vector) {
  using R = Room<kVectorTiles>;
  const int part = static_cast<int>(threadIdx.x) % 16;
  float sum = part < R::kShares ? room.dense[turn][part][local][vector] : 0.0f;
  if (sparse.begin != nullptr) {
    const int row = local % kTileRows;
    const int begin = sparse.begin[tile * kTileRows + row], end = sparse.begin[tile * kTileRows + row + 1];
    if (begin < end) {
      const Shares shares = Shares::of<R::kOctets>(sparse, tile);
      const int last = shares.octet_of(end - 1);
      for (int o = shares.octet_of(begin) + part; o <= last; o += 16)
        sum += room.sparse[turn][local / kTileRows][row + o][vector];
    }
  }
#pragma unroll
  for (int step = 8; step > 0; step /= 2) sum += __shfl_xor_sync(kWholeWarp, sum, step);
  return sum;
}

// --- The kernel

// Step `step` of the launch: whose rows, and which.
struct Step {
  const Target* target;
  int first_tile, tiles;  // tiles of all of the target

  template <bool kGated, int kTiles>
  __device__ __forceinline__ static Step of(const Task& task, int step) {
    int which = 0;
    if constexpr (kGated) {
      which = step % 2;
      step /= 2;
    } else {
      while (which + 1 < task.count && step >= task.targets[which + 1].first_step) ++which;
      step -= task.targets[which].first_step;
    }
    const Target* target = &task.targets[which];
    return {target, step * kTiles, (target->rows + kTileRows - 1) / kTileRows};
  }
};

// Gated: targets[0] is the gate, targets[1] what it opens for, and y of the first = silu(gate) · up; steps of the two
// take turns. kOwn: one vector, made ready by each block for itself.
template <typename Layout, int kVectorTiles, bool kOwn, bool kGated>
__global__ void __launch_bounds__(kThreads, 2) few_kernel(const __grid_constant__ Task task) {
  using R = Room<kVectorTiles>;
  using Number = typename Layout::Number;
  constexpr int kAhead = kVectorTiles == 1 ? Layout::kUnitsAhead : Layout::kUnitsAhead / 2;
  __shared__ R room;
  __shared__ float gates[kGated ? R::kVectors : 1][R::kRows];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int local_tile = warp / R::kShares, share = warp % R::kShares, octet = share * 4 + lane / kChunk;
  const int own_units = share < task.units ? (task.units - share - 1) / R::kShares + 1 : 0;
  const int padded_units = (own_units + kAhead - 1) / kAhead * kAhead;

  // Steps of this block: number n is `first + n · jump`, for gated ones in pairs.
  const int blocks = static_cast<int>(gridDim.x), block = static_cast<int>(blockIdx.x);
  const auto step_number = [&](int n) { return kGated ? 2 * (block + n / 2 * blocks) + n % 2 : block + n * blocks; };

  let_next_begin();
  typename Layout::Unit units[kAhead];
  // Where the units of a step are; of a tile behind the last there are none.
  const auto stream_of = [&](int n, typename Layout::Stream& stream) {
    const int number = step_number(n);
    if (number >= task.steps) return false;
    const Step step = Step::of<kGated, R::kTiles>(task, number);
    if (step.first_tile + local_tile >= step.tiles) return false;
    stream = Layout::stream(*step.target, task, step.first_tile + local_tile);
    return true;
  };
  typename Layout::Stream here = {}, next = {};
  bool has_next = stream_of(0, next);
#pragma unroll
  for (int d = 0; d < kAhead; ++d)
    if (has_next && d < own_units) Layout::load(next, share + d * R::kShares, units[d]);

  wait_for_previous();
  Vectors vectors{task.x, task.stride, task.vectors};
  if constexpr (kOwn) {
    auto* own = reinterpret_cast<unsigned short*>(dynamic_shared<unsigned char>() + Layout::shared_bytes(task));
    split_vector<Number>(task.own_x, task.norm_weight, task.norm_bias, task.eps, task.cols, task.stride, own,
                         own + task.stride);
    vectors.rows = own;
    __syncthreads();
  }

  for (int n = 0; step_number(n) < task.steps; ++n) {
    const Step step = Step::of<kGated, R::kTiles>(task, step_number(n));
    const Target& target = *step.target;
    const int tile = step.first_tile + local_tile, turn = n % 2;
    const bool has_tile = has_next;
    here = next;
    has_next = stream_of(n + 1, next);
    Layout::prepare(target, task, step.first_tile, min(step.tiles, step.first_tile + R::kTiles));

    // What the end of the step needs, asked for at its beginning.
    const int first_out = static_cast<int>(threadIdx.x) / 16,
              first_row = step.first_tile * kTileRows + first_out % R::kRows;
    float prior = 0;
    if (!kGated && threadIdx.x % 16 == 0 && first_row < target.rows) {
      if (target.bias) prior += target.bias[first_row];
      if (target.add) prior += target.y[static_cast<std::int64_t>(first_out / R::kRows) * target.rows + first_row];
    }
    Shares shares = {};
    FirstChunk ahead;
    if (has_tile && target.sparse.begin != nullptr) {
      shares = Shares::of<R::kOctets>(target.sparse, tile);
      if (octet < shares.octets) {
        const int chunk = shares.begin(octet);
        ahead = {target.sparse.entries[static_cast<std::int64_t>(chunk) * kChunk + lane % kChunk],
                 target.sparse.row[chunk]};
      }
    }

    float sums[kVectorTiles][4] = {};
    if (has_tile || has_next) {
      const Layout layout(target, has_tile ? tile : step.first_tile, local_tile);
      for (int base = 0; base < padded_units; base += kAhead) {
#pragma unroll
        for (int d = 0; d < kAhead; ++d) {
          const int at = base + d, unit = share + at * R::kShares;
          if (has_tile && at < own_units) {
            if constexpr (kVectorTiles == 1) {
              VectorPart part;
              load_vector_part(vectors, 0, unit, part);
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
              for (int v = 0; v < kVectorTiles; ++v) {
                VectorPart part;
                load_vector_part(vectors, v, unit, part);
#pragma unroll
                for (int j = 0; j < kGroups; ++j) mma_m16n8k16<Number>(sums[v], a[j], part.b[j]);
              }
            }
          }
          const int later = at + kAhead;
          if (later < padded_units) {
            if (has_tile && later < own_units) Layout::load(here, share + later * R::kShares, units[d]);
          } else if (has_next && later - padded_units < own_units) {
            Layout::load(next, share + (later - padded_units) * R::kShares, units[d]);
          }
        }
      }
    }

    const int row = local_tile * kTileRows + lane / 4;
#pragma unroll
    for (int v = 0; v < kVectorTiles; ++v) {
      room.dense[turn][share][row][v * kTileVectors + lane % 4] = sums[v][0] + sums[v][1];
      room.dense[turn][share][row + 8][v * kTileVectors + lane % 4] = sums[v][2] + sums[v][3];
    }
    if (shares.octets > 0)
      add_up_sparse<Number, kVectorTiles>(target.sparse, shares, ahead, vectors, octet, room.sparse[turn][local_tile]);
    __syncthreads();

    for (int i = first_out; i < R::kRows * task.vectors; i += kThreads / 16) {
      const int local = i % R::kRows, vector = i / R::kRows, out_row = step.first_tile * kTileRows + local;
      const int out_tile = step.first_tile + local / kTileRows;
      // Of a tile behind the last, nothing is known; the 16 threads of a row skip it together, but their warp does not.
      const bool inside = out_tile < step.tiles;
      const SparseChunks none = {};
      const float sum =
          total<kVectorTiles>(room, turn, inside ? target.sparse : none, inside ? out_tile : 0, local, vector);
      if (threadIdx.x % 16 != 0 || out_row >= target.rows) continue;
      const std::int64_t at = static_cast<std::int64_t>(vector) * target.rows + out_row;
      if constexpr (kGated) {
        const float value = sum + (target.bias ? target.bias[out_row] : 0.0f);
        if (n % 2 == 0) {
          gates[vector][local] = value;  // for the same thread, in the next step
        } else {
          const float gate = gates[vector][local];
          target.y[at] = gate / (1.0f + expf(-gate)) * value;
        }
      } else {
        float value = sum + prior;
        if (i != first_out)
          value = sum + (target.bias ? target.bias[out_row] : 0.0f) + (target.add ? target.y[at] : 0.0f);
        target.y[at] = value;
      }
    }
  }
}

// How a layout is launched; one object for each, so that products of equal layouts go together.
struct Kernels {
  // By vectors: one that each block makes ready for itself, then tiles of 1, 2 and 4.
  void (*plain[4])(Task);
  void (*gated[4])(Task);
  int tile_shared_bytes;  // dynamic, for each tile of rows that a block has; times the codebook's entries
  bool bfloat16;          // of the vectors
};

template <typename Layout>
const Kernels& kernels_of() {
  static const Kernels kernels = {{few_kernel<Layout, 1, true, false>, few_kernel<Layout, 1, false, false>,
                                   few_kernel<Layout, 2, false, false>, few_kernel<Layout, 4, false, false>},
                                  {few_kernel<Layout, 1, true, true>, few_kernel<Layout, 1, false, true>,
                                   few_kernel<Layout, 2, false, true>, few_kernel<Layout, 4, false, true>},
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
