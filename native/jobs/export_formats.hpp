#pragma once
// The tensors of each export, asked for as they are written.

#include <vector>

#include "archs/model.hpp"
#include "jobs/model_writer.hpp"

namespace squeeze {

// Dense, every float tensor in `dtype` (F16 or BF16). The sources use `model` while they are written.
Result<std::vector<TensorSource>> dense_tensors(const Model& model, DType dtype);

struct SqueezellmExport {
  std::vector<TensorSource> tensors;
  int bits = 0;
};

// The public SqueezeLLM layout, see export_job.hpp. Refuses, with the reason, what it cannot hold: other bits than 3
// and 4, results without a codebook, rows that are no multiple of 32.
Result<SqueezellmExport> squeezellm_tensors(const Model& model);

}  // namespace squeeze
