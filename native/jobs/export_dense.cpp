// Every tensor of a model as fp16 or bf16.

#include <cmath>
#include <set>

#include "base/half.hpp"
#include "base/threads.hpp"
#include "jobs/export_formats.hpp"

namespace squeeze {

namespace {

// fp32 weights held at once.
constexpr std::int64_t kChunkElements = 4 << 20;

// Fills `out` with elements [first, first + out.size()).
using ReadFloats = std::function<void(std::int64_t first, std::span<float> out)>;

Result<void> put_half(std::span<const float> values, std::vector<std::uint16_t>& out, const std::string& name) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    out[i] = to_half(values[i]).bits;
    if ((out[i] & 0x7c00u) == 0x7c00u)
      return Error{.code = ErrorCode::kValueNotFinite,
                   .message = name + " holds " + std::to_string(values[i]) + ", more than fp16 can hold (65504).",
                   .tensor = name,
                   .hint = "Export as hf-bf16."};
  }
  return {};
}

void put_bfloat16(std::span<const float> values, std::vector<std::uint16_t>& out) {
  for (std::size_t i = 0; i < values.size(); ++i) out[i] = to_bfloat16(values[i]).bits;
}

// `row` elements are read at a time or a multiple of it.
TensorSource converted(const std::string& name, std::vector<std::int64_t> shape, std::int64_t row, DType dtype,
                       ReadFloats read) {
  std::int64_t count = 1;
  for (const std::int64_t side : shape) count *= side;
  const auto write = [=, read = std::move(read)](const TensorSource::Sink& sink) -> Result<void> {
    const std::int64_t chunk = std::max<std::int64_t>(1, kChunkElements / std::max<std::int64_t>(1, row)) * row;
    std::vector<float> floats;
    std::vector<std::uint16_t> halves;
    for (std::int64_t first = 0; first < count; first += chunk) {
      const auto size = static_cast<std::size_t>(std::min(chunk, count - first));
      floats.resize(size);
      halves.resize(size);
      read(first, floats);
      if (dtype == DType::kBF16)
        put_bfloat16(floats, halves);
      else
        SQUEEZE_TRY(put_half(floats, halves, name));
      SQUEEZE_TRY(sink(std::as_bytes(std::span(halves))));
    }
    return {};
  };
  return {name, dtype, std::move(shape), write};
}

}  // namespace

Result<std::vector<TensorSource>> dense_tensors(const Model& model, DType dtype) {
  const TensorStore& store = model.store();
  const std::vector<std::string> names = store.names();
  std::vector<TensorSource> out;
  std::set<std::string> replaced;
  const auto add = [&](const std::string& name, const std::shared_ptr<const LinearWeight>& weight) {
    for (const TensorView& tensor : tensors_of_linear(store, names, name)) replaced.insert(tensor.name);
    const std::int64_t cols = weight->cols();
    out.push_back(
        converted(name + ".weight", {weight->rows(), cols}, cols, dtype,
                  [weight, cols](std::int64_t first, std::span<float> values) {
                    const std::int64_t rows = static_cast<std::int64_t>(values.size()) / cols;
                    parallel_for(rows, 64, [&](std::int64_t begin, std::int64_t end) {
                      weight->dequantize_rows(first / cols + begin, {values.data() + begin * cols, end - begin, cols});
                    });
                  }));
  };
  for (const MatrixSlot& slot : model.matrices()) {
    SQUEEZE_ASSIGN(const auto weight, model.linear(slot));
    add(slot.name, weight);
  }
  if (!is_dense(store, model.embedding_name())) {
    SQUEEZE_ASSIGN(const auto embedding, model.embedding());
    add(model.embedding_name(), embedding);
  }
  if (!model.config().tied_embeddings && !is_dense(store, model.head_name())) {
    SQUEEZE_ASSIGN(const auto head, model.head());
    add(model.head_name(), head);
  }
  for (const std::string& name : names) {
    if (replaced.contains(name)) continue;
    const TensorView& tensor = *store.find(name);
    if (!is_weight_dtype(tensor.dtype)) {
      out.push_back(copy_of(tensor));
      continue;
    }
    SQUEEZE_TRY(expect_finite(tensor));
    out.push_back(converted(name, tensor.shape, 1, dtype, [tensor](std::int64_t first, std::span<float> values) {
      read_floats(tensor, first, values);
    }));
  }
  return out;
}

}  // namespace squeeze
