#pragma once
// A result in the layouts of others.
//
// hf-fp16, hf-bf16: a dense checkpoint. Every float tensor is rounded to nearest even in that type; a value past the
// largest fp16 is refused by its tensor's name. A dense checkpoint is taken too.
//
// squeezellm: the tensors that QuantLinearLUT of github.com/SqueezeAILab/SqueezeLLM (squeezellm/quant.py) registers, as
// safetensors, with quant_config.json {"wbits"}. For each linear W[N, K], b bits (3 or 4), K a multiple of 32:
//   <name>.qweight           I32 [K / 32 · b, N]  indices along K packed little-endian, 32 in b words a column
//   <name>.lookup_table      F16 [N, 2^b]
//   <name>.rows              I32 [N + 1]          CSR of the sparse part, present where there is one
//   <name>.cols              I32 [nnz]
//   <name>.vals              F32 [nnz]            weight − the centroid that its index stands for; both are added
//   sparse_threshold.<name>  I64 []               nnz, which the public loader asks for before it makes its buffers
// The public code puts an extracted weight's index at the centroid nearest to zero, ours where it lies; a reader that
// adds both parts gets the same weight from either. All other tensors are copied.

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"

namespace squeeze {

Result<contract::ExportResult> run_export(const contract::ExportStartParams& params, RunContext& context);

}  // namespace squeeze
