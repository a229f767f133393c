#pragma once
// The stored layouts and decode paths of the contract in the terms of native/formats.

#include "base/result.hpp"
#include "formats/format.hpp"
#include "formats/synthetic.hpp"
#include "jobs/contract.gen.hpp"

namespace squeeze {

// kInvalidRequest, naming `field`, where bits or sparsity do not go with the type.
Result<SyntheticLayout> layout_of(const contract::StoredLayout& layout, const std::string& field);

// kInvalidRequest where the processor does not have the instructions.
Result<DecodePath> path_of(contract::Simd simd, contract::Arithmetic arithmetic);

}  // namespace squeeze
