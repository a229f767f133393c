#pragma once
// Element types that safetensors files of this field hold.

#include <cstdint>
#include <optional>
#include <string_view>

namespace squeeze {

enum class DType { kF32, kF16, kBF16, kF64, kI64, kI32, kI16, kI8, kU64, kU32, kU16, kU8, kBool };

// Bytes of one element.
int size_of(DType dtype);
// Name as safetensors spells it: "F32", "BF16", ...
std::string_view name_of(DType dtype);
std::optional<DType> dtype_named(std::string_view name);
// True for F32, F16, BF16: what a weight may be stored as.
bool is_weight_dtype(DType dtype);

}  // namespace squeeze
