#include "calib/calibration_needs.hpp"

#include <algorithm>

#include "base/threads.hpp"
#include "calib/device_engine.hpp"
#include "calib/gradient_rows.hpp"
#include "calib/processor_engine.hpp"
#include "formats/multiply.hpp"
#include "ops/attention/query_block.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kFloat = sizeof(float), kHalf = 2;
constexpr std::int64_t kDescriptionBytes = 400;  // of a matrix: its place in both headers, and in calibration.json

// Widths of what a layer is made of.
struct Widths {
  std::int64_t hidden, q, kv, intermediate;
  bool gated, qk_norm;

  explicit Widths(const ModelConfig& c)
      : hidden(c.hidden),
        q(c.heads * c.head_dim),
        kv(c.kv_heads * c.head_dim),
        intermediate(c.intermediate),
        gated(c.mlp == MlpKind::kGatedSilu),
        qk_norm(c.qk_norm) {}

  // Of DecoderWorkspace, a token.
  std::int64_t forward() const {
    return 3 * hidden + 2 * q + 2 * kv + (qk_norm ? q + kv : 0) + (gated ? 3 : 2) * intermediate;
  }
  std::int64_t backward() const { return 2 * hidden + 2 * q + 2 * kv + (gated ? 3 : 2) * intermediate; }
  std::int64_t widest() const { return std::max({hidden, q, kv, intermediate}); }
};

struct LayerSizes {
  std::int64_t weights = 0, largest = 0;
};

LayerSizes layer_sizes(const Model& model) {
  const auto in_layer = model.matrices().size() / static_cast<std::size_t>(model.config().layers);
  LayerSizes sizes;
  for (const MatrixSlot& slot : std::span(model.matrices()).first(in_layer)) {
    sizes.weights += slot.rows * slot.cols;
    sizes.largest = std::max(sizes.largest, slot.rows * slot.cols);
  }
  return sizes;
}

// A whole number of sequences, no more than there are.
std::int64_t batch_of(std::int64_t rows, std::int64_t samples, std::int64_t length) {
  return std::min(samples, std::max<std::int64_t>(1, rows / length)) * length;
}

std::int64_t on_processor(const Model& model, std::int64_t samples, std::int64_t length, Estimator estimator,
                          Precision precision) {
  const ModelConfig& c = model.config();
  const Widths w(c);
  const std::int64_t batch = batch_of(kForwardRows, samples, length);
  const std::int64_t passes = batch * w.forward() + length * w.backward();
  const std::int64_t logits = std::min((length - 1) * c.vocabulary, std::max(kLogitFloats, c.vocabulary));
  const std::int64_t scores = thread_count() * 2 * std::min(length, kQueryBlock) * length;
  const std::int64_t squares = estimator == Estimator::kToken ? length * 2 * w.widest() : 0;
  const std::int64_t products = thread_count() * kGradientRows * w.widest();
  const std::int64_t floats = layer_sizes(model).weights + passes + logits + scores + squares + products;
  // Factors of products with weights, and of those that F is made of.
  const std::int64_t rounded = precision == Precision::kBFloat16 ? (2 * batch + 2 * length) * w.widest() : 0;
  return kFloat * floats + kHalf * rounded + multiply_working_bytes(w.widest(), w.hidden, batch);
}

// Of the pipe: two blocks, each with what goes there and comes back.
std::int64_t pipe_bytes(std::int64_t batch, std::int64_t hidden) { return 2 * 3 * batch * hidden * kFloat; }

std::int64_t on_gpu_bytes(const Model& model, std::int64_t samples, std::int64_t length, Estimator estimator,
                          Precision precision) {
  const ModelConfig& c = model.config();
  const Widths w(c);
  const LayerSizes layer = layer_sizes(model);
  const std::int64_t batch = batch_of(kDeviceBatchRows, samples, length);
  const std::int64_t factor = precision == Precision::kBFloat16 ? kHalf : kFloat;
  const std::int64_t rounded = factor == kHalf ? batch * (2 * w.hidden + w.q + w.intermediate + w.widest()) * kHalf : 0;
  const std::int64_t passes = batch * (w.forward() + w.backward()) * kFloat + rounded + pipe_bytes(batch, w.hidden);
  const std::int64_t squares =
      estimator == Estimator::kToken ? batch * 2 * w.widest() * factor : layer.largest * kFloat;
  const std::int64_t logits =
      std::min((length - 1) * c.vocabulary * kFloat, std::max(kDeviceLogitBytes, c.vocabulary * kFloat));
  // The head is there before any F is.
  const std::int64_t head = c.vocabulary * c.hidden * factor + logits, fisher = layer.weights * kFloat + squares;
  return 2 * layer.weights * factor + passes + std::max(head, fisher);
}

}  // namespace

std::int64_t CalibrationNeeds::mapped(std::int64_t memory, bool activations_on_disk) const {
  return checkpoint + std::max(activations_on_disk ? activations : 0, result - memory);
}

std::int64_t CalibrationNeeds::disk(bool activations_on_disk) const {
  return result + std::max(2 * gradient + (activations_on_disk ? activations : 0), gradient + result);
}

CalibrationNeeds calibration_needs(const Model& model, std::int64_t samples, std::int64_t length, Estimator estimator,
                                   Precision precision, bool on_gpu) {
  const ModelConfig& c = model.config();
  const LayerSizes layer = layer_sizes(model);
  const std::int64_t tokens = samples * length;
  CalibrationNeeds needs;
  needs.gradient = tokens * c.hidden * kFloat;
  needs.activations = (c.layers + 2) * needs.gradient;
  needs.checkpoint = model.store().size_bytes();
  needs.result = c.layers * layer.weights * kFloat + std::ssize(model.matrices()) * kDescriptionBytes;
  needs.working = tokens * static_cast<std::int64_t>(sizeof(std::int32_t));
  if (on_gpu) {
    needs.gpu = on_gpu_bytes(model, samples, length, estimator, precision);
    needs.working += layer.weights * kFloat + pipe_bytes(batch_of(kDeviceBatchRows, samples, length), c.hidden);
  } else {
    needs.working += on_processor(model, samples, length, estimator, precision);
  }
  return needs;
}

}  // namespace squeeze
