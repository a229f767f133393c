#pragma once
// Evaluation on a GPU: it holds the hidden states; a layer's weights are decoded by the processor and brought there as
// their turn comes.

#include "eval/evaluation_engine.hpp"

namespace squeeze {

// As EvaluationEngineFactory; belongs to the thread that makes it. Weights of any layout are taken as `precision` has
// them, as on the processor. Losses of single tokens are fp32, their sums float64. kDeviceUnavailable where there is no
// such device, kOutOfMemory.
Result<std::unique_ptr<EvaluationEngine>> make_device_evaluation(std::span<const Model* const> models,
                                                                 std::int64_t length, Precision precision, int device);

}  // namespace squeeze
