#pragma once
// Products of tiles, as attention needs them, in fp32: the operands come from global memory through a ring of pieces in
// shared memory, filled by copies that run ahead of the arithmetic; the sums stay in registers.
//
// A block's threads stand in a grid of kTile / RowsEach by Lanes. A thread holds rows `row() + m · kRowStep` of the
// product, and of these columns `lane() + n · Lanes` (scores) or groups of four columns `lane() + n · Lanes` (sums of
// value rows): so the lanes of a warp read neighbouring rows and columns of shared memory, without bank conflicts.

#include "device/kernel.hpp"

namespace squeeze {

// Rows of one head within a matrix: row r of `count` at data + r · stride, `dim` elements each.
struct HeadRows {
  const float* data;
  int stride;  // count · stride < 2³¹: 64-bit addresses of every load would cost registers
  int count, dim;
  bool fours;  // whether 16-byte loads can start at every row and multiple of four columns
};

inline constexpr int kTile = 64;   // rows, and columns of a tile of scores
inline constexpr int kStages = 3;  // pieces in the ring
inline constexpr int kDepth = 16;  // columns of both operands in a piece of a product of rows
inline constexpr int kSlice = 8;   // rows in a piece of a sum of rows
inline constexpr int kPieceStride =
    kDepth + 4;  // of a piece's rows: four floats of each of eight neighbours are in different banks
inline constexpr int kScoreStride = kTile + 4;  // of a tile of scores in shared memory
inline constexpr int kPiece = 2 * kTile * kPieceStride;
inline constexpr std::int64_t kTileSharedBytes = (kStages * kPiece + kTile * kScoreStride) * sizeof(float);

// Dim: of a head, padded to a multiple of 4 · Lanes.
template <int Dim_, int RowsEach_, int Lanes_>
struct TileProduct {
  static constexpr int kDim = Dim_, kRowsEach = RowsEach_, kLanes = Lanes_;
  static constexpr int kRowStep = kTile / kRowsEach, kThreads = kRowStep * kLanes;
  static constexpr int kScoresEach = kTile / kLanes, kFoursEach = kDim / (4 * kLanes);
  static_assert(kDim % (4 * kLanes) == 0 && kSlice * kDim <= kPiece);

  using Scores = float[kRowsEach][kScoresEach];
  using Sums = float[kRowsEach][4 * kFoursEach];

  float* ring;
  float* scores;    // [kTile, kScoreStride]
  int current = 0;  // the place in the ring of the piece that is used next

  __device__ __forceinline__ TileProduct() : ring(dynamic_shared<float>()), scores(ring + kStages * kPiece) {}

  static __device__ __forceinline__ int lane() { return static_cast<int>(threadIdx.x) % kLanes; }
  static __device__ __forceinline__ int row() { return static_cast<int>(threadIdx.x) / kLanes; }

  // Four columns of a row to shared memory; beyond the last column zeros, beyond the last row that row again (what is
  // computed of it is not used).
  static __device__ __forceinline__ void load_four(float* to, const HeadRows& m, int r, int column) {
    const float* from = m.data + (min(r, m.count - 1) * m.stride + column);
    if (m.fours) return copy_async_or_zero<16>(to, from, column < m.dim);
#pragma unroll
    for (int i = 0; i < 4; ++i) copy_async_or_zero<4>(to + i, from + i, column + i < m.dim);
  }

  __device__ __forceinline__ float* piece(int ahead) const {
    const int place = current + ahead;
    return ring + (place < kStages ? place : place - kStages) * kPiece;
  }

  // Columns [c · kDepth, (c + 1) · kDepth) of kTile rows of a and b, into the piece that comes `ahead` pieces later.
  __device__ __forceinline__ void load_columns(int c, int ahead, const HeadRows& a, int first_a, const HeadRows& b,
                                               int first_b) const {
    float* to = piece(ahead);
#pragma unroll
    for (int i = static_cast<int>(threadIdx.x); i < kTile * kDepth / 4; i += kThreads) {
      const int r = i / (kDepth / 4), column = i % (kDepth / 4) * 4;
      load_four(to + r * kPieceStride + column, a, first_a + r, c * kDepth + column);
      load_four(to + (kTile + r) * kPieceStride + column, b, first_b + r, c * kDepth + column);
    }
  }

  // kSlice rows of v, from first + c · kSlice on.
  __device__ __forceinline__ void load_rows(int c, int ahead, const HeadRows& v, int first) const {
    float* to = piece(ahead);
#pragma unroll
    for (int i = static_cast<int>(threadIdx.x); i < kSlice * kDim / 4; i += kThreads) {
      const int r = i / (kDim / 4), column = i % (kDim / 4) * 4;
      load_four(to + r * kDim + column, v, first + c * kSlice + r, column);
    }
  }

  // Once, before the first product: its first pieces. load(c, ahead) loads its piece c.
  template <typename Load>
  __device__ __forceinline__ void start(Load&& load) const {
#pragma unroll 1
    for (int c = 0; c < kStages - 1; ++c) {
      load(c, c);
      copy_async_commit();
    }
  }

  // Uses the pieces of a product one after the other, while later ones are on their way; at the end those are the first
  // pieces of the product that comes next, loaded by next(c, ahead). At least kStages − 1 pieces.
  template <typename Load, typename Next, typename Use>
  __device__ __forceinline__ void run(int pieces, Load&& load, Next&& next, Use&& use) {
#pragma unroll 1
    for (int c = 0; c < pieces; ++c) {
      copy_async_wait<kStages - 2>();
      __syncthreads();  // this piece is there, and the one before used by all: its place can be filled
      const int later = c + kStages - 1;
      if (later < pieces)
        load(later, kStages - 1);
      else
        next(later - pieces, kStages - 1);
      copy_async_commit();
      use(c, piece(0));
      current = current + 1 < kStages ? current + 1 : 0;
    }
  }

  // result = rows of a times rows of b, kTile each.
  template <typename Next>
  __device__ __forceinline__ void dots(const HeadRows& a, int first_a, const HeadRows& b, int first_b, Scores& result,
                                       Next&& next) {
#pragma unroll
    for (int m = 0; m < kRowsEach; ++m)
#pragma unroll
      for (int n = 0; n < kScoresEach; ++n) result[m][n] = 0;
    const auto load = [&](int c, int ahead) { load_columns(c, ahead, a, first_a, b, first_b); };
    run(max(kStages - 1, (a.dim + kDepth - 1) / kDepth), load, next, [&](int, const float* from) {
#pragma unroll 1
      for (int d = 0; d < kDepth; d += 4) {
        float4 own[kRowsEach];
#pragma unroll
        for (int m = 0; m < kRowsEach; ++m)
          own[m] = *reinterpret_cast<const float4*>(from + (row() + m * kRowStep) * kPieceStride + d);
#pragma unroll
        for (int n = 0; n < kScoresEach; ++n) {
          const float4 other =
              *reinterpret_cast<const float4*>(from + (kTile + lane() + n * kLanes) * kPieceStride + d);
#pragma unroll
          for (int m = 0; m < kRowsEach; ++m) {
            float sum = result[m][n];
            sum = __fmaf_rn(own[m].x, other.x, sum);
            sum = __fmaf_rn(own[m].y, other.y, sum);
            sum = __fmaf_rn(own[m].z, other.z, sum);
            result[m][n] = __fmaf_rn(own[m].w, other.w, sum);
          }
        }
      }
    });
  }

  // Puts a thread's share into the tile of scores, for add_rows: its first barrier shows it to all. Between an add_rows
  // and the next store there must be dots, whose barriers tell that all have read the tile.
  __device__ __forceinline__ void store_scores(const Scores& values) const {
#pragma unroll
    for (int m = 0; m < kRowsEach; ++m)
#pragma unroll
      for (int n = 0; n < kScoresEach; ++n)
        scores[(row() + m * kRowStep) * kScoreStride + lane() + n * kLanes] = values[m][n];
  }

  // The thread's share as it put it there, while the tile was not written since.
  __device__ __forceinline__ void load_scores(Scores& values) const {
#pragma unroll
    for (int m = 0; m < kRowsEach; ++m)
#pragma unroll
      for (int n = 0; n < kScoresEach; ++n)
        values[m][n] = scores[(row() + m * kRowStep) * kScoreStride + lane() + n * kLanes];
  }

  // sums += the tile of scores times kTile rows of v.
  template <typename Next>
  __device__ __forceinline__ void add_rows(const HeadRows& v, int first, Sums& sums, Next&& next) {
    const auto load = [&](int c, int ahead) { load_rows(c, ahead, v, first); };
    run(kTile / kSlice, load, next, [&](int c, const float* from) {
#pragma unroll 1
      for (int j = 0; j < kSlice; j += 4) {
        float factors[kRowsEach][4];
#pragma unroll
        for (int m = 0; m < kRowsEach; ++m) {
          const float4 four =
              *reinterpret_cast<const float4*>(scores + (row() + m * kRowStep) * kScoreStride + c * kSlice + j);
          factors[m][0] = four.x, factors[m][1] = four.y, factors[m][2] = four.z, factors[m][3] = four.w;
        }
#pragma unroll
        for (int k = 0; k < 4; ++k)
#pragma unroll
          for (int n = 0; n < kFoursEach; ++n) {
            const float4 four = *reinterpret_cast<const float4*>(from + (j + k) * kDim + (lane() + n * kLanes) * 4);
#pragma unroll
            for (int m = 0; m < kRowsEach; ++m) {
              sums[m][4 * n] = __fmaf_rn(factors[m][k], four.x, sums[m][4 * n]);
              sums[m][4 * n + 1] = __fmaf_rn(factors[m][k], four.y, sums[m][4 * n + 1]);
              sums[m][4 * n + 2] = __fmaf_rn(factors[m][k], four.z, sums[m][4 * n + 2]);
              sums[m][4 * n + 3] = __fmaf_rn(factors[m][k], four.w, sums[m][4 * n + 3]);
            }
          }
      }
    });
  }

  // Row m of a thread's sums, times `factor`, to `to`: where `dim` columns of the row begin.
  static __device__ __forceinline__ void store_row(const Sums& sums, int m, float factor, float* to, int dim,
                                                   bool fours) {
#pragma unroll
    for (int n = 0; n < kFoursEach; ++n) {
      const int column = (lane() + n * kLanes) * 4;
      if (fours && column < dim) {
        *reinterpret_cast<float4*>(to + column) = make_float4(sums[m][4 * n] * factor, sums[m][4 * n + 1] * factor,
                                                              sums[m][4 * n + 2] * factor, sums[m][4 * n + 3] * factor);
      } else {
#pragma unroll
        for (int i = 0; i < 4; ++i)
          if (column + i < dim) to[column + i] = sums[m][4 * n + i] * factor;
      }
    }
  }
};

}  // namespace squeeze
