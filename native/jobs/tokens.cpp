#include "jobs/tokens.hpp"

#include <cstring>

#include "tensor/safetensors.hpp"

namespace squeeze {

Result<Matrix<std::int32_t>> read_tokens(const std::filesystem::path& path, const ModelConfig& config) {
  SQUEEZE_ASSIGN(const SafetensorsFile file, SafetensorsFile::open(path));
  const TensorView* found = nullptr;
  for (const TensorView& tensor : file.tensors())
    if (tensor.name == "tokens") found = &tensor;
  if (found == nullptr)
    return Error{.code = ErrorCode::kTensorMissing,
                 .message = path.string() + " holds no tensor \"tokens\".",
                 .tensor = "tokens"};
  if (found->dtype != DType::kI32 || found->shape.size() != 2)
    return Error{.code = ErrorCode::kTensorMalformed,
                 .message = path.string() + ": \"tokens\" must be I32 [rows, length], not " +
                            std::string(name_of(found->dtype)) + " " + shape_text(found->shape) + ".",
                 .tensor = "tokens"};
  const std::int64_t rows = found->shape[0], length = found->shape[1];
  if (rows < 1 || length < 2)
    return Error{
        .code = ErrorCode::kTextTooShort,
        .message = "The text gives " + shape_text(found->shape) + " tokens; at least one row of two is needed.",
        .hint = "Take a longer text, or shorter windows."};
  if (config.positions == PositionKind::kLearned && length > config.context)
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = "Rows of " + std::to_string(length) + " tokens are longer than the " +
                            std::to_string(config.context) + " positions that the model has."};
  Matrix<std::int32_t> tokens(rows, length);
  std::memcpy(tokens.values.data(), found->bytes.data(), found->bytes.size());
  for (const std::int32_t id : tokens.values)
    if (id < 0 || id >= config.vocabulary)
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = path.string() + ": token " + std::to_string(id) + " is outside the vocabulary of " +
                              std::to_string(config.vocabulary) + ".",
                   .tensor = "tokens",
                   .hint = "The tokenizer belongs to another model."};
  return tokens;
}

}  // namespace squeeze
