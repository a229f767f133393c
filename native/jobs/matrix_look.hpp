#pragma once
// Looks into one matrix, for a person who wants to see what a codebook has to fit: read-only, in the thread of the
// caller alone, so that no job waits for it. Memory of their own stays below 100 MB whatever the size of the matrix.

#include "jobs/contract.gen.hpp"

namespace squeeze {

// Every weight is read, in two passes over the matrix.
Result<contract::MatrixWeightsResult> look_at_weights(const contract::MatrixWeightsParams& params);
// One row, clustered exactly as the method squeezellm does it, for all widths by one dynamic program.
Result<contract::MatrixChannelResult> look_at_channel(const contract::MatrixChannelParams& params);
// The published rule of what is kept, and the codebooks of some of the rows. Matrices that are small enough, and models
// for the rule's one range, are read in full, and then the figures are those that squeezing gives.
Result<contract::MatrixOutliersResult> look_at_outliers(const contract::MatrixOutliersParams& params);
// Every weight of the part is read once.
Result<contract::MatrixTileResult> look_at_tile(const contract::MatrixTileParams& params);

}  // namespace squeeze
