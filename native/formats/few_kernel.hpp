#pragma once
// Products of a matrix with one to four vectors, which is what generated tokens are made of, on tensor cores: the frame
// that every layout's kernel shares. For .cu files.
//
// A warp takes 16 rows (a tile) and goes along K in units of 128 columns; what differs between layouts is how the 64
// weights that a lane has of a unit are read and become what the tensor cores take. In a unit, lane 4g + t has, of rows
// g and g + 8, the columns 32q + 8t + i (q < 4, i < 8): group j = 2q + i / 4 of four columns is one matrix
// instruction's part, whose order of K is free, as long as weights and vectors agree. The warps of a block share the
// units of a tile, leave their sums and go on; those are added up while the next step is under way.
//
// Blocks stay: each takes one step after another, a step being a tile, and reads the first weights of the next one
// while it works on the last of this one, so that memory never rests.
//
// A vector is two columns of the instruction: its value rounded to 16 bits, and what is left of it, rounded, too. So
// results are those of fp32 vectors, for nothing: one vector would leave seven of eight columns unused.

#include "formats/few_vectors.hpp"

namespace squeeze::few {

constexpr int kOctets = 4 * kWarps;
// Eight lanes go along neighbouring chunks, and leave a sum wherever the row changes. Rows and octets both only rise,
// so row + octet tells these sums apart.
constexpr int kSlots = kOctets + kTileRows;

// A block's sums in shared memory. Twice: those of one step are added up while those of the next are left.
template <int kVectors>
struct Room {
  float dense[2][kWarps][kTileRows][kVectors];
  float sparse[2][kSlots][kVectors];
  float gates[kTileRows][kVectors];
};

// Layouts whose weights become 16-bit floats, with vectors that have rows of those.
template <typename Layout, typename OfVectors>
class FragmentWork : public Layout {
 public:
  using typename Layout::Unit;
  using Vectors = OfVectors;
  struct Sums {
    float of[2][4];  // two chains of instructions, each waiting for itself only
  };

  __device__ __forceinline__ FragmentWork(const Target& target, const unsigned* tables) : Layout(target, tables, 0) {}

  __device__ __forceinline__ static const void* tables(const Target& target) { return target.tables; }
  __device__ __forceinline__ static const float* scales(const Target&) { return nullptr; }

  __device__ __forceinline__ void multiply(const Unit& u, int unit, const Vectors& x, Sums& sums) const {
    uint4 eights[kGroups / 2];
#pragma unroll
    for (int q = 0; q < kGroups / 2; ++q) eights[q] = x.eight(unit, q);
#pragma unroll
    for (int q = 0; q < kGroups / 2; ++q) {
      unsigned a[4];
      Layout::fragment(u, 2 * q, a);
      mma_m16n8k16<typename Layout::Number>(sums.of[0], a, {eights[q].x, eights[q].y});
      Layout::fragment(u, 2 * q + 1, a);
      mma_m16n8k16<typename Layout::Number>(sums.of[1], a, {eights[q].z, eights[q].w});
    }
  }

  // Rows g and g + 8 of lane 4g + t: its columns are the value and the rest of vector t.
  __device__ __forceinline__ static void leave(const Sums& sums, const Vectors&,
                                               float (&dense)[kTileRows][Vectors::kMost]) {
    const int lane = static_cast<int>(threadIdx.x) % 32, row = lane / 4, vector = lane % 4;
    if (vector >= Vectors::kMost) return;
    dense[row][vector] = (sums.of[0][0] + sums.of[1][0]) + (sums.of[0][1] + sums.of[1][1]);
    dense[row + 8][vector] = (sums.of[0][2] + sums.of[1][2]) + (sums.of[0][3] + sums.of[1][3]);
  }
};

// Chunks that an octet has of a tile, in the order of rows, into the slots.
template <typename Vectors>
__device__ __forceinline__ void add_up_sparse(const SparseChunks& sparse, const OwnChunks<kOctets>& chunks,
                                              const Vectors& x, int octet, float (&slots)[kSlots][Vectors::kMost]) {
  constexpr int kVectors = Vectors::kMost;
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const unsigned octet_lanes = 0xffu << (lane / kChunk * kChunk);
  float sums[kVectors] = {};
  int row = -1;
  const auto leave = [&] {
#pragma unroll
    for (int v = 0; v < kVectors; ++v) {
#pragma unroll
      for (int step = kChunk / 2; step > 0; step /= 2) sums[v] += __shfl_xor_sync(octet_lanes, sums[v], step);
      if (lane % kChunk == 0) slots[row + octet][v] = sums[v];
      sums[v] = 0;
    }
  };
  chunks.for_each(sparse, [&](int chunk_row, int col, float kept) {
    if (chunk_row != row) {
      if (row >= 0) leave();
      row = chunk_row;
    }
#pragma unroll
    for (int v = 0; v < kVectors; ++v)
      if (v < x.count()) sums[v] += kept * x.value(v, col);
  });
  if (row >= 0) leave();
}

// One output of a step: who adds it up, and what is asked for before the sums are there. For one vector a warp
// suffices, two threads an output; for more all threads of a block, four an output.
template <int kVectors>
class Output {
 public:
  static constexpr int kParts = kVectors == 1 ? 2 : 4;
  static_assert(kTileRows * kVectors * kParts == (kVectors == 1 ? 32 : kThreads));

  // Whether this warp adds up step n.
  __device__ __forceinline__ static bool is_due(int n) {
    return kVectors > 1 || static_cast<int>(threadIdx.x) / 32 == n % kWarps;
  }

  __device__ Output() = default;
  __device__ __forceinline__ Output(const Target& target, const float* scales, int tile, int vectors)
      : index_(static_cast<int>(threadIdx.x) % (kTileRows * kVectors * kParts) / kParts),
        row_(tile * kTileRows + index_ % kTileRows),
        is_there_(row_ < target.rows && index_ / kTileRows < vectors) {
    if (!is_there_) return;
    if (target.bias != nullptr) prior_ += target.bias[row_];
    if (target.add) prior_ += *place(target);
    if (scales != nullptr) scale_ = scales[row_];
    if (target.sparse.begin == nullptr) return;
    begin_ = target.sparse.begin[row_];
    end_ = target.sparse.begin[row_ + 1];
  }

  // In a fixed order; in all threads of the output.
  __device__ __forceinline__ float total(const Room<kVectors>& room, int turn, const Shares<kOctets>& shares) const {
    const int part = static_cast<int>(threadIdx.x) % kParts, row = index_ % kTileRows, vector = index_ / kTileRows;
    float sum = 0;
#pragma unroll
    for (int w = 0; w < kWarps / kParts; ++w) sum += room.dense[turn][part * (kWarps / kParts) + w][row][vector];
    sum *= scale_;
    if (begin_ < end_) {
      const int last = shares.octet_of(end_ - 1);
      for (int o = shares.octet_of(begin_) + part; o <= last; o += kParts) sum += room.sparse[turn][row + o][vector];
    }
#pragma unroll
    for (int step = kParts / 2; step > 0; step /= 2) sum += __shfl_xor_sync(kWholeWarp, sum, step);
    return sum + prior_;
  }

  // One thread of each output.
  __device__ __forceinline__ void store(const Target& target, float value) const {
    if (is_there_ && threadIdx.x % kParts == 0) *place(target) = value;
  }
  __device__ __forceinline__ void keep_gate(Room<kVectors>& room, float value) const {
    if (threadIdx.x % kParts == 0) room.gates[index_ % kTileRows][index_ / kTileRows] = value;
  }
  __device__ __forceinline__ void store_gated(const Target& target, const Room<kVectors>& room, float value) const {
    if (!is_there_ || threadIdx.x % kParts != 0) return;
    const float gate = room.gates[index_ % kTileRows][index_ / kTileRows];
    *place(target) = gate / (1.0f + expf(-gate)) * value;
  }

 private:
  __device__ __forceinline__ float* place(const Target& target) const {
    return target.y + static_cast<std::int64_t>(index_ / kTileRows) * target.rows + row_;
  }

  int index_ = 0, row_ = 0;
  bool is_there_ = false;
  float prior_ = 0, scale_ = 1;
  int begin_ = 0, end_ = 0;
};

// Steps that a block asks L2 for before it comes to them: what memory gives while the vectors are made ready, without
// which it would rest.
constexpr int kStepsAhead = 2;

// What a block knows of a step before it begins.
template <typename Work>
struct Ahead {
  bool is_there = false;
  int tile = 0;
  const Target* target = nullptr;
  typename Work::Stream stream = {};
};

// Gated: targets[0] is the gate, targets[1] what it opens for, and y of the first = silu(gate) · up; steps of the two
// take turns.
template <typename Work, bool kGated>
__global__ void __launch_bounds__(kThreads, 2) few_kernel(const __grid_constant__ Task task) {
  using Vectors = typename Work::Vectors;
  constexpr int kVectors = Vectors::kMost, kAhead = Work::kUnitsAhead;
  constexpr int kTableWords = kTileRows * Work::kTableWords;
  __shared__ Room<kVectors> room;
  alignas(16) __shared__ unsigned tables[2][kWarps][kTableWords > 0 ? kTableWords : 4];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int octet = 4 * warp + lane / kChunk;
  const int own_units = warp < task.units ? (task.units - warp - 1) / kWarps + 1 : 0;
  const int padded_units = (own_units + kAhead - 1) / kAhead * kAhead;

  // Step n of this block; gated ones in pairs.
  const int blocks = static_cast<int>(gridDim.x), block = static_cast<int>(blockIdx.x);
  const auto step_number = [&](int n) { return kGated ? 2 * (block + n / 2 * blocks) + n % 2 : block + n * blocks; };
  const auto look_ahead = [&](int n) {
    Ahead<Work> ahead;
    const int number = step_number(n);
    if (number >= task.steps) return ahead;
    const Step step = Step::of<kGated>(task, number);
    ahead.is_there = true;
    ahead.tile = step.tile;
    ahead.target = step.target;
    ahead.stream = Work::stream(*step.target, task, step.tile);
    return ahead;
  };
  // Asks L2 for a step's units from `first` on.
  const auto ask_for = [&](int n, int first) {
    const int number = step_number(n);
    if (warp != n % kWarps || number >= task.steps) return;
    const Step step = Step::of<kGated>(task, number);
    Work::prefetch(*step.target, task, step.tile, first);
  };
  // Codebooks of a step, into the warp's own memory.
  const auto fetch_tables = [&](const Ahead<Work>& ahead, int n) {
    if constexpr (kTableWords > 0) {
      if (ahead.is_there && lane < kTableWords / 4)
        copy_async_16(&tables[n % 2][warp][4 * lane], static_cast<const unsigned*>(Work::tables(*ahead.target)) +
                                                          static_cast<std::int64_t>(ahead.tile) * kTableWords +
                                                          4 * lane);
      copy_async_commit();
    }
  };
  const auto shares_of = [&](const Ahead<Work>& ahead) {
    return ahead.is_there && ahead.target->sparse.begin != nullptr
               ? Shares<kOctets>::of(ahead.target->sparse, ahead.tile)
               : Shares<kOctets>{};
  };
  const auto chunks_of = [&](const Ahead<Work>& ahead, const Shares<kOctets>& shares) {
    return shares.chunks > 0 ? OwnChunks<kOctets>(ahead.target->sparse, shares, octet) : OwnChunks<kOctets>{};
  };

  // All of this are weights, which no kernel under way writes.
  let_next_begin();
  typename Work::Unit units[kAhead];
  Ahead<Work> here, next = look_ahead(0);
#pragma unroll
  for (int d = 0; d < kAhead; ++d)
    if (next.is_there && d < own_units) Work::load(next.stream, warp + d * kWarps, units[d]);
  fetch_tables(next, 0);
  Shares<kOctets> shares, next_shares = shares_of(next);
  ask_for(0, kAhead * kWarps);  // behind those on their way to registers
#pragma unroll
  for (int n = 1; n < kStepsAhead; ++n) ask_for(n, 0);
  OwnChunks<kOctets> next_chunks = chunks_of(next, next_shares);

  wait_for_previous();
  const Vectors x(task);
  __syncthreads();

  for (int n = 0; step_number(n) < task.steps; ++n) {
    const int turn = n % 2;
    here = next;
    next = look_ahead(n + 1);
    const Target& target = *here.target;
    shares = next_shares;
    const OwnChunks<kOctets> chunks = next_chunks;
    if constexpr (kTableWords > 0) {
      copy_async_wait<0>();
      __syncwarp();
    }
    Work::prepare(target, task, here.tile, here.tile + 1);
    const Work work(target, tables[turn][warp]);
    fetch_tables(next, n + 1);
    next_shares = shares_of(next);
    ask_for(n + kStepsAhead, 0);
    const bool is_due = Output<kVectors>::is_due(n);
    Output<kVectors> output;
    if (is_due) output = Output<kVectors>(target, Work::scales(target), here.tile, x.count());

    typename Work::Sums sums = {};
    for (int base = 0; base < padded_units; base += kAhead) {
      // What takes the place of these units: the next ones of this step, or the first of the next.
      const bool last = base + kAhead == padded_units;
      const typename Work::Stream from = last ? next.stream : here.stream;
      const int first = last ? 0 : base + kAhead, there = last && !next.is_there ? 0 : own_units;
      if (base + kAhead <= own_units && (there == 0 || first + kAhead <= there)) {
        const bool more = there != 0;
#pragma unroll
        for (int d = 0; d < kAhead; ++d) {
          work.multiply(units[d], warp + (base + d) * kWarps, x, sums);
          if (more) Work::load(from, warp + (first + d) * kWarps, units[d]);
        }
      } else {
#pragma unroll
        for (int d = 0; d < kAhead; ++d) {
          if (base + d < own_units) work.multiply(units[d], warp + (base + d) * kWarps, x, sums);
          if (first + d < there) Work::load(from, warp + (first + d) * kWarps, units[d]);
        }
      }
    }
    next_chunks = chunks_of(next, next_shares);

    Work::leave(sums, x, room.dense[turn][warp]);
    if (!chunks.empty()) add_up_sparse(target.sparse, chunks, x, octet, room.sparse[turn]);
    __syncthreads();
    // Whoever adds a step up comes to the next barrier after it, and nobody writes to its room before that one.
    if (!is_due) continue;
    const float value = output.total(room, turn, shares);
    if constexpr (kGated) {
      if (n % 2 == 0) {
        output.keep_gate(room, value);
      } else {
        output.store_gated(target, room, value);
      }
    } else {
      output.store(target, value);
    }
  }
}

}  // namespace squeeze::few
