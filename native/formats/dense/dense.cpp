// Weights as the checkpoint stores them: "<name>.weight" F32, F16 or BF16 [N, K], read in place.

#include <cassert>
#include <cstring>

#include "base/page_buffer.hpp"
#include "base/threads.hpp"
#include "formats/format.hpp"
#include "ops/matmul/dot.hpp"

namespace squeeze {

namespace {

class DenseWeight final : public LinearWeight {
 public:
  explicit DenseWeight(const TensorStore& store, TensorView tensor) : store_(store), tensor_(std::move(tensor)) {}
  // A copy of one, which no longer needs the file.
  explicit DenseWeight(const TensorView& mapped) : tensor_(mapped), copy_(mapped.bytes.size()) {
    parallel_for(static_cast<std::int64_t>(copy_.size()), 1 << 20, [&](std::int64_t first, std::int64_t last) {
      std::memcpy(copy_.data() + first, mapped.bytes.data() + first, static_cast<std::size_t>(last - first));
    });
    tensor_.bytes = {copy_.data(), copy_.size()};
  }

  std::shared_ptr<const LinearWeight> packed(const DecodePath& path) const override {
    return path.copy_dense ? std::make_shared<DenseWeight>(tensor_) : nullptr;
  }

  std::int64_t rows() const override { return tensor_.shape[0]; }
  std::int64_t cols() const override { return tensor_.shape[1]; }
  std::int64_t size_bytes() const override { return static_cast<std::int64_t>(tensor_.bytes.size()); }
  std::string stored_as() const override { return std::string(name_of(tensor_.dtype)); }

  void dequantize_rows(std::int64_t first, MatrixView<float> out) const override {
    assert(out.cols == cols());
    read_floats(tensor_, first * cols(), out.flat());
  }

  void dequantize_rows(std::int64_t first, MatrixView<BFloat16> out) const override {
    assert(out.cols == cols());
    if (tensor_.dtype != DType::kBF16) return LinearWeight::dequantize_rows(first, out);
    std::memcpy(out.data, tensor_.bytes.data() + first * cols() * size_of(tensor_.dtype), out.flat().size_bytes());
  }

  const float* plain_floats() const override { return plain<float>(DType::kF32); }
  const BFloat16* plain_bfloat16() const override { return plain<BFloat16>(DType::kBF16); }

  void multiply_few(const DecodeInput& x, std::int64_t first, std::int64_t last, MatrixView<float> y) const override {
    assert(x.cols() == cols() && y.cols == rows() && x.tokens() == y.rows && last <= rows());
    const auto row_dot = tensor_.dtype == DType::kF32 ? dot_f32 : tensor_.dtype == DType::kF16 ? dot_f16 : dot_bf16;
    const std::int64_t row_bytes = cols() * size_of(tensor_.dtype);
    for (std::int64_t r = first; r < last; ++r)
      row_dot(tensor_.bytes.data() + r * row_bytes, {x.floats(0), x.stride(), x.tokens(), cols(), y.data + r, y.cols},
              best_simd());
  }

 private:
  template <typename T>
  const T* plain(DType dtype) const {
    const bool aligned = reinterpret_cast<std::uintptr_t>(tensor_.bytes.data()) % alignof(T) == 0;
    return tensor_.dtype == dtype && aligned ? reinterpret_cast<const T*>(tensor_.bytes.data()) : nullptr;
  }

  TensorStore store_;  // keeps the mapping alive
  TensorView tensor_;
  PageBuffer copy_;
};

bool holds(const TensorStore& store, const std::string& name) { return store.find(name + ".weight") != nullptr; }

Result<std::shared_ptr<const LinearWeight>> load(const TensorStore& store, const std::string& name, std::int64_t rows,
                                                 std::int64_t cols) {
  SQUEEZE_ASSIGN(TensorView tensor, store.require(name + ".weight"));
  if (!is_weight_dtype(tensor.dtype))
    return refused(tensor, "is " + std::string(name_of(tensor.dtype)) + "; F32, F16 or BF16 was expected");
  SQUEEZE_TRY(expect_shape(tensor, {rows, cols}));
  SQUEEZE_TRY(expect_finite(tensor));
  return std::shared_ptr<const LinearWeight>(std::make_shared<DenseWeight>(store, std::move(tensor)));
}

}  // namespace

extern const Format kFormat_dense;
const Format kFormat_dense{.id = "dense", .holds = holds, .load = load};

}  // namespace squeeze
