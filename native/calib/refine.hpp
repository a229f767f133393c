#pragma once
// A few steps of gradient descent on the codebooks of a squeezed model, indices and sparse parts fixed.
//
// The loss is KL(checkpoint ‖ squeezed) of the next token, summed over the predicted tokens of a sample: the checkpoint
// is what the squeezed model is to be, and its whole distribution says more than the one token that came.
// A few samples are held out. Every few steps the codebooks are judged on those alone. Where they have become worse,
// what was best so far is taken up again, and steps are shorter from there; the best is kept, and no step is one, too:
// on the held-out samples a refined model is never worse than where it began.
//
// Streaming, as in calib/calibrate.hpp: one layer of weights is in memory at a time (for a GPU also the next, and both
// in the GPU's as fp32), backwards with its dW in fp32; kept are the inputs of each layer for the samples of one step,
// the checkpoint's last hidden states, and the codebooks in fp32 with Adam's moments. All products are of fp32.
// Deterministic for any number of threads.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "archs/model.hpp"
#include "base/half.hpp"
#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "calib/gradient_engine.hpp"

namespace squeeze {

struct RefinementOptions {
  std::int64_t steps = 0;               // at least 1
  std::int64_t memory_limit_bytes = 0;  // of activations kept in memory; 0: half of the free memory
  std::filesystem::path folder;         // there already: journal and scratch files; a killed run is resumed from it
  // Who computes; none: the processor. A run that one began the other may finish.
  GradientEngineFactory engine = {};
};

struct Refinement {
  std::int64_t steps = 0, best_step = 0;  // 0: nothing that was tried was better
  std::int64_t samples = 0, held_out = 0;
  double before = 0, after = 0;  // KL on the held-out samples, nats per predicted token
  // By linear, without ".weight": fp16 [N, 2^b] of the best step, for each matrix that has codebooks.
  std::map<std::string, std::vector<Half>> tables;
};

// What refine() refuses of tokens int32 [samples, length]: ids and lengths that the model has not, fewer than 2
// samples.
Result<void> check_refinement(const Model& checkpoint, MatrixView<const std::int32_t> tokens);

// `squeezed` was made from `checkpoint`.
Result<Refinement> refine(const Model& checkpoint, const Model& squeezed, MatrixView<const std::int32_t> tokens,
                          const RefinementOptions& options, RunContext& context);

}  // namespace squeeze
