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
constexpr int kOwnGap = 32;  // columns between the two rows of a vector that a block has made ready

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

// Numbers of one vector that a thread has in registers at a time: all are asked for before the first is used.
constexpr int kPieces = 4;

// Calls use(column, four numbers) for all columns of x, by all threads of a block; x 16-byte aligned in whole rows.
template <typename Use>
__device__ __forceinline__ void for_each_four(const float* x, int cols, Use&& use) {
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  for (int base = 4 * thread; base < cols; base += kPieces * 4 * threads) {
    float4 pieces[kPieces] = {};
#pragma unroll
    for (int p = 0; p < kPieces; ++p) {
      const int col = base + p * 4 * threads;
      if (cols % 4 == 0) {
        if (col < cols) pieces[p] = *reinterpret_cast<const float4*>(x + col);
      } else {
        if (col < cols) pieces[p].x = x[col];
        if (col + 1 < cols) pieces[p].y = x[col + 1];
        if (col + 2 < cols) pieces[p].z = x[col + 2];
        if (col + 3 < cols) pieces[p].w = x[col + 3];
      }
    }
#pragma unroll
    for (int p = 0; p < kPieces; ++p)
      if (const int col = base + p * 4 * threads; col < cols) {
        const float four[4] = {pieces[p].x, pieces[p].y, pieces[p].z, pieces[p].w};
        use(col, four);
      }
  }
}

// `value` and `rest` of one vector or of its norm (RMSNorm; LayerNorm with a bias), by all threads of a block, with
// zeros behind the last column.
template <typename Number>
__device__ __forceinline__ void split_vector(const float* x, const float* weight, const float* bias, float eps,
                                             int cols, int stride, unsigned short* value, unsigned short* rest) {
  __shared__ float room[32];
  float mean = 0, factor = 1;
  if (bias != nullptr) {
    float sum = 0;
    for_each_four(x, cols, [&](int, const float(&four)[4]) { sum += (four[0] + four[1]) + (four[2] + four[3]); });
    mean = block_sum(sum, room) / static_cast<float>(cols);
  }
  if (weight != nullptr) {
    float squares = 0;
    for_each_four(x, cols, [&](int col, const float(&four)[4]) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (col + i < cols) squares += (four[i] - mean) * (four[i] - mean);
    });
    factor = 1.0f / sqrtf(block_sum(squares, room) / static_cast<float>(cols) + eps);
  }
  for_each_four(x, cols, [&](int col, const float(&four)[4]) {
    unsigned short values[4] = {}, rests[4] = {};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (col + i >= cols) continue;
      float v = four[i];
      if (weight != nullptr) v = (v - mean) * factor * weight[col + i] + (bias != nullptr ? bias[col + i] : 0.0f);
      if constexpr (std::is_same_v<Number, Half>) v = v > 65504.0f ? 65504.0f : v < -65504.0f ? -65504.0f : v;
      const Number rounded = from_float<Number>(v);
      values[i] = rounded.bits;
      rests[i] = from_float<Number>(v - as_float(rounded)).bits;
    }
    const auto pack = [](const unsigned short(&h)[4]) {
      return make_uint2(h[0] | static_cast<unsigned>(h[1]) << 16, h[2] | static_cast<unsigned>(h[3]) << 16);
    };
    *reinterpret_cast<uint2*>(value + col) = pack(values);
    *reinterpret_cast<uint2*>(rest + col) = pack(rests);
  });
  for (int i = (cols + 3) / 4 * 4 + static_cast<int>(threadIdx.x); i < stride; i += static_cast<int>(blockDim.x))
    value[i] = rest[i] = 0;
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

  __device__ __forceinline__ static FirstChunk of(const SparseChunks& sparse, const Shares& shares, int octet) {
    if (octet >= shares.octets) return {};
    const int chunk = shares.begin(octet), lane = static_cast<int>(threadIdx.x) % kChunk;
    return {sparse.entries[static_cast<std::int64_t>(chunk) * kChunk + lane], sparse.row[chunk]};
  }
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

// What a warp knows of a step before it begins.
template <typename Layout>
struct Ahead {
  bool has_tile = false;  // of a tile behind the last there is nothing
  int tile = 0;
  const Target* target = nullptr;
  typename Layout::Stream stream = {};
};

// Adds the products of one unit to the sums of all vectors. Two chains of instructions, each waiting for itself only.
template <typename Layout, int kVectorTiles>
__device__ __forceinline__ void multiply_unit(const Layout& layout, const typename Layout::Unit& weights, int unit,
                                              const Vectors& vectors, float (&sums)[kVectorTiles][2][4]) {
  using Number = typename Layout::Number;
  if constexpr (kVectorTiles == 1) {
    VectorPart part;
    load_vector_part(vectors, 0, unit, part);
#pragma unroll
    for (int j = 0; j < kGroups; ++j) {
      unsigned a[4];
      layout.fragment(weights, j, a);
      mma_m16n8k16<Number>(sums[0][j % 2], a, part.b[j]);
    }
  } else {
    unsigned a[kGroups][4];
#pragma unroll
    for (int j = 0; j < kGroups; ++j) layout.fragment(weights, j, a[j]);
#pragma unroll
    for (int v = 0; v < kVectorTiles; ++v) {
      VectorPart part;
      load_vector_part(vectors, v, unit, part);
#pragma unroll
      for (int j = 0; j < kGroups; ++j) mma_m16n8k16<Number>(sums[v][j % 2], a[j], part.b[j]);
    }
  }
}

// Gated: targets[0] is the gate, targets[1] what it opens for, and y of the first = silu(gate) · up; steps of the two
// take turns. kOwn: one vector, made ready by each block for itself.
template <typename Layout, int kVectorTiles, bool kOwn, bool kGated>
__global__ void __launch_bounds__(kThreads, 2) few_kernel(const __grid_constant__ Task task) {
  using R = Room<kVectorTiles>;
  using Number = typename Layout::Number;
  constexpr int kAhead = kVectorTiles == 1 ? Layout::kUnitsAhead : Layout::kUnitsAhead / 2;
  constexpr int kTableWords = kTileRows * Layout::kTableWords;
  __shared__ R room;
  __shared__ float gates[kGated ? R::kVectors : 1][R::kRows];
  alignas(16) __shared__ unsigned tables[2][R::kTiles][kTableWords > 0 ? kTableWords : 4];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int local_tile = warp / R::kShares, share = warp % R::kShares, octet = share * 4 + lane / kChunk;
  const int own_units = share < task.units ? (task.units - share - 1) / R::kShares + 1 : 0;
  const int padded_units = (own_units + kAhead - 1) / kAhead * kAhead;

  // Steps of this block: number n is `first + n · jump`, for gated ones in pairs.
  const int blocks = static_cast<int>(gridDim.x), block = static_cast<int>(blockIdx.x);
  const auto step_number = [&](int n) { return kGated ? 2 * (block + n / 2 * blocks) + n % 2 : block + n * blocks; };
  const auto look_ahead = [&](int n) {
    Ahead<Layout> ahead;
    const int number = step_number(n);
    if (number >= task.steps) return ahead;
    const Step step = Step::of<kGated, R::kTiles>(task, number);
    ahead.tile = step.first_tile + local_tile;
    ahead.target = step.target;
    ahead.has_tile = ahead.tile < step.tiles;
    if (ahead.has_tile) ahead.stream = Layout::stream(*step.target, task, ahead.tile);
    return ahead;
  };
  // Codebooks of step n, into shared memory.
  const auto fetch_tables = [&](const Ahead<Layout>& ahead, int n) {
    if constexpr (kTableWords > 0) {
      if (ahead.has_tile && share == 0 && lane < kTableWords / 4)
        copy_async_16(&tables[n % 2][local_tile][4 * lane], static_cast<const unsigned*>(ahead.target->tables) +
                                                                static_cast<std::int64_t>(ahead.tile) * kTableWords +
                                                                4 * lane);
      copy_async_commit();
    }
  };
  const auto shares_of = [&](const Ahead<Layout>& ahead) {
    return ahead.has_tile && ahead.target->sparse.begin != nullptr
               ? Shares::of<R::kOctets>(ahead.target->sparse, ahead.tile)
               : Shares{};
  };

  // All of this are weights, which no kernel under way writes.
  let_next_begin();
  typename Layout::Unit units[kAhead];
  Ahead<Layout> here, next = look_ahead(0);
#pragma unroll
  for (int d = 0; d < kAhead; ++d)
    if (next.has_tile && d < own_units) Layout::load(next.stream, share + d * R::kShares, units[d]);
  fetch_tables(next, 0);
  Shares next_shares = shares_of(next);
  FirstChunk next_chunk =
      next_shares.octets > 0 ? FirstChunk::of(next.target->sparse, next_shares, octet) : FirstChunk{};

  wait_for_previous();
  Vectors vectors{task.x, task.stride, task.vectors};
  if constexpr (kOwn) {
    // Half a row of banks between the two, so that lanes read both at once.
    auto* own = reinterpret_cast<unsigned short*>(dynamic_shared<unsigned char>() + Layout::shared_bytes(task));
    vectors = {own, task.stride + kOwnGap, 1};
    split_vector<Number>(task.own_x, task.norm_weight, task.norm_bias, task.eps, task.cols, task.stride, own,
                         own + vectors.stride);
  }
  if constexpr (kTableWords > 0) copy_async_wait<0>();
  __syncthreads();

  for (int n = 0; step_number(n) < task.steps; ++n) {
    const Step step = Step::of<kGated, R::kTiles>(task, step_number(n));
    const Target& target = *step.target;
    const int turn = n % 2;
    here = next;
    next = look_ahead(n + 1);
    fetch_tables(next, n + 1);
    const Shares shares = next_shares;
    const FirstChunk first_chunk = next_chunk;
    next_shares = shares_of(next);
    Layout::prepare(target, task, step.first_tile, min(step.tiles, step.first_tile + R::kTiles));

    // What the end of the step needs, asked for at its beginning.
    const int first_out = static_cast<int>(threadIdx.x) / 16;
    const int first_row = step.first_tile * kTileRows + first_out % R::kRows;
    float prior = 0;
    if (!kGated && threadIdx.x % 16 == 0 && first_row < target.rows && first_out < R::kRows * task.vectors) {
      if (target.bias != nullptr) prior += target.bias[first_row];
      if (target.add) prior += target.y[static_cast<std::int64_t>(first_out / R::kRows) * target.rows + first_row];
    }

    float sums[kVectorTiles][2][4] = {};
    const Layout layout(target, tables[turn][local_tile], local_tile);
    for (int base = 0; base < padded_units; base += kAhead) {
#pragma unroll
      for (int d = 0; d < kAhead; ++d) {
        const int at = base + d, later = at + kAhead;
        if (here.has_tile && at < own_units)
          multiply_unit<Layout, kVectorTiles>(layout, units[d], share + at * R::kShares, vectors, sums);
        // The next unit to take this one's place, of this step or the next.
        const bool same = later < padded_units;
        const int position = same ? later : later - padded_units;
        if ((same ? here.has_tile : next.has_tile) && position < own_units)
          Layout::load(same ? here.stream : next.stream, share + position * R::kShares, units[d]);
      }
    }
    next_chunk = next_shares.octets > 0 ? FirstChunk::of(next.target->sparse, next_shares, octet) : FirstChunk{};

    const int row = local_tile * kTileRows + lane / 4;
#pragma unroll
    for (int v = 0; v < kVectorTiles; ++v) {
      const auto& even = sums[v][0];
      const auto& odd = sums[v][1];
      room.dense[turn][share][row][v * kTileVectors + lane % 4] = (even[0] + odd[0]) + (even[1] + odd[1]);
      room.dense[turn][share][row + 8][v * kTileVectors + lane % 4] = (even[2] + odd[2]) + (even[3] + odd[3]);
    }
    if (shares.octets > 0)
      add_up_sparse<Number, kVectorTiles>(target.sparse, shares, first_chunk, vectors, octet,
                                          room.sparse[turn][local_tile]);
    if constexpr (kTableWords > 0) copy_async_wait<0>();
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
        const float value = sum + (target.bias != nullptr ? target.bias[out_row] : 0.0f);
        if (n % 2 == 0) {
          gates[vector][local] = value;  // for the same thread, in the next step
        } else {
          const float gate = gates[vector][local];
          target.y[at] = gate / (1.0f + expf(-gate)) * value;
        }
      } else {
        float value = sum + prior;
        if (i != first_out)
          value = sum + (target.bias != nullptr ? target.bias[out_row] : 0.0f) + (target.add ? target.y[at] : 0.0f);
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
