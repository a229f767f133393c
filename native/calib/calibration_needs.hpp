#pragma once
// What a calibration will take, from the same quantities that it allocates: nothing is read or allocated here.

#include "calib/gradient_engine.hpp"

namespace squeeze {

// Bytes.
struct CalibrationNeeds {
  std::int64_t activations = 0;  // each layer's input and the gradient, of all samples: in memory or in a file
  // Of memory besides: F and working memory of one layer, logits, tokens. Of a GPU's calibration what the host keeps.
  std::int64_t working = 0;
  std::int64_t checkpoint = 0;  // read in place: pages that the system may take back
  std::int64_t gradient = 0;    // of all samples, as the journal keeps it
  std::int64_t result = 0;      // F of all matrices
  std::int64_t gpu = 0;         // of the GPU's memory

  // Pages of files at the peak besides `memory` of the job's own, when everything that is read stays in memory: the
  // checkpoint, a scratch file, and at the end, when the rest is given back, F of all layers.
  std::int64_t mapped(std::int64_t memory, bool activations_on_disk) const;
  // Most that is on the disk at once: F of all layers with the gradient, written before the old one goes, and the
  // scratch file; and at the end F twice.
  std::int64_t disk(bool activations_on_disk) const;
};

CalibrationNeeds calibration_needs(const Model& model, std::int64_t samples, std::int64_t length, Estimator estimator,
                                   Precision precision, bool on_gpu);

}  // namespace squeeze
