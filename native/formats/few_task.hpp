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
  const void* tables = nullptr;  // codebooks, where there are some
  // For one vector: codebooks in whole numbers of two signed bytes, and what a row's numbers are multiplied by.
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

// --- Sparse parts

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

// --- Steps

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

}  // namespace squeeze::few
