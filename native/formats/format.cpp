#include "formats/format.hpp"

#include <cassert>

#include "ops/matmul/dot.hpp"

namespace squeeze {

Error refused(const TensorView& tensor, const std::string& what) {
  return {.code = ErrorCode::kTensorMalformed,
          .message = "Tensor " + tensor.name + " " + what + ".",
          .tensor = tensor.name};
}

void LinearWeight::dequantize_rows(std::int64_t first, MatrixView<BFloat16> out) const {
  thread_local std::vector<float> row;
  row.resize(static_cast<std::size_t>(out.cols));
  for (std::int64_t r = 0; r < out.rows; ++r) {
    dequantize_rows(first + r, {row.data(), 1, out.cols});
    round_to_bfloat16(row.data(), out.row(r).data(), out.cols);
  }
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

Result<std::shared_ptr<const LinearWeight>> load_linear(const TensorStore& store, const std::string& name,
                                                        std::int64_t rows, std::int64_t cols) {
  for (const Format* format : all_formats())
    if (format->holds(store, name)) return format->load(store, name, rows, cols);
  return std::move(store.require(name + ".weight")).error();
}

}  // namespace squeeze
