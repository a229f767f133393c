#include "jobs/outside.hpp"

#include <algorithm>

#include "jobs/recipe.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kCodebookShare = 8;  // a codebook costs at most one bit for so many weights

}  // namespace

Result<std::vector<OutsideMatrix>> outside_of(const contract::Recipe& recipe, const Model& model) {
  const auto &embedding = recipe.embedding_bits, &head = recipe.head_bits;
  std::vector<OutsideMatrix> out;
  const auto add = [&](const std::string& name, bool is_embedding, bool is_head, std::int64_t bits) {
    if (bits != kKeptBits) out.push_back({name, is_embedding, is_head, static_cast<int>(bits)});
  };
  if (!model.config().tied_embeddings) {
    add(model.embedding_name(), true, false, embedding.value_or(kKeptBits));
    add(model.head_name(), false, true, head.value_or(kKeptBits));
    return out;
  }
  if (embedding && head && *embedding != *head)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "The model's head is tied to its embedding: one matrix, which cannot have " +
                            std::to_string(*embedding) + " and " + std::to_string(*head) + " bits.",
                 .hint = "Give embedding and head the same width, or name one of them."};
  add(model.embedding_name(), true, true, embedding ? *embedding : head.value_or(kKeptBits));
  return out;
}

Result<MatrixOutput> squeeze_outside(const MatrixSource& source, const OutsideMatrix& matrix, RunContext& context) {
  SQUEEZE_ASSIGN(const LoadedMatrix loaded, source.load_outside(matrix.name));
  MethodOptions options{.bits = matrix.bits, .weighting = Weighting::kNone};
  if (matrix.bits == 8) return method_named("rtn")->quantize(loaded.input, options, {}, context);
  const std::int64_t codebook_bits = 16LL << matrix.bits, cols = loaded.input.weights.cols;
  options.share = std::max<std::int64_t>(1, (kCodebookShare * codebook_bits + cols - 1) / cols);
  return method_named("squeezellm")->quantize(loaded.input, options, {}, context);
}

}  // namespace squeeze
