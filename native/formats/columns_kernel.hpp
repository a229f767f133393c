#pragma once
// Products of a matrix with up to 64 columns of 16-bit numbers on tensor cores: several vectors, each in two columns
// (formats/few_kernel.hpp says why), or the tokens of a short prompt, one each. For .cu files. Each weight is read and
// decoded once for all columns, straight into what the tensor cores take.
//
// A block has 128 rows, a tile of 16 for each of its warps, and a share of K; shares of one row block are added up by
// whichever of its blocks ends last. Columns go through shared memory in stages, a unit of 128 numbers each, while the
// stages before are worked on.

#include "formats/few_task.hpp"

namespace squeeze::columns {

using few::kGroups;
using few::kTileRows;
using few::kUnitCols;
using few::Target;

constexpr int kMostColumns = 64;
constexpr int kWarps = few::kWarps;
constexpr int kThreads = few::kThreads;
constexpr int kBlockRows = kWarps * kTileRows;
constexpr int kStages = 3;
constexpr int kStageStride = kUnitCols + 32;  // so that lanes read rows of a stage from different banks
constexpr int kWeightsAhead = 2;              // units

// In few::Task, `steps` and `first_step` count row blocks here, and x is not looked at.
struct Task {
  few::Task of = {};
  const unsigned short* x = nullptr;  // [columns, x_stride]; 16 bytes beside one another, and so are rows
  int x_stride = 0;
  int x_cols = 0;  // numbers that a row has, a multiple of 8; behind them, zeros are taken
  int columns = 0;
  bool pairs = false;                      // two columns a vector, which are added up
  const unsigned short* turned = nullptr;  // [cols, kColumns], x the other way round, where a weight is kept beside
  float* partial = nullptr;                // [row blocks · shares, vectors, 128], where K is shared
  unsigned* arrived = nullptr;             // [row blocks], zeros before and after

  __host__ __device__ int vectors() const { return pairs ? columns / 2 : columns; }
};

// Which rows a block has.
struct RowBlock {
  const Target* target;
  int first_tile, tiles;  // of all of the target

  __device__ __forceinline__ static RowBlock of(const Task& task, int number) {
    int which = 0;
    while (which + 1 < task.of.count && number >= task.of.targets[which + 1].first_step) ++which;
    const Target* target = &task.of.targets[which];
    return {target, (number - target->first_step) * kWarps, (target->rows + kTileRows - 1) / kTileRows};
  }
  __device__ __forceinline__ int end_tile() const { return min(tiles, first_tile + kWarps); }
};

// The sums of a block in shared memory. A row whose kept weights more than one warp has is begun by one of them; the
// others leave what they have of it apart.
template <int kColumns>
struct Room {
  float sums[kBlockRows][kColumns + 1];
  float heads[kWarps][kColumns];
  int head_rows[kWarps];
};

template <int kColumns>
constexpr std::int64_t room_bytes() {
  constexpr std::int64_t stages = 2 * std::int64_t{kStages} * kColumns * kStageStride;
  return stages > static_cast<std::int64_t>(sizeof(Room<kColumns>)) ? stages
                                                                    : static_cast<std::int64_t>(sizeof(Room<kColumns>));
}

// A unit's numbers of all columns, into a stage; by all threads.
template <int kColumns>
__device__ __forceinline__ void fetch(const Task& task, int unit, unsigned short* stage) {
  constexpr int kPieces = kUnitCols / 8;  // of 16 bytes, in a row
#pragma unroll
  for (int i = 0; i < kColumns * kPieces / kThreads; ++i) {
    const int piece = i * kThreads + static_cast<int>(threadIdx.x), column = piece / kPieces;
    const int at = piece % kPieces * 8, col = unit * kUnitCols + at;
    // Columns behind the last take what is there: nobody looks at their sums.
    const unsigned short* row = task.x + static_cast<std::int64_t>(min(column, task.columns - 1)) * task.x_stride;
    const bool there = col < task.x_cols;
    copy_async_or_zero<16>(stage + column * kStageStride + at, row + (there ? col : 0), there);
  }
}

template <typename Layout, int kColumns>
__device__ __forceinline__ void multiply(const Layout& layout, const typename Layout::Unit& weights,
                                         const unsigned short* stage, float (&sums)[kColumns / 8][4]) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const unsigned short* own = stage + lane / 4 * kStageStride + lane % 4 * 8;
#pragma unroll
  for (int q = 0; q < kGroups / 2; ++q) {
    unsigned a[2][4];
    layout.fragment(weights, 2 * q, a[0]);
    layout.fragment(weights, 2 * q + 1, a[1]);
#pragma unroll
    for (int n = 0; n < kColumns / 8; ++n) {
      const uint4 eight = *reinterpret_cast<const uint4*>(own + n * 8 * kStageStride + 32 * q);
      mma_m16n8k16<typename Layout::Number>(sums[n], a[0], {eight.x, eight.y});
      mma_m16n8k16<typename Layout::Number>(sums[n], a[1], {eight.z, eight.w});
    }
  }
}

// The sums of a block's share of the dense part, into the room.
template <typename Layout, int kColumns>
__device__ __forceinline__ void add_up_dense(const Task& task, const RowBlock& block, unsigned short* stages,
                                             Room<kColumns>& room) {
  constexpr int kStage = kColumns * kStageStride;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int share = static_cast<int>(blockIdx.y), shares = static_cast<int>(gridDim.y);
  const int begin = task.of.units * share / shares, end = task.of.units * (share + 1) / shares;
  // A warp without a tile works on the last one for nobody.
  const int tile = min(block.first_tile + warp, block.tiles - 1);

  const typename Layout::Stream stream = Layout::stream(*block.target, task.of, tile);
  typename Layout::Unit units[kWeightsAhead];
#pragma unroll
  for (int d = 0; d < kWeightsAhead; ++d)
    if (begin + d < end) Layout::load(stream, begin + d, units[d]);
  Layout::prepare(*block.target, task.of, block.first_tile, block.end_tile());
  const Layout layout(*block.target,
                      static_cast<const unsigned*>(block.target->tables) +
                          static_cast<std::int64_t>(tile) * kTileRows * Layout::kTableWords,
                      tile - block.first_tile);

  wait_for_previous();
  for (int s = 0; s < kStages - 1; ++s) {
    if (begin + s < end) fetch<kColumns>(task, begin + s, stages + s * kStage);
    copy_async_commit();
  }
  float sums[kColumns / 8][4] = {};
  for (int base = begin; base < end; base += kWeightsAhead) {
#pragma unroll
    for (int d = 0; d < kWeightsAhead; ++d) {
      const int unit = base + d, place = unit - begin;
      if (unit >= end) break;
      copy_async_wait<kStages - 2>();
      __syncthreads();  // this unit's stage is there, and that of the one before has been read
      if (unit + kStages - 1 < end)
        fetch<kColumns>(task, unit + kStages - 1, stages + (place + kStages - 1) % kStages * kStage);
      copy_async_commit();
      multiply<Layout, kColumns>(layout, units[d], stages + place % kStages * kStage, sums);
      if (unit + kWeightsAhead < end) Layout::load(stream, unit + kWeightsAhead, units[d]);
    }
  }
  __syncthreads();  // all columns have been read, and the room takes the place of their stages

  const int row = warp * kTileRows + lane / 4;
#pragma unroll
  for (int n = 0; n < kColumns / 8; ++n) {
    const int column = 8 * n + lane % 4 * 2;
    room.sums[row][column] = sums[n][0];
    room.sums[row][column + 1] = sums[n][1];
    room.sums[row + 8][column] = sums[n][2];
    room.sums[row + 8][column + 1] = sums[n][3];
  }
  __syncthreads();
}

// Kept weights, shared among the warps of all blocks of these rows as they are many. A lane has one column or two;
// where there are but 16 columns, half a warp has every second weight.
template <typename Number, int kColumns>
class SparseWalk {
 public:
  __device__ __forceinline__ SparseWalk(const Task& task, const RowBlock& block, Room<kColumns>& room)
      : task_(task), block_(block), sparse_(block.target->sparse), room_(room) {}

  __device__ __forceinline__ void run() {
    const int first = first_chunk(block_.first_tile), count = first_chunk(block_.end_tile()) - first;
    const int walkers = kWarps * static_cast<int>(gridDim.y);
    const int walker = static_cast<int>(blockIdx.y) * kWarps + warp();
    const auto end_of = [&](int w) { return first + static_cast<int>(static_cast<std::int64_t>(count) * w / walkers); };
    const int begin = end_of(walker), end = end_of(walker + 1);
    if (lane() == 0) room_.head_rows[warp()] = -1;
    int tile = block_.first_tile;
    for (int chunk = begin; chunk < end; ++chunk) {
      while (chunk >= first_chunk(tile + 1)) ++tile;
      const int row = (tile - block_.first_tile) * kTileRows + sparse_.row[chunk];
      if (row != row_) {
        leave();
        row_ = row;
      }
      add(chunk);
    }
    leave();
  }

  // What was left apart, once all have left theirs; in the order of warps.
  __device__ __forceinline__ void add_heads() {
    const int column = static_cast<int>(threadIdx.x);
    if (column >= kColumns) return;
    for (int w = 0; w < kWarps; ++w)
      if (const int row = room_.head_rows[w]; row >= 0) room_.sums[row][column] += room_.heads[w][column];
  }

 private:
  static constexpr int kOwn = kColumns > 32 ? kColumns / 32 : 1;  // columns of a lane
  static constexpr int kTeams = 32 * kOwn / kColumns;

  __device__ __forceinline__ static int warp() { return static_cast<int>(threadIdx.x) / 32; }
  __device__ __forceinline__ static int lane() { return static_cast<int>(threadIdx.x) % 32; }
  __device__ __forceinline__ static int column() { return lane() * kOwn % kColumns; }
  __device__ __forceinline__ int first_chunk(int tile) const { return sparse_.begin[tile * kTileRows]; }

  __device__ __forceinline__ void add(int chunk) {
    const auto* entries =
        reinterpret_cast<const uint4*>(sparse_.entries + static_cast<std::int64_t>(chunk) * few::kChunk);
    const uint4 one = entries[0], two = entries[1];
    const unsigned all[few::kChunk] = {one.x, one.y, one.z, one.w, two.x, two.y, two.z, two.w};
#pragma unroll
    for (int i = 0; i < few::kChunk; i += kTeams) {
      const unsigned entry = kTeams == 1 || lane() < 16 ? all[i] : all[i + kTeams - 1];
      const float kept = as_float(Half{static_cast<std::uint16_t>(entry >> 16)});
      const unsigned short* at = task_.turned + static_cast<std::int64_t>(entry & 0xffffu) * kColumns + column();
      if constexpr (kOwn == 2) {
        const unsigned both = *reinterpret_cast<const unsigned*>(at);
        sums_[0] += kept * as_float(Number{static_cast<std::uint16_t>(both)});
        sums_[1] += kept * as_float(Number{static_cast<std::uint16_t>(both >> 16)});
      } else {
        sums_[0] += kept * as_float(Number{*at});
      }
    }
  }

  // The first row of a warp may have begun in the warp before.
  __device__ __forceinline__ void leave() {
    if (row_ < 0) return;
#pragma unroll
    for (int c = 0; c < kOwn; ++c) {
      if constexpr (kTeams == 2) sums_[c] += __shfl_xor_sync(kWholeWarp, sums_[c], 16);
      if (kTeams == 1 || lane() < 16) {
        if (is_head_)
          room_.heads[warp()][column() + c] = sums_[c];
        else
          room_.sums[row_][column() + c] += sums_[c];
      }
      sums_[c] = 0;
    }
    if (is_head_ && lane() == 0) room_.head_rows[warp()] = row_;
    is_head_ = false;
  }

  const Task& task_;
  const RowBlock& block_;
  const few::SparseChunks& sparse_;
  Room<kColumns>& room_;
  int row_ = -1;
  bool is_head_ = true;
  float sums_[kOwn] = {};
};

// Calls use(vector, row within the block, its sum) for what the room holds; by all threads, neighbours in a row of y.
template <int kColumns, typename Use>
__device__ __forceinline__ void for_each_sum(const Task& task, const Room<kColumns>& room, Use&& use) {
  for (int i = static_cast<int>(threadIdx.x); i < kBlockRows * task.vectors(); i += kThreads) {
    const int row = i % kBlockRows, vector = i / kBlockRows;
    use(vector, row, task.pairs ? room.sums[row][2 * vector] + room.sums[row][2 * vector + 1] : room.sums[row][vector]);
  }
}

// Where shares of K are apart: leaves this block's sums for the others. True in the block that comes last, when those
// of all are in the room, added up in the order of shares.
template <int kColumns>
__device__ __forceinline__ bool gather_shares(const Task& task, Room<kColumns>& room) {
  __shared__ bool is_last;
  const int shares = static_cast<int>(gridDim.y);
  const std::int64_t size = std::int64_t{kBlockRows} * task.vectors();
  float* all = task.partial + static_cast<std::int64_t>(blockIdx.x) * shares * size;
  for_each_sum(task, room, [&](int vector, int row, float sum) {
    all[static_cast<std::int64_t>(blockIdx.y) * size + vector * kBlockRows + row] = sum;
  });
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    is_last = atomicAdd(&task.arrived[blockIdx.x], 1u) + 1 == static_cast<unsigned>(shares);
    if (is_last) task.arrived[blockIdx.x] = 0;
  }
  __syncthreads();
  if (!is_last) return false;
  __threadfence();
  for_each_sum(task, room, [&](int vector, int row, float) {
    float sum = 0;
    for (int s = 0; s < shares; ++s) sum += __ldcg(all + s * size + vector * kBlockRows + row);
    room.sums[row][task.pairs ? 2 * vector : vector] = sum;
    if (task.pairs) room.sums[row][2 * vector + 1] = 0;
  });
  return true;  // each thread goes on with what it has put there itself
}

template <typename Layout, int kColumns>
__global__ void __launch_bounds__(kThreads, 2) columns_kernel(const __grid_constant__ Task task) {
  let_next_begin();
  const RowBlock block = RowBlock::of(task, static_cast<int>(blockIdx.x));
  const Target& target = *block.target;
  auto* memory = dynamic_shared<unsigned char>() + std::int64_t{Layout::kTileSharedBytes} * target.entries * kWarps;
  auto& room = *reinterpret_cast<Room<kColumns>*>(memory);
  add_up_dense<Layout, kColumns>(task, block, reinterpret_cast<unsigned short*>(memory), room);
  if (target.sparse.begin != nullptr) {
    SparseWalk<typename Layout::Number, kColumns> walk(task, block, room);
    walk.run();
    __syncthreads();
    walk.add_heads();
    __syncthreads();
  }
  if (gridDim.y > 1 && !gather_shares(task, room)) return;
  for_each_sum(task, room, [&](int vector, int row, float sum) {
    const int out_row = block.first_tile * kTileRows + row;
    if (out_row >= target.rows) return;
    float* y = target.y + static_cast<std::int64_t>(vector) * target.rows + out_row;
    if (target.bias != nullptr) sum += target.bias[out_row];
    *y = target.add ? *y + sum : sum;
  });
}

}  // namespace squeeze::columns
