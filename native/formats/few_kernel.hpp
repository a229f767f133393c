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

#include "formats/few_task.hpp"

namespace squeeze::few {

// Where the rows of vectors are.
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
  // Columns behind the last vector take what is there: nobody looks at their sums.
  const int row = min(n * 8 + g, 2 * vectors.count - 1);
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
// take turns.
template <typename Layout, int kVectorTiles, bool kGated>
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
  const Vectors vectors{task.x, task.stride, task.vectors};
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
  // By vectors: one, where there is a kernel for it (formats/one_kernel.hpp); else tiles of 1, 2 and 4.
  void (*plain[4])(Task) = {};
  void (*gated[4])(Task) = {};
  std::int64_t (*one_bytes)(int stride) = nullptr;  // dynamic shared memory of the first
  int tile_shared_bytes = 0;  // of the others, for each tile of a step; times the codebook's entries
  bool bfloat16 = false;      // of their vectors
};

template <typename Layout>
Kernels kernels_of() {
  return {.plain = {nullptr, few_kernel<Layout, 1, false>, few_kernel<Layout, 2, false>, few_kernel<Layout, 4, false>},
          .gated = {nullptr, few_kernel<Layout, 1, true>, few_kernel<Layout, 2, true>, few_kernel<Layout, 4, true>},
          .tile_shared_bytes = Layout::kTileSharedBytes,
          .bfloat16 = std::is_same_v<typename Layout::Number, BFloat16>};
}

// What multiply_few needs of a weight.
class FewWeight : public DeviceWeight {
 public:
  virtual const Kernels& kernels() const = 0;
  virtual Target target() const = 0;  // weights, tables, sparse and rows
};

}  // namespace squeeze::few
