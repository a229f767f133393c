#pragma once
// Token ids as the host writes them: one safetensors file with "tokens", I32 [rows, length].

#include <cstdint>
#include <filesystem>

#include "archs/model.hpp"
#include "base/matrix.hpp"

namespace squeeze {

// Checked against the model: every id in its vocabulary, and no row longer than a table of learned positions.
// kTextTooShort when there is no row, or rows of less than two tokens.
Result<Matrix<std::int32_t>> read_tokens(const std::filesystem::path& path, const ModelConfig& config);

}  // namespace squeeze
