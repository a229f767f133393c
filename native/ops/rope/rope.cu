#include <cassert>

#include "ops/pack_kernel.hpp"
#include "ops/rope/rope_cuda.hpp"

namespace squeeze {

namespace {

// A block takes one row; a thread turns Width neighbouring pairs of a head at a time. `sign` −1 turns back.
template <int Width>
__global__ void rope_kernel(float* x, const float* cosine, const float* sine, std::int64_t length,
                            std::int64_t first_position, int heads, int half, float sign) {
  const std::int64_t position = first_position + blockIdx.x % length;
  float* row = x + static_cast<std::int64_t>(blockIdx.x) * heads * half * 2;
  for (int at = static_cast<int>(threadIdx.x) * Width; at < heads * half; at += static_cast<int>(kMapThreads) * Width) {
    const int head = at / half, i = at - head * half;
    float* pair = row + head * half * 2 + i;
    auto a = load_pack<Width>(pair), b = load_pack<Width>(pair + half);
    const auto c = load_pack<Width>(cosine + position * half + i), s = load_pack<Width>(sine + position * half + i);
#pragma unroll
    for (int j = 0; j < Width; ++j) {
      const float was_a = a.at[j], was_b = b.at[j], turn = sign * s.at[j];
      a.at[j] = was_a * c.at[j] - was_b * turn;
      b.at[j] = was_b * c.at[j] + was_a * turn;
    }
    store_pack(pair, a);
    store_pack(pair + half, b);
  }
}

}  // namespace

DeviceRopeTable::DeviceRopeTable(Stream& stream, const RopeTable& table)
    : positions(table.positions), half(table.half) {
  cosine.assign(stream, table.cosine);
  sine.assign(stream, table.sine);
}

void rope(Stream& stream, const DeviceRopeTable& table, std::int64_t length, std::int64_t first_position,
          DeviceView<float> x, Turn turn) {
  assert(length > 0 && x.rows % length == 0 && first_position + length <= table.positions);
  assert(table.half > 0 && x.cols % (2 * table.half) == 0);
  const bool fours = table.half % 4 == 0 && fit_fours(x.data, table.cosine.data(), table.sine.data());
  launch(stream, {.grid = {blocks_for(x.rows, 1)}, .block = {kMapThreads}}, fours ? rope_kernel<4> : rope_kernel<1>,
         x.data, table.cosine.data(), table.sine.data(), length, first_position, x.cols / (2 * table.half), table.half,
         turn == Turn::kForward ? 1.0f : -1.0f);
}

}  // namespace squeeze
