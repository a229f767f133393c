#include "formats/multiply.hpp"

#include <algorithm>
#include <cassert>

#include "base/half.hpp"
#include "base/threads.hpp"
#include "ops/matmul/block_matmul.hpp"
#include "ops/matmul/rounded.hpp"
#include "ops/row_chunk.hpp"
#include "ops/scratch.hpp"

namespace squeeze {

namespace {

// Of fewer rows oneDNN's products are slower: with 32 vectors in bf16, one core of a Zen 5 does 183 GFLOP/s on blocks
// of 32 rows and 222 on 64; larger ones gain nothing.
constexpr std::int64_t kLeastRows = 64;
constexpr std::int64_t kBlockWeights = 1 << 17;  // 256 KB of bf16: leaves room for vectors in a cache of 1 MB
constexpr std::int64_t kBlocksPerThread = 4;     // so that a stolen core delays little
// Of products with W itself, which sum over rows: the result is read and written once for each block.
constexpr std::int64_t kSharedWeights = 1 << 21;
constexpr std::int64_t kPanelCols = 128;

std::int64_t rows_of_block(std::int64_t rows, std::int64_t cols) {
  const std::int64_t fitting = kBlockWeights / std::max<std::int64_t>(1, cols);
  const std::int64_t fair = rows / (kBlocksPerThread * thread_count());
  return std::max(kLeastRows, std::min(fitting, fair) / 16 * 16);
}

const float* plain_rows(const LinearWeight& w, float) { return w.plain_floats(); }
const BFloat16* plain_rows(const LinearWeight& w, BFloat16) { return w.plain_bfloat16(); }

template <typename T>
void multiply_as(const LinearWeight& w, MatrixView<const T> x, MatrixView<float> y) {
  const T* const plain = plain_rows(w, T());
  parallel_for(w.rows(), rows_of_block(w.rows(), w.cols()), [&](std::int64_t first, std::int64_t last) {
    thread_local ScratchOf<T> weights;
    thread_local Scratch products;
    MatrixView<const T> rows{nullptr, last - first, w.cols()};
    if (plain != nullptr) {
      rows.data = plain + first * w.cols();
    } else {
      const MatrixView<T> decoded = weights.matrix(last - first, w.cols());
      w.dequantize_rows(first, decoded);
      rows = decoded;
    }
    const MatrixView<float> product = products.matrix(x.rows, rows.rows);
    block_matmul_nt<T>(x, rows, product);
    for (std::int64_t r = 0; r < x.rows; ++r) std::ranges::copy(product.row(r), y.row(r).data() + first);
  });
}

template <typename T>
void multiply_transposed_as(const LinearWeight& w, MatrixView<const T> y, MatrixView<float> x) {
  const T* const plain = plain_rows(w, T());
  const std::int64_t block = std::max(kLeastRows, kSharedWeights / w.cols());
  ScratchOf<T> weights;
  for (std::int64_t first = 0; first < w.rows(); first += block) {
    const std::int64_t count = std::min(block, w.rows() - first);
    MatrixView<const T> rows{nullptr, count, w.cols()};
    if (plain != nullptr) {
      rows.data = plain + first * w.cols();
    } else {
      const MatrixView<T> decoded = weights.matrix(count, w.cols());
      parallel_for(count, row_chunk(w.cols()), [&](std::int64_t begin, std::int64_t end) {
        w.dequantize_rows(first + begin, decoded.rows_from(begin, end - begin));
      });
      rows = decoded;
    }
    parallel_for(w.cols(), kPanelCols, [&](std::int64_t begin, std::int64_t end) {
      block_matmul_nn<T>(StridedView<const T>(y.data + first, y.rows, count, y.cols),
                         StridedView<const T>(rows.data + begin, count, end - begin, rows.cols),
                         StridedView<float>(x.data + begin, x.rows, end - begin, x.cols), first == 0 ? 0.0f : 1.0f);
    });
  }
}

}  // namespace

void multiply(const LinearWeight& w, MatrixView<const float> x, MatrixView<float> y, Precision precision) {
  assert(x.cols == w.cols() && y.cols == w.rows() && x.rows == y.rows);
  if (x.size() == 0) {
    std::ranges::fill(y.flat(), 0.0f);
    return;
  }
  if (precision == Precision::kFloat32) return multiply_as<float>(w, x, y);
  thread_local ScratchOf<BFloat16> rounded_x;
  multiply_as<BFloat16>(w, rounded(x, rounded_x), y);
}

void multiply_transposed(const LinearWeight& w, MatrixView<const float> y, MatrixView<float> x, Precision precision) {
  assert(x.cols == w.cols() && y.cols == w.rows() && x.rows == y.rows);
  if (y.size() == 0 || x.size() == 0) {
    std::ranges::fill(x.flat(), 0.0f);
    return;
  }
  if (precision == Precision::kFloat32) return multiply_transposed_as<float>(w, y, x);
  thread_local ScratchOf<BFloat16> rounded_y;
  multiply_transposed_as<BFloat16>(w, rounded(y, rounded_y), x);
}

std::int64_t multiply_working_bytes(std::int64_t rows, std::int64_t cols, std::int64_t vectors) {
  const std::int64_t block = std::min(rows, rows_of_block(rows, cols)), shared = std::min(rows * cols, kSharedWeights);
  return static_cast<std::int64_t>(sizeof(float)) * (thread_count() * block * (cols + vectors) + shared);
}

}  // namespace squeeze
