// The public SqueezeLLM layout; export_job.hpp says what it is.

#include <bit>
#include <cstring>
#include <set>

#include "base/half.hpp"
#include "jobs/export_formats.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kWordBits = 32;

Error refused(const std::string& why) {
  return {.code = ErrorCode::kInvalidRequest,
          .message = "The SqueezeLLM layout cannot hold this result: " + why + ".",
          .hint = "Export as hf-fp16 or hf-bf16."};
}

template <typename T>
TensorSource owned(std::string name, DType dtype, std::vector<std::int64_t> shape,
                   std::function<std::vector<T>()> make) {
  return {std::move(name), dtype, std::move(shape), [make = std::move(make)](const TensorSource::Sink& sink) {
            const std::vector<T> values = make();
            return sink(std::as_bytes(std::span<const T>(values)));
          }};
}

template <typename T>
std::vector<T> values_of(const TensorView& tensor) {
  std::vector<T> out(tensor.bytes.size() / sizeof(T));
  std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
  return out;
}

// Ours is [N, words], theirs [words, N]: 32 indices fill exactly `bits` words, in the same order of bits.
std::vector<std::uint32_t> transposed(const TensorView& qweight) {
  const std::vector<std::uint32_t> rows = values_of<std::uint32_t>(qweight);
  const std::int64_t n = qweight.shape[0], words = qweight.shape[1];
  std::vector<std::uint32_t> out(rows.size());
  for (std::int64_t w = 0; w < words; ++w)
    for (std::int64_t r = 0; r < n; ++r) out[w * n + r] = rows[r * words + w];
  return out;
}

std::vector<std::int32_t> columns(const TensorView& col) {
  if (col.dtype == DType::kI32) return values_of<std::int32_t>(col);
  const std::vector<std::uint16_t> narrow = values_of<std::uint16_t>(col);
  return {narrow.begin(), narrow.end()};
}

std::vector<float> floats(const TensorView& values) {
  std::vector<float> out(static_cast<std::size_t>(values.count()));
  read_floats(values, 0, out);
  return out;
}

Result<void> add_linear(const TensorStore& store, const MatrixSlot& slot, SqueezellmExport& out) {
  const TensorView* qweight = store.find(slot.name + ".qweight");
  const TensorView* table = store.find(slot.name + ".lookup_table");
  if (store.find(slot.name + ".codebooks") != nullptr)
    return refused("the codebooks of " + slot.name + " serve other weights than one row each");
  if (qweight == nullptr || table == nullptr) return refused(slot.name + " has no codebook");
  const int bits = std::countr_zero(static_cast<std::uint64_t>(table->shape[1]));
  if (bits != 3 && bits != 4) return refused("it knows 3 and 4 bits, not " + std::to_string(bits));
  if (out.bits != 0 && out.bits != bits) return refused("it knows one width for all matrices");
  if (slot.cols % kWordBits != 0)
    return refused("the rows of " + slot.name + " are " + std::to_string(slot.cols) + " long, no multiple of 32");
  out.bits = bits;
  const std::int64_t words = slot.cols / kWordBits * bits;
  out.tensors.push_back(owned<std::uint32_t>(slot.name + ".qweight", DType::kI32, {words, slot.rows},
                                             [view = *qweight] { return transposed(view); }));
  out.tensors.push_back(copy_of(*table));

  const TensorView* row_ptr = store.find(slot.name + ".sparse.row_ptr");
  const TensorView* col = store.find(slot.name + ".sparse.col");
  const TensorView* val = store.find(slot.name + ".sparse.val");
  if (row_ptr == nullptr || col == nullptr || val == nullptr) return {};
  TensorSource rows = copy_of(*row_ptr);
  rows.name = slot.name + ".rows";
  out.tensors.push_back(std::move(rows));
  out.tensors.push_back(
      owned<std::int32_t>(slot.name + ".cols", DType::kI32, col->shape, [view = *col] { return columns(view); }));
  out.tensors.push_back(
      owned<float>(slot.name + ".vals", DType::kF32, val->shape, [view = *val] { return floats(view); }));
  out.tensors.push_back(owned<std::int64_t>("sparse_threshold." + slot.name, DType::kI64, {},
                                            [count = val->count()] { return std::vector<std::int64_t>{count}; }));
  return {};
}

}  // namespace

Result<SqueezellmExport> squeezellm_tensors(const Model& model) {
  if (!model.quantized()) return refused("it is not squeezed");
  const TensorStore& store = model.store();
  if (!is_dense(store, model.embedding_name()) || !is_dense(store, model.head_name()))
    return refused("its embedding or head is squeezed, too");
  const std::vector<std::string> names = store.names();
  SqueezellmExport out;
  std::set<std::string> replaced;
  for (const MatrixSlot& slot : model.matrices()) {
    SQUEEZE_ASSIGN(const auto weight, model.linear(slot));  // checks shapes and ranges of all its tensors
    SQUEEZE_TRY(add_linear(store, slot, out));
    for (const TensorView& tensor : tensors_of_linear(store, names, slot.name)) replaced.insert(tensor.name);
  }
  for (const std::string& name : names)
    if (!replaced.contains(name)) out.tensors.push_back(copy_of(*store.find(name)));
  return out;
}

}  // namespace squeeze
