#include "formats/uniform_group/uniform_group.hpp"

#include <array>
#include <cassert>

#include "base/simd.hpp"
#include "formats/lut/packed_lut.hpp"
#include "formats/packed_indices.hpp"

namespace squeeze {

namespace {

SQUEEZE_HOT void scale_group(const std::uint8_t* q, float zero, float scale, std::int64_t count, float* out) {
  for (std::int64_t j = 0; j < count; ++j) out[j] = (static_cast<float>(q[j]) - zero) * scale;
}

class UniformGroupWeight final : public LinearWeight {
 public:
  UniformGroupWeight(const TensorStore& store, std::int64_t rows, std::int64_t cols, int bits, TensorView qweight,
                     TensorView scales, TensorView zeros)
      : store_(store),
        rows_(rows),
        cols_(cols),
        bits_(bits),
        qweight_(std::move(qweight)),
        scales_(std::move(scales)),
        zeros_(std::move(zeros)) {}

  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  std::int64_t size_bytes() const override {
    return static_cast<std::int64_t>(qweight_.bytes.size() + scales_.bytes.size() + zeros_.bytes.size());
  }
  std::string stored_as() const override { return "uniform_group"; }

  // Evenly spaced values of one group a row are a codebook like any other.
  std::shared_ptr<const LinearWeight> packed(const DecodePath& path) const override {
    if (scales_.shape[1] != 1) return nullptr;
    auto scales = std::make_shared<std::vector<float>>(static_cast<std::size_t>(rows_));
    auto zeros = std::make_shared<std::vector<float>>(static_cast<std::size_t>(rows_));
    read_floats(scales_, 0, *scales);
    read_floats(zeros_, 0, *zeros);
    return pack_lut({.bits = bits_,
                     .rows = rows_,
                     .cols = cols_,
                     .stored_as = stored_as(),
                     .size_bytes = size_bytes(),
                     .indices = [this](std::int64_t row, std::span<std::uint8_t> out) { unpack_row(row, out); },
                     .table =
                         [scales, zeros](std::int64_t row, std::span<float> out) {
                           for (std::size_t q = 0; q < out.size(); ++q)
                             out[q] = (static_cast<float>(q) - (*zeros)[row]) * (*scales)[row];
                         },
                     .sparse = nullptr},
                    path);
  }

  using LinearWeight::dequantize_rows;
  void dequantize_rows(std::int64_t first, MatrixView<float> out) const override {
    assert(out.cols == cols_ && first + out.rows <= rows_);
    const std::int64_t groups = scales_.shape[1], group_size = cols_ / groups;
    thread_local std::vector<std::uint8_t> q;
    q.resize(static_cast<std::size_t>(cols_));
    for (std::int64_t r = 0; r < out.rows; ++r) {
      unpack_row(first + r, q);
      for (std::int64_t g = 0; g < groups; ++g) {
        float scale, zero;
        read_floats(scales_, (first + r) * groups + g, {&scale, 1});
        read_floats(zeros_, (first + r) * groups + g, {&zero, 1});
        scale_group(q.data() + g * group_size, zero, scale, group_size, out.row(r).data() + g * group_size);
      }
    }
  }

 private:
  void unpack_row(std::int64_t row, std::span<std::uint8_t> q) const {
    unpack_indices(qweight_.bytes.data() + row * packed_words(cols_, bits_) * 4, bits_, q);
  }

  TensorStore store_;  // keeps the mapping alive
  std::int64_t rows_, cols_;
  int bits_;
  TensorView qweight_, scales_, zeros_;
};

bool holds(const TensorStore& store, const std::string& name) {
  return store.find(name + ".qweight") && store.find(name + ".scales");
}

Result<std::shared_ptr<const LinearWeight>> load(const TensorStore& store, const std::string& name, std::int64_t rows,
                                                 std::int64_t cols) {
  SQUEEZE_ASSIGN(TensorView qweight, store.require(name + ".qweight"));
  SQUEEZE_ASSIGN(TensorView scales, store.require(name + ".scales"));
  SQUEEZE_ASSIGN(TensorView zeros, store.require(name + ".zeros"));

  int bits = 0;
  if (qweight.dtype == DType::kU32 && qweight.shape.size() == 2 && cols >= kUniformMinCols)
    for (int b = kMinBits; b <= kMaxBits; ++b)
      if (qweight.shape[1] == packed_words(cols, b)) bits = b;
  if (bits == 0 || qweight.shape[0] != rows)
    return refused(qweight, "is " + std::string(name_of(qweight.dtype)) + " " + shape_text(qweight.shape) +
                                ", which holds no 2 to 8 bit weights of " + shape_text(std::array{rows, cols}));
  const std::int64_t words = qweight.shape[1];
  for (std::int64_t r = 0; r < rows; ++r)
    if (!padding_is_zero(qweight.bytes.data() + r * words * 4, bits, cols))
      return refused(qweight, "has bits set behind the last weight of row " + std::to_string(r));

  const std::int64_t groups = scales.shape.size() == 2 ? scales.shape[1] : 0;
  if (groups < 1 || cols % groups != 0)
    return refused(scales, "is " + shape_text(scales.shape) + ", which does not cut " + std::to_string(cols) +
                               " columns into equal groups");
  for (const TensorView* tensor : {&scales, &zeros}) {
    if (tensor->dtype != DType::kF16)
      return refused(*tensor, "is " + std::string(name_of(tensor->dtype)) + "; F16 was expected");
    SQUEEZE_TRY(expect_shape(*tensor, {rows, groups}));
    SQUEEZE_TRY(expect_finite(*tensor));
  }
  return std::shared_ptr<const LinearWeight>(std::make_shared<UniformGroupWeight>(
      store, rows, cols, bits, std::move(qweight), std::move(scales), std::move(zeros)));
}

}  // namespace

std::vector<OwnedTensor> uniform_group_tensors(const std::string& name, int bits, MatrixView<const std::uint8_t> q,
                                               MatrixView<const Half> scales, MatrixView<const Half> zeros) {
  assert(q.cols >= kUniformMinCols && scales.rows == q.rows && q.cols % scales.cols == 0);
  assert(zeros.rows == scales.rows && zeros.cols == scales.cols);
  Matrix<std::uint32_t> words(q.rows, packed_words(q.cols, bits));
  for (std::int64_t r = 0; r < q.rows; ++r) pack_indices(q.row(r), bits, words.view().row(r));
  std::vector<OwnedTensor> tensors;
  tensors.push_back(
      owned_tensor<std::uint32_t>(name + ".qweight", DType::kU32, {words.rows, words.cols}, words.values));
  tensors.push_back(owned_tensor<Half>(name + ".scales", DType::kF16, {scales.rows, scales.cols}, scales.flat()));
  tensors.push_back(owned_tensor<Half>(name + ".zeros", DType::kF16, {zeros.rows, zeros.cols}, zeros.flat()));
  return tensors;
}

extern const Format kFormat_uniform_group;
const Format kFormat_uniform_group{.id = "uniform_group", .holds = holds, .load = load};

}  // namespace squeeze
