#include "ops/matmul/rounded.hpp"

#include "base/threads.hpp"
#include "ops/row_chunk.hpp"

namespace squeeze {

MatrixView<const BFloat16> rounded(MatrixView<const float> x, ScratchOf<BFloat16>& room) {
  const MatrixView<BFloat16> out = room.matrix(x.rows, x.cols);
  parallel_for(x.rows, row_chunk(x.cols), [&](std::int64_t first, std::int64_t last) {
    round_to_bfloat16(x.data + first * x.cols, out.data + first * x.cols, (last - first) * x.cols);
  });
  return out;
}

}  // namespace squeeze
