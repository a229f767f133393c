#pragma once
// A quantization method: pure mathematics from one weight matrix to one stored layout. It knows no file, no JSON,
// no model name and no progress bar beyond RunContext. One folder per method; no method includes another.

#include <any>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "formats/format.hpp"

namespace squeeze {

enum class OutlierRule { kPaper, kLossAware };
enum class ClusterSolver { kExact, kLloyd };
enum class Weighting { kFisher, kNone };

struct MethodOptions {
  int bits = 4;         // 2..8
  double sparsity = 0;  // fraction of the weights kept exactly
  OutlierRule outliers = OutlierRule::kPaper;
  ClusterSolver solver = ClusterSolver::kExact;
  Weighting weighting = Weighting::kFisher;
  std::int64_t group = 0;  // weights along a row for each codebook at most; 0: the whole row
  std::int64_t share = 1;  // neighbouring rows for each codebook at most

  bool operator==(const MethodOptions&) const = default;
};

inline constexpr std::int64_t kMinGroup = 32;

class MatrixEngine;  // methods/matrix_engine.hpp

// One matrix to squeeze.
struct MatrixInput {
  std::string name;                          // linear's name without ".weight"; the stored tensors begin with it
  MatrixView<const float> weights;           // [N, K], finite
  MatrixView<const float> sensitivity = {};  // F [N, K], >= 0; data == nullptr when the weighting needs none
  // Where methods have rows clustered and weights chosen; nullptr: this processor. The bits are the same. One thread at
  // a time.
  MatrixEngine* engine = nullptr;
};

struct MatrixOutput {
  std::vector<OwnedTensor> tensors;  // "<name>.qweight" and so on, in the layout's own terms
  std::int64_t sparse_count = 0;
  double objective = 0;       // sum F (w - ŵ)², or sum (w - ŵ)² without weighting; float64
  double relative_error = 0;  // ‖w − ŵ‖ / ‖w‖
};

// Lets `prepare` look at every matrix of the model, one after the other; the views live during the call only.
using MatrixVisitor = std::function<Result<void>(const MatrixInput&)>;
using ForEachMatrix = std::function<Result<void>(const MatrixVisitor&)>;

// One way of squeezing a matrix, with what `prepare` made for it.
struct MatrixRequest {
  MethodOptions options;
  const std::any* prepared = nullptr;
};

struct Method {
  const char* id;
  const char* summary;
  bool uses_sensitivity;  // false: a calibration is never needed
  bool has_codebooks;     // it stores formats/lut, whose codebooks can be moved afterwards
  // What depends on the whole model, such as one outlier threshold for all matrices; may be nullptr. Deterministic.
  Result<std::any> (*prepare)(const ForEachMatrix& for_each, const MethodOptions& options, RunContext& context);
  // Squeezes one matrix, parallel over its rows. Deterministic for any number of threads.
  Result<MatrixOutput> (*quantize)(const MatrixInput& input, const MethodOptions& options, const std::any& prepared,
                                   RunContext& context);
  // One matrix in several ways at once, each as `quantize` gives it, sharing what they have in common; nullptr where
  // nothing is to be shared.
  Result<std::vector<MatrixOutput>> (*quantize_several)(const MatrixInput& input, std::span<const MatrixRequest> ways,
                                                        RunContext& context) = nullptr;
};

// By quantize_several where the method has it.
Result<std::vector<MatrixOutput>> quantize_in_ways(const Method& method, const MatrixInput& input,
                                                   std::span<const MatrixRequest> ways, RunContext& context);

std::span<const Method* const> all_methods();
const Method* method_named(std::string_view id);  // nullptr when there is none

}  // namespace squeeze
