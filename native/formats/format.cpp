#include "formats/format.hpp"

#include <algorithm>
#include <cassert>

#include "base/threads.hpp"
#include "ops/matmul/dot.hpp"
#include "ops/matmul/matmul.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kBlockFloats = 1 << 20;  // 4 MB of decoded weights: stays in the last-level cache
constexpr std::int64_t kChunkFloats = 1 << 14;  // 64 KB for one thread: stays in its own cache

// Decodes W a block of rows at a time and hands each to body(first row, decoded rows).
template <typename Body>
void for_row_blocks(const LinearWeight& w, const Body& body) {
  const std::int64_t cols = std::max<std::int64_t>(1, w.cols());
  const std::int64_t block_rows = std::clamp<std::int64_t>(kBlockFloats / cols, 1, std::max<std::int64_t>(1, w.rows()));
  const std::int64_t chunk_rows = std::max<std::int64_t>(1, kChunkFloats / cols);
  Matrix<float> block(block_rows, w.cols());
  for (std::int64_t first = 0; first < w.rows(); first += block_rows) {
    const MatrixView<float> rows = block.view().rows_from(0, std::min(block_rows, w.rows() - first));
    parallel_for(rows.rows, chunk_rows, [&](std::int64_t begin, std::int64_t end) {
      w.dequantize_rows(first + begin, rows.rows_from(begin, end - begin));
    });
    body(first, rows);
  }
}

}  // namespace

Error refused(const TensorView& tensor, const std::string& what) {
  return {.code = ErrorCode::kTensorMalformed,
          .message = "Tensor " + tensor.name + " " + what + ".",
          .tensor = tensor.name};
}

void LinearWeight::multiply_few(const DecodeInput& x, std::int64_t first, std::int64_t last,
                                MatrixView<float> y) const {
  assert(x.cols() == cols() && y.cols == rows() && x.tokens() == y.rows && last <= rows());
  thread_local std::vector<float> row;
  row.resize(static_cast<std::size_t>(cols()));
  for (std::int64_t r = first; r < last; ++r) {
    dequantize_rows(r, {row.data(), 1, cols()});
    dot_f32(reinterpret_cast<const std::byte*>(row.data()),
            {x.floats(0), x.stride(), x.tokens(), cols(), y.data + r, y.cols});
  }
}

std::shared_ptr<const LinearWeight> LinearWeight::packed(const DecodePath&) const { return nullptr; }

void multiply(const LinearWeight& w, MatrixView<const float> x, MatrixView<float> y) {
  assert(x.cols == w.cols() && y.cols == w.rows() && x.rows == y.rows);
  for_row_blocks(w, [&](std::int64_t first, MatrixView<const float> rows) {
    matmul_nt(x, rows, StridedView<float>(y.data + first, y.rows, rows.rows, y.cols));
  });
}

void multiply_transposed(const LinearWeight& w, MatrixView<const float> y, MatrixView<float> x) {
  assert(x.cols == w.cols() && y.cols == w.rows() && x.rows == y.rows);
  if (w.rows() == 0) std::ranges::fill(x.flat(), 0.0f);
  for_row_blocks(w, [&](std::int64_t first, MatrixView<const float> rows) {
    matmul_nn(StridedView<const float>(y.data + first, y.rows, rows.rows, y.cols), rows, x, first == 0 ? 0.0f : 1.0f);
  });
}

Result<std::shared_ptr<const LinearWeight>> load_linear(const TensorStore& store, const std::string& name,
                                                        std::int64_t rows, std::int64_t cols) {
  for (const Format* format : all_formats())
    if (format->holds(store, name)) return format->load(store, name, rows, cols);
  return std::move(store.require(name + ".weight")).error();
}

}  // namespace squeeze
