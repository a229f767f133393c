#pragma once
// Products of a matrix with one vector: what every generated token is made of. For .cu files. The order of weights is
// that of formats/few_kernel.hpp; what is different is that no warp ever waits for another. A warp adds up its share of
// a step's 16 rows, leaves the sums and goes on; whoever comes last finishes the step.

#include "formats/few_task.hpp"

namespace squeeze::one {

using namespace few;

constexpr int kShares = kWarps;  // of a tile's units: all warps of a block
constexpr int kOctets = 4 * kWarps;
constexpr int kSlots = kOctets + kTileRows;

// A block's shared memory. Twice: the sums of one step are finished while those of the next are left.
struct Room {
  float dense[2][kShares][kTileRows];
  float sparse[2][kSlots];
  float gates[kTileRows];
};

// --- Vectors

// 16-bit floats: the value, and what rounding left of it.
template <typename Number>
class SplitVector {
 public:
  static constexpr int kGap = 32;  // so that lanes read both rows from different banks
  static std::int64_t bytes(int stride) { return 2 * (std::int64_t{2} * stride + kGap); }

  __device__ explicit SplitVector(const Task& task)
      : value_(dynamic_shared<unsigned short>()), rest_(value_ + task.stride + kGap) {
    split_vector<Number>(task.own_x, task.norm_weight, task.norm_bias, task.eps, task.cols, task.stride, value_, rest_);
  }
  __device__ __forceinline__ float operator[](int col) const {
    return as_float(Number{value_[col]}) + as_float(Number{rest_[col]});
  }
  // Columns 32q + 8t .. + 7 of a unit for lane 4g + t: of row g, of two.
  __device__ __forceinline__ uint4 eight(int unit, int q) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const unsigned short* row = lane < 4 ? value_ : rest_;  // nobody looks at the sums of more columns
    return *reinterpret_cast<const uint4*>(row + unit * kUnitCols + 32 * q + 8 * (lane % 4));
  }

 private:
  unsigned short *value_, *rest_;
};

// Whole numbers of three signed bytes, and what they are multiplied by: 24 bits of the largest element.
class DigitVector {
 public:
  static constexpr int kGap = 32;
  static constexpr float kMost = 0x7f7f00;  // three digits reach to 0x7f7f7f, and roundings beyond this
  static std::int64_t bytes(int stride) { return 3 * (std::int64_t{1} * stride + kGap); }

  __device__ explicit DigitVector(const Task& task) : digits_(dynamic_shared<signed char>()), row_(task.stride + kGap) {
    __shared__ float room[32];
    const Norm norm(task.own_x, task.norm_weight, task.norm_bias, task.eps, task.cols, room);
    float largest = 0;
    for_each_four(task.own_x, task.cols, [&](int col, int count, const float(&four)[4]) {
      float v[4] = {four[0], four[1], four[2], four[3]};
      norm.apply(col, count, v);
#pragma unroll
      for (int i = 0; i < 4; ++i) largest = fabsf(v[i]) > largest || v[i] != v[i] ? fabsf(v[i]) : largest;
    });
    largest = block_max(largest, room);
    // NaN or Inf anywhere makes every product NaN.
    const bool finite = largest < INFINITY;
    scale_ = !finite ? NAN : largest > 0 ? largest / kMost : 1.0f;
    const float in_steps = finite && largest > 0 ? kMost / largest : 0.0f;
    for_each_four(task.own_x, task.cols, [&](int col, int count, const float(&four)[4]) {
      float v[4] = {four[0], four[1], four[2], four[3]};
      norm.apply(col, count, v);
      unsigned steps[4];  // three bytes, each 128 more than its digit, and then the digits
#pragma unroll
      for (int i = 0; i < 4; ++i)
        steps[i] = static_cast<unsigned>(__float2int_rn(v[i] * in_steps) + 0x808080) ^ 0x808080u;
#pragma unroll
      for (unsigned d = 0; d < 3; ++d) {
        const unsigned pair = d | (d + 4) << 4;
        const unsigned digits =
            permute_bytes(permute_bytes(steps[0], steps[1], pair), permute_bytes(steps[2], steps[3], pair), 0x5410);
        *reinterpret_cast<unsigned*>(digits_ + static_cast<int>(d) * row_ + col) = digits;
      }
    });
    for (int i = (task.cols + 3) / 4 * 4 + static_cast<int>(threadIdx.x); i < task.stride; i += kThreads)
      digits_[i] = digits_[row_ + i] = digits_[2 * row_ + i] = 0;
  }

  __device__ __forceinline__ float scale() const { return scale_; }
  __device__ __forceinline__ float operator[](int col) const {
    const signed char* at = digits_ + col;
    return static_cast<float>(at[0] + (at[row_] << 8) + (at[2 * row_] << 16)) * scale_;
  }
  // Columns 32q + 8t .. + 7 of a unit for lane 4g + t: of digit g, of three.
  __device__ __forceinline__ uint2 eight(int unit, int q) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int digit = min(lane / 4, 2);  // nobody looks at the sums of more columns
    return *reinterpret_cast<const uint2*>(digits_ + digit * row_ + unit * kUnitCols + 32 * q + 8 * (lane % 4));
  }

 private:
  signed char* digits_;
  int row_;
  float scale_;
};

// --- Steps

// Chunks that an octet has of a tile, in the order of rows, into the slots.
template <typename Vector>
__device__ __forceinline__ void add_up_sparse(const SparseChunks& sparse, const Shares& shares, const FirstChunk& ahead,
                                              const Vector& x, int octet, float (&slots)[kSlots]) {
  if (octet >= shares.octets) return;
  const int lane = static_cast<int>(threadIdx.x) % 32, begin = shares.begin(octet), end = shares.begin(octet + 1);
  const unsigned octet_lanes = 0xffu << (lane / kChunk * kChunk);
  float sum = 0;
  int row = ahead.row;
  const auto leave = [&] {
#pragma unroll
    for (int step = kChunk / 2; step > 0; step /= 2) sum += __shfl_xor_sync(octet_lanes, sum, step);
    if (lane % kChunk == 0) slots[row + octet] = sum;
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
    sum += as_float(Half{static_cast<std::uint16_t>(entry >> 16)}) * x[static_cast<int>(entry & 0xffffu)];
  }
  leave();
}

// The sums of a step by one warp, two lanes a row, in a fixed order; in both lanes.
__device__ __forceinline__ float total(const Room& room, int turn, const Target& target, int tile) {
  const int lane = static_cast<int>(threadIdx.x) % 32, row = lane / 2, part = lane % 2;
  float sum = 0;
#pragma unroll
  for (int s = 0; s < kShares / 2; ++s) sum += room.dense[turn][part * kShares / 2 + s][row];
  if (target.scales != nullptr && tile * kTileRows + row < target.rows) sum *= target.scales[tile * kTileRows + row];
  if (target.sparse.begin != nullptr) {
    const int begin = target.sparse.begin[tile * kTileRows + row],
              end = target.sparse.begin[tile * kTileRows + row + 1];
    if (begin < end) {
      const Shares shares = Shares::of<kOctets>(target.sparse, tile);
      const int last = shares.octet_of(end - 1);
      for (int o = shares.octet_of(begin) + part; o <= last; o += 2) sum += room.sparse[turn][row + o];
    }
  }
  return sum + __shfl_xor_sync(kWholeWarp, sum, 1);
}

// Gated: targets[0] is the gate, targets[1] what it opens for, and y of the first = silu(gate) · up; steps of the two
// take turns.
template <typename Layout, bool kGated>
__global__ void __launch_bounds__(kThreads, Layout::kBlocks) one_kernel(const __grid_constant__ Task task) {
  constexpr int kAhead = Layout::kUnitsAhead;
  constexpr int kTableWords = kTileRows * Layout::kTableWords;
  __shared__ Room room;
  alignas(16) __shared__ unsigned tables[2][kWarps][kTableWords > 0 ? kTableWords : 4];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const int octet = 4 * warp + lane / kChunk;
  const int own_units = warp < task.units ? (task.units - warp - 1) / kShares + 1 : 0;
  const int padded_units = (own_units + kAhead - 1) / kAhead * kAhead;

  const int blocks = static_cast<int>(gridDim.x), block = static_cast<int>(blockIdx.x);
  const auto step_number = [&](int n) { return kGated ? 2 * (block + n / 2 * blocks) + n % 2 : block + n * blocks; };
  const auto look_ahead = [&](int n) {
    Ahead<Layout> ahead;
    const int number = step_number(n);
    if (number >= task.steps) return ahead;
    const Step step = Step::of<kGated, 1>(task, number);
    ahead.has_tile = true;
    ahead.tile = step.first_tile;
    ahead.target = step.target;
    ahead.stream = Layout::stream(*step.target, task, step.first_tile);
    return ahead;
  };
  // Codebooks of a step, into the warp's own memory.
  const auto fetch_tables = [&](const Ahead<Layout>& ahead, int n) {
    if constexpr (kTableWords > 0) {
      if (ahead.has_tile && lane < kTableWords / 4)
        copy_async_16(&tables[n % 2][warp][4 * lane],
                      ahead.target->digits + static_cast<std::int64_t>(ahead.tile) * kTableWords + 4 * lane);
      copy_async_commit();
    }
  };
  const auto shares_of = [&](const Ahead<Layout>& ahead) {
    return ahead.has_tile && ahead.target->sparse.begin != nullptr
               ? Shares::of<kOctets>(ahead.target->sparse, ahead.tile)
               : Shares{};
  };
  const auto first_chunk_of = [&](const Ahead<Layout>& ahead, const Shares& shares) {
    return shares.octets > 0 ? FirstChunk::of(ahead.target->sparse, shares, octet) : FirstChunk{};
  };

  // All of this are weights, which no kernel under way writes.
  let_next_begin();
  typename Layout::Unit units[kAhead];
  Ahead<Layout> here, next = look_ahead(0);
#pragma unroll
  for (int d = 0; d < kAhead; ++d)
    if (next.has_tile && d < own_units) Layout::load(next.stream, warp + d * kShares, units[d]);
  fetch_tables(next, 0);
  Shares next_shares = shares_of(next);
  FirstChunk next_chunk = first_chunk_of(next, next_shares);

  wait_for_previous();
  const typename Layout::Vector x(task);
  __syncthreads();

  for (int n = 0; step_number(n) < task.steps; ++n) {
    const int turn = n % 2;
    here = next;
    next = look_ahead(n + 1);
    const Target& target = *here.target;
    const Shares shares = next_shares;
    const FirstChunk first_chunk = next_chunk;
    if constexpr (kTableWords > 0) {
      copy_async_wait<0>();
      __syncwarp();
    }
    const Layout layout(tables[n % 2][warp]);
    fetch_tables(next, n + 1);
    next_shares = shares_of(next);

    // What the end of the step needs, asked for at its beginning, by two lanes a row.
    const int row = here.tile * kTileRows + lane / 2;
    float prior = 0;
    if (row < target.rows) {
      if (target.bias != nullptr) prior += target.bias[row];
      if (target.add) prior += target.y[row];
    }

    typename Layout::Sums sums = {};
    for (int base = 0; base < padded_units; base += kAhead) {
      // What takes the place of these units: the next ones of this step, or the first of the next.
      const bool last = base + kAhead == padded_units;
      const typename Layout::Stream from = last ? next.stream : here.stream;
      const int first = last ? 0 : base + kAhead, there = last && !next.has_tile ? 0 : own_units;
      if (base + kAhead <= own_units && (there == 0 || first + kAhead <= there)) {
        const bool more = there != 0;
#pragma unroll
        for (int d = 0; d < kAhead; ++d) {
          layout.multiply(units[d], warp + (base + d) * kShares, x, sums);
          if (more) Layout::load(from, warp + (first + d) * kShares, units[d]);
        }
      } else {
#pragma unroll
        for (int d = 0; d < kAhead; ++d) {
          if (base + d < own_units) layout.multiply(units[d], warp + (base + d) * kShares, x, sums);
          if (first + d < there) Layout::load(from, warp + (first + d) * kShares, units[d]);
        }
      }
    }
    next_chunk = first_chunk_of(next, next_shares);

    float low, high;
    Layout::finish(sums, x, low, high);
    if (lane % 4 == 0) {
      room.dense[turn][warp][lane / 4] = low;
      room.dense[turn][warp][lane / 4 + 8] = high;
    }
    if (shares.octets > 0) add_up_sparse(target.sparse, shares, first_chunk, x, octet, room.sparse[turn]);
    __syncthreads();
    // Whoever finishes a step comes to the next barrier after it, and nobody writes to its room before that one.
    if (warp != n % kWarps) continue;
    const float value = total(room, turn, target, here.tile) + prior;
    if constexpr (kGated) {
      if (n % 2 == 0) {
        if (lane % 2 == 0) room.gates[lane / 2] = value;
      } else if (lane % 2 == 0 && row < target.rows) {
        const float gate = room.gates[lane / 2];
        target.y[row] = gate / (1.0f + expf(-gate)) * value;
      }
    } else {
      if (lane % 2 == 0 && row < target.rows) target.y[row] = value;
    }
  }
}

// Adds the kernels for one vector to a layout's others.
template <typename Layout>
few::Kernels with_one(few::Kernels kernels) {
  kernels.plain[0] = one_kernel<Layout, false>;
  kernels.gated[0] = one_kernel<Layout, true>;
  kernels.one_bytes = Layout::Vector::bytes;
  return kernels;
}

}  // namespace squeeze::one
