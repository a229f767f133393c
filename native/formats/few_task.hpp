#pragma once
// What products of a matrix with few vectors have in common on a GPU, whatever the layout and the number of vectors:
// the description of a launch, and the order of weights, of which formats/few_kernel.hpp tells more. For .cu files.

#include "device/kernel.hpp"
#include "formats/device_weight.hpp"

namespace squeeze::few {

constexpr int kTileRows = 16;
constexpr int kUnitCols = 128;
constexpr int kGroups = 8;  // of four columns that a lane has in a unit
constexpr int kWarps = 8;
constexpr int kThreads = 32 * kWarps;
constexpr int kMostTargets = 3;
constexpr int kChunk = 8;                  // sparse entries of one row that lie together
constexpr int kMostAheadBytes = 32 << 10;  // that L2 is asked for of a tile

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
  const void* tables = nullptr;  // codebooks, where there are some
  // For one vector: the codebooks in whole numbers of two signed bytes, and what a row's numbers are multiplied by.
  const unsigned* digits = nullptr;
  const float* scales = nullptr;
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

// Calls use(column, count, four numbers) for all columns of x, by all threads of a block; of the last four, `count` are
// there. x is a row of a matrix that lies on 16 bytes.
template <typename Use>
__device__ __forceinline__ void for_each_four(const float* x, int cols, Use&& use) {
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x), whole = cols / 4 * 4;
  const bool aligned = cols % 4 == 0;
  for (int base = 4 * thread; base < whole; base += kPieces * 4 * threads) {
    float4 pieces[kPieces] = {};
#pragma unroll
    for (int p = 0; p < kPieces; ++p)
      if (const int col = base + p * 4 * threads; col < whole)
        pieces[p] =
            aligned ? *reinterpret_cast<const float4*>(x + col) : float4{x[col], x[col + 1], x[col + 2], x[col + 3]};
#pragma unroll
    for (int p = 0; p < kPieces; ++p)
      if (const int col = base + p * 4 * threads; col < whole) {
        const float four[4] = {pieces[p].x, pieces[p].y, pieces[p].z, pieces[p].w};
        use(col, 4, four);
      }
  }
  if (whole < cols && thread == 0) {
    float four[4] = {};
    for (int i = whole; i < cols; ++i) four[i - whole] = x[i];
    use(whole, cols - whole, four);
  }
}

// Four numbers of a norm's weights at a column, of which `count` are there.
__device__ __forceinline__ float4 load_four(const float* at, int count) {
  if (count == 4) return *reinterpret_cast<const float4*>(at);
  return {at[0], count > 1 ? at[1] : 0.0f, count > 2 ? at[2] : 0.0f, 0.0f};
}

// x as it is or its norm (RMSNorm; LayerNorm with a bias), number by number: what all threads of a block know of it.
class Norm {
 public:
  struct Sums {
    float squares, largest;
  };

  // `room`: 32 of shared memory. Where nobody asks for largest() and there is no norm, x is not looked at.
  __device__ __forceinline__ Norm(const float* x, const float* weight, const float* bias, float eps, int cols,
                                  bool wants_largest, Sums* room)
      : weight_(weight), bias_(bias) {
    if (weight == nullptr && !wants_largest) return;
    if (bias != nullptr) {
      Sums sum = {};
      for_each_four(x, cols, [&](int, int, const float(&v)[4]) { sum.squares += (v[0] + v[1]) + (v[2] + v[3]); });
      mean_ = over_block(sum, room).squares / static_cast<float>(cols);
    }
    Sums sums = {};
    float largest_bias = 0;
    for_each_four(x, cols, [&](int col, int count, const float(&v)[4]) {
      const Weights w = weights_at(col, count);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (i >= count) continue;
        const float away = v[i] - mean_;
        sums.squares += away * away;
        sums.largest = larger(sums.largest, fabsf(away * w.of[i]));
        largest_bias = larger(largest_bias, fabsf(w.bias[i]));
      }
    });
    sums = over_block(sums, room);
    if (weight != nullptr) factor_ = 1.0f / sqrtf(sums.squares / static_cast<float>(cols) + eps);
    largest_ = sums.largest * factor_;
    if (bias != nullptr) largest_ += over_block({0, largest_bias}, room).largest;
  }

  // No number is larger, but for roundings; NaN or Inf where one is.
  __device__ __forceinline__ float largest() const { return largest_; }

  // Replaces the numbers of x at a column; those that are not there become 0.
  __device__ __forceinline__ void apply(int col, int count, float (&v)[4]) const {
    if (weight_ == nullptr) return;
    const Weights w = weights_at(col, count);
#pragma unroll
    for (int i = 0; i < 4; ++i) v[i] = i < count ? (v[i] - mean_) * factor_ * w.of[i] + w.bias[i] : 0.0f;
  }

 private:
  struct Weights {
    float of[4], bias[4];
  };

  __device__ __forceinline__ static float larger(float a, float b) { return b > a || b != b ? b : a; }  // NaN wins

  __device__ __forceinline__ static Sums over_block(Sums own, Sums* room) {
    return block_reduce(own, room, Sums{}, [](Sums s) { return Sums{warp_sum(s.squares), warp_max(s.largest)}; });
  }

  __device__ __forceinline__ Weights weights_at(int col, int count) const {
    const float4 w = weight_ != nullptr ? load_four(weight_ + col, count) : float4{1, 1, 1, 1};
    const float4 b = bias_ != nullptr ? load_four(bias_ + col, count) : float4{0, 0, 0, 0};
    return {{w.x, w.y, w.z, w.w}, {b.x, b.y, b.z, b.w}};
  }

  const float *weight_, *bias_;
  float mean_ = 0, factor_ = 1, largest_ = 0;
};

// `value` and `rest` of one vector or of its norm, by all threads of a block, with zeros behind the last column.
template <typename Number>
__device__ __forceinline__ void split_vector(const float* x, const float* weight, const float* bias, float eps,
                                             int cols, int stride, unsigned short* value, unsigned short* rest) {
  __shared__ Norm::Sums room[32];
  const Norm norm(x, weight, bias, eps, cols, false, room);
  for_each_four(x, cols, [&](int col, int count, const float(&four)[4]) {
    float v[4] = {four[0], four[1], four[2], four[3]};
    norm.apply(col, count, v);
    unsigned short values[4], rests[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if constexpr (std::is_same_v<Number, Half>)
        v[i] = v[i] > 65504.0f ? 65504.0f : v[i] < -65504.0f ? -65504.0f : v[i];
      const Number rounded = from_float<Number>(v[i]);
      values[i] = rounded.bits;
      rests[i] = from_float<Number>(v[i] - as_float(rounded)).bits;
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

// --- Sparse parts

// Chunks of a tile, shared among octets of lanes, each of which has neighbouring ones: one each where they are fewer.
template <int kOctets>
struct Shares {
  int first = 0, chunks = 0;

  __device__ __forceinline__ static Shares of(const SparseChunks& sparse, int tile) {
    const int first = sparse.begin[tile * kTileRows];
    return {first, sparse.begin[(tile + 1) * kTileRows] - first};
  }
  __device__ __forceinline__ int begin(int octet) const {
    return first + (chunks <= kOctets ? min(octet, chunks) : chunks * octet / kOctets);
  }
  __device__ __forceinline__ int octet_of(int chunk) const {
    const auto place = static_cast<unsigned>(chunk - first);
    if (chunks <= kOctets) return static_cast<int>(place);
    return static_cast<int>(((place + 1) * kOctets - 1) / static_cast<unsigned>(chunks));
  }
};

// An octet's chunks of a tile on their way: the first two are in registers before they are needed, L2 is asked for the
// others.
template <int kOctets>
class OwnChunks {
 public:
  __device__ OwnChunks() = default;
  __device__ __forceinline__ OwnChunks(const SparseChunks& sparse, const Shares<kOctets>& shares, int octet)
      : at_(shares.begin(octet)), end_(shares.begin(octet + 1)) {
    const int lane = static_cast<int>(threadIdx.x) % kChunk;
#pragma unroll
    for (int i = 0; i < kAhead; ++i)
      if (at_ + i < end_) pieces_[i] = load(sparse, at_ + i);
    for (int chunk = at_ + kAhead + lane; chunk < end_; chunk += kChunk)
      prefetch_line(sparse.entries + static_cast<std::int64_t>(chunk) * kChunk);
  }

  __device__ __forceinline__ bool empty() const { return at_ >= end_; }
  // Calls use(row within the tile, column, value) with this lane's entry of each chunk, one after another.
  template <typename Use>
  __device__ __forceinline__ void for_each(const SparseChunks& sparse, Use&& use) const {
    Piece here = pieces_[0], next = pieces_[1];
    for (int chunk = at_; chunk < end_; ++chunk) {
      const Piece after = chunk + kAhead < end_ ? load(sparse, chunk + kAhead) : Piece{};
      use(here.row, static_cast<int>(here.entry & 0xffffu),
          as_float(Half{static_cast<std::uint16_t>(here.entry >> 16)}));
      here = next;
      next = after;
    }
  }

 private:
  static constexpr int kAhead = 2;
  struct Piece {
    unsigned entry = 0;
    int row = 0;
  };

  __device__ __forceinline__ static Piece load(const SparseChunks& sparse, int chunk) {
    const int lane = static_cast<int>(threadIdx.x) % kChunk;
    return {sparse.entries[static_cast<std::int64_t>(chunk) * kChunk + lane], sparse.row[chunk]};
  }

  int at_ = 0, end_ = 0;
  Piece pieces_[kAhead];
};

// --- Steps

// Step `number` of the launch: whose rows, and which.
struct Step {
  const Target* target;
  int tile;

  template <bool kGated>
  __device__ __forceinline__ static Step of(const Task& task, int number) {
    if constexpr (kGated) {
      return {&task.targets[number % 2], number / 2};
    } else {
      int which = 0;
      while (which + 1 < task.count && number >= task.targets[which + 1].first_step) ++which;
      return {&task.targets[which], number - task.targets[which].first_step};
    }
  }
};

}  // namespace squeeze::few
