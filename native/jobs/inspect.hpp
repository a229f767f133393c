#pragma once
// What a checkpoint or a result is, from its config and the headers of its tensors; no weights are read.

#include "jobs/contract.gen.hpp"

namespace squeeze {

Result<contract::CheckpointInspectResult> inspect_checkpoint(const contract::CheckpointInspectParams& params);

}  // namespace squeeze
