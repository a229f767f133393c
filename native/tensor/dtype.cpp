#include "tensor/dtype.hpp"

#include <array>
#include <cstddef>

namespace squeeze {

namespace {

struct Entry {
  DType dtype;
  std::string_view name;
  int bytes;
};

constexpr std::array kTypes = {
    Entry{DType::kF32, "F32", 4},   Entry{DType::kF16, "F16", 2}, Entry{DType::kBF16, "BF16", 2},
    Entry{DType::kF64, "F64", 8},   Entry{DType::kI64, "I64", 8}, Entry{DType::kI32, "I32", 4},
    Entry{DType::kI16, "I16", 2},   Entry{DType::kI8, "I8", 1},   Entry{DType::kU64, "U64", 8},
    Entry{DType::kU32, "U32", 4},   Entry{DType::kU16, "U16", 2}, Entry{DType::kU8, "U8", 1},
    Entry{DType::kBool, "BOOL", 1},
};

constexpr const Entry& entry(DType dtype) { return kTypes[static_cast<std::size_t>(dtype)]; }

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTypes.size(); ++i)
    if (static_cast<std::size_t>(kTypes[i].dtype) != i) return false;
  return true;
}
static_assert(in_order());

}  // namespace

int size_of(DType dtype) { return entry(dtype).bytes; }

std::string_view name_of(DType dtype) { return entry(dtype).name; }

std::optional<DType> dtype_named(std::string_view name) {
  for (const Entry& type : kTypes)
    if (type.name == name) return type.dtype;
  return std::nullopt;
}

bool is_weight_dtype(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16; }

}  // namespace squeeze
