#include "tensor/tensor_view.hpp"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstring>

#include "base/half.hpp"
#include "base/simd.hpp"
#include "base/threads.hpp"

namespace squeeze {

namespace {

// The bytes of a mapped tensor need not be aligned, so elements are copied out; compilers make plain loads of it.
template <typename T>
T load(const std::byte* bytes, std::int64_t i) {
  T value;
  std::memcpy(&value, bytes + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
  return value;
}

SQUEEZE_HOT void floats_of_f16(const std::byte* in, float* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = to_float(load<Half>(in, i));
}

SQUEEZE_HOT void floats_of_bf16(const std::byte* in, float* out, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) out[i] = to_float(load<BFloat16>(in, i));
}

// NaN and Inf are the values whose exponent bits are all set.
SQUEEZE_HOT bool finite_16(const std::byte* in, std::int64_t count, std::uint16_t exponent) {
  int bad = 0;
  for (std::int64_t i = 0; i < count; ++i) bad |= (load<std::uint16_t>(in, i) & exponent) == exponent;
  return bad == 0;
}

SQUEEZE_HOT bool finite_32(const std::byte* in, std::int64_t count) {
  constexpr std::uint32_t exponent = 0x7f800000u;
  int bad = 0;
  for (std::int64_t i = 0; i < count; ++i) bad |= (load<std::uint32_t>(in, i) & exponent) == exponent;
  return bad == 0;
}

bool finite(DType dtype, const std::byte* bytes, std::int64_t count) {
  switch (dtype) {
    case DType::kF32:
      return finite_32(bytes, count);
    case DType::kF16:
      return finite_16(bytes, count, 0x7c00);
    case DType::kBF16:
      return finite_16(bytes, count, 0x7f80);
    default:
      return true;
  }
}

// Position in words: "[12, 7]" for the element at a flat index.
std::string position_text(const TensorView& tensor, std::int64_t flat) {
  std::vector<std::int64_t> position(tensor.shape.size());
  for (std::size_t d = tensor.shape.size(); d-- > 0; flat /= tensor.shape[d]) position[d] = flat % tensor.shape[d];
  return shape_text(position);
}

}  // namespace

std::int64_t TensorView::count() const {
  std::int64_t product = 1;
  for (const std::int64_t side : shape) product *= side;
  return product;
}

void read_floats(const TensorView& tensor, std::int64_t first, std::span<float> out) {
  const auto count = static_cast<std::int64_t>(out.size());
  assert(is_weight_dtype(tensor.dtype) && first >= 0 && first + count <= tensor.count());
  if (count == 0) return;
  const std::byte* bytes = tensor.bytes.data() + first * size_of(tensor.dtype);
  switch (tensor.dtype) {
    case DType::kF16:
      return floats_of_f16(bytes, out.data(), count);
    case DType::kBF16:
      return floats_of_bf16(bytes, out.data(), count);
    default:
      std::memcpy(out.data(), bytes, out.size_bytes());
  }
}

Result<void> expect_finite(const TensorView& tensor) {
  constexpr std::int64_t chunk = 1 << 18;
  const std::int64_t total = tensor.count();
  const int size = size_of(tensor.dtype);
  std::atomic<std::int64_t> first_bad_chunk = total;
  parallel_for(total, chunk, [&](std::int64_t first, std::int64_t last) {
    if (finite(tensor.dtype, tensor.bytes.data() + first * size, last - first)) return;
    std::int64_t seen = first_bad_chunk.load();
    while (first < seen && !first_bad_chunk.compare_exchange_weak(seen, first)) {
    }
  });
  if (first_bad_chunk == total) return {};
  std::int64_t at = first_bad_chunk;
  while (finite(tensor.dtype, tensor.bytes.data() + at * size, 1)) ++at;
  return Error{
      .code = ErrorCode::kValueNotFinite,
      .message = "Tensor " + tensor.name + " holds NaN or infinity, first at " + position_text(tensor, at) + ".",
      .tensor = tensor.name};
}

Result<std::vector<float>> read_finite_floats(const TensorView& tensor) {
  if (!is_weight_dtype(tensor.dtype))
    return Error{.code = ErrorCode::kTensorMalformed,
                 .message = "Tensor " + tensor.name + " is " + std::string(name_of(tensor.dtype)) +
                            "; F32, F16 or BF16 was expected.",
                 .tensor = tensor.name};
  SQUEEZE_TRY(expect_finite(tensor));
  std::vector<float> values(static_cast<std::size_t>(tensor.count()));
  read_floats(tensor, 0, values);
  return values;
}

Result<void> expect_shape(const TensorView& tensor, const std::vector<std::int64_t>& shape) {
  if (tensor.shape == shape) return {};
  return Error{.code = ErrorCode::kTensorMalformed,
               .message = "Tensor " + tensor.name + " has shape " + shape_text(tensor.shape) + "; " +
                          shape_text(shape) + " was expected.",
               .tensor = tensor.name};
}

std::string shape_text(std::span<const std::int64_t> shape) {
  std::string text = "[";
  for (std::size_t d = 0; d < shape.size(); ++d) text += (d ? ", " : "") + std::to_string(shape[d]);
  return text + "]";
}

}  // namespace squeeze
