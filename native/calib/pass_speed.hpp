#pragma once
// How long a calibration takes on this processor: its passes are sums of a few kinds of work, each of which is timed
// once on pieces of the model's own shapes. Some 0.1 s altogether, on random values; nothing of the checkpoint is read.

#include "calib/gradient_engine.hpp"

namespace squeeze {

// Seconds of thread_count() threads.
struct PassSpeed {
  // Of a product with W[N, K], for each of its weights and each token.
  double forward = 0;   // as many tokens at a time as pass on the way forward
  double again = 0;     // of one sequence
  double backward = 0;  // with respect to the input, of one sequence
  double squares = 0;   // F of W, of one sequence
  // Of a token in a layer: norms, rotation, activation, sums.
  double between = 0, between_backward = 0;
  // Of a sequence in a layer.
  double attention = 0, attention_backward = 0;
  double loss = 0;  // of a token's logits
};

// kDeviceUnavailable where the processor lacks the precision.
Result<PassSpeed> measure_pass_speed(const Model& model, std::int64_t length, Precision precision, Estimator estimator);

double calibration_seconds(const PassSpeed& speed, const Model& model, std::int64_t samples, std::int64_t length);

}  // namespace squeeze
