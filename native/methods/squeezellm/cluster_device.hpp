#pragma once
// Clustering on a GPU, for MatrixInput::clusterer.

#include <cstdint>
#include <memory>

#include "base/result.hpp"
#include "methods/row_clusterer.hpp"

namespace squeeze {

// Rows go to the device in batches of about batch_weights weights, one being clustered while the next is copied. Takes
// about 1 GB of the device's memory for common widths, 2.5 GB at most, and keeps what it has taken for the next matrix.
Result<std::unique_ptr<RowClusterer>> make_device_clusterer(int device,
                                                            std::int64_t batch_weights = std::int64_t{1} << 23);

}  // namespace squeeze
