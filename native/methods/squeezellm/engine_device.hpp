#pragma once
// Clustering and the choice of weights on a GPU, for MatrixInput::engine.

#include <cstdint>
#include <limits>
#include <memory>

#include "base/result.hpp"
#include "methods/matrix_engine.hpp"

namespace squeeze {

struct DeviceEngineOptions {
  // Rows go to the device in batches of about so many weights, one being clustered while the next is copied.
  std::int64_t batch_weights = std::int64_t{1} << 23;
  // A matrix that stays there goes in parts of so many weights, one being copied while the next is made ready.
  std::int64_t upload_weights = std::int64_t{1} << 22;
  // What a choice may take of the device's memory for its matrix to stay there; never more than is free.
  std::int64_t most_bytes = std::numeric_limits<std::int64_t>::max();
};

// Clustering takes about 1 GB of the device's memory for common widths, 2.5 GB at most, or what two blocks of many rows
// need. A choice takes 10 bytes a
// weight for as long as it is open (weights, sensitivities, two marks), and 13 and twice the codebooks when it goes to
// and fro between marks and codebooks. Where that leaves no room for clustering, weights and sensitivities come through
// in batches whenever they are looked at, and 5 bytes a weight stay; where even these find no room, the choice fails.
// The memory is kept for the next matrix.
Result<std::unique_ptr<MatrixEngine>> make_device_matrix_engine(int device, const DeviceEngineOptions& options = {});

}  // namespace squeeze
