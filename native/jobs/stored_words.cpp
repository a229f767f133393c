#include "jobs/stored_words.hpp"

#include <bit>
#include <cstdio>
#include <set>

#include "jobs/model_writer.hpp"

namespace squeeze {

namespace {

struct Sums {
  std::int64_t bytes = 0, weights = 0, kept = 0;
  std::set<std::string> dense_words = {};
};

void add(const Model& model, const std::vector<std::string>& names, const std::string& linear, std::int64_t cols,
         Sums& sums) {
  for (const TensorView& tensor : tensors_of_linear(model.store(), names, linear)) {
    sums.bytes += static_cast<std::int64_t>(tensor.bytes.size());
    if (tensor.name.ends_with(".sparse.val")) sums.kept += tensor.count();
    if (tensor.name.ends_with(".weight")) sums.dense_words.emplace(name_of(tensor.dtype));
    const auto width = [&](std::int64_t bits) { sums.dense_words.insert(std::to_string(bits) + " bits"); };
    // Evenly spaced values are stored in rows of 32 and more, whose words tell their width.
    if (tensor.name.ends_with(".scales"))
      if (const TensorView* values = model.store().find(linear + ".qweight"); values && values->shape.size() == 2)
        width(32 * values->shape[1] / cols);
    if ((tensor.name.ends_with(".lookup_table") || tensor.name.ends_with(".codebooks")) && !tensor.shape.empty())
      width(std::countr_zero(static_cast<std::uint64_t>(tensor.shape.back())));
  }
}

StoredWeights told(const Sums& sums) {
  StoredWeights out{.bytes = sums.bytes, .words = ""};
  for (const std::string& word : sums.dense_words) out.words += (out.words.empty() ? "" : ", ") + word;
  char kept[32] = "";
  if (sums.kept > 0)
    std::snprintf(kept, sizeof(kept), " + %.2g%%",
                  100 * static_cast<double>(sums.kept) / static_cast<double>(sums.weights));
  out.words += kept;
  return out;
}

}  // namespace

StoredWeights stored_matrices(const Model& model) {
  const std::vector<std::string> names = model.store().names();
  Sums sums;
  for (const MatrixSlot& slot : model.matrices()) {
    add(model, names, slot.name, slot.cols, sums);
    sums.weights += slot.rows * slot.cols;
  }
  return told(sums);
}

StoredWeights stored_head(const Model& model) {
  Sums sums{.weights = model.config().vocabulary * model.config().hidden};
  add(model, model.store().names(), model.head_name(), model.config().hidden, sums);
  return told(sums);
}

}  // namespace squeeze
