#include "jobs/matrix_source.hpp"

#include "base/part_context.hpp"

namespace squeeze {

Result<MatrixSource> MatrixSource::open(const std::string& checkpoint, const std::optional<std::string>& calibration,
                                        const Device& device) {
  MatrixSource source;
  SQUEEZE_ASSIGN(source.model_, Model::open(checkpoint));
  if (source.model_->quantized())
    return Error{.code = ErrorCode::kInvalidRequest,
                 .message = checkpoint + " is squeezed already.",
                 .hint = "Start from the checkpoint that it was made from."};
  if (calibration) {
    SQUEEZE_ASSIGN(source.calibration_, open_calibration(*calibration, *source.model_));
  }
  SQUEEZE_ASSIGN(source.engine_, device.matrix_engine());
  for (const MatrixSlot& slot : source.model_->matrices()) source.total_weights_ += weights_of(slot);
  return source;
}

Result<Matrix<float>> MatrixSource::floats(const TensorStore& store, const std::string& linear, std::int64_t rows,
                                           std::int64_t cols) {
  SQUEEZE_ASSIGN(const TensorView tensor, store.require(linear + ".weight"));
  SQUEEZE_TRY(expect_shape(tensor, {rows, cols}));
  Matrix<float> matrix;
  SQUEEZE_ASSIGN(matrix.values, read_finite_floats(tensor));
  matrix.rows = rows;
  matrix.cols = cols;
  return matrix;
}

Result<LoadedMatrix> MatrixSource::load_outside(const std::string& name) const {
  LoadedMatrix out;
  SQUEEZE_ASSIGN(out.weights, floats(model_->store(), name, model_->config().vocabulary, model_->config().hidden));
  out.input = {.name = name, .weights = out.weights.view(), .engine = engine_.get()};
  return out;
}

Result<LoadedMatrix> MatrixSource::load(const MatrixSlot& slot) const {
  LoadedMatrix out;
  SQUEEZE_ASSIGN(out.weights, floats(model_->store(), slot.name, slot.rows, slot.cols));
  out.input = {.name = slot.name, .weights = out.weights.view(), .engine = engine_.get()};
  if (!calibration_) return out;
  auto sensitivity = floats(calibration_->store, slot.name, slot.rows, slot.cols);
  if (!sensitivity.ok()) {
    Error error = std::move(sensitivity).error();
    error.message = "The calibration is broken: " + error.message;
    return error;
  }
  out.sensitivity = std::move(sensitivity).value();
  for (const float value : out.sensitivity.values)
    if (value < 0)
      return Error{.code = ErrorCode::kFileMalformed,
                   .message = "The calibration holds a negative sensitivity for " + slot.name + ".weight.",
                   .tensor = slot.name + ".weight"};
  out.input.sensitivity = out.sensitivity.view();
  return out;
}

Result<Preparations> Preparations::make(const MatrixSource& source, const Method& method,
                                        const std::vector<MethodOptions>& wanted, double weight, RunContext& context) {
  Preparations out;
  std::map<Key, MethodOptions> distinct;
  for (const MethodOptions& options : wanted) distinct.emplace(key(options), options);
  std::size_t begun = 0;
  for (const auto& [key, options] : distinct) {
    const double before = static_cast<double>(begun++) * source.total_weights();
    std::any& prepared = out.prepared_[key];
    if (method.prepare == nullptr) continue;
    // A method may look at all matrices several times, or not at all; only the first round moves the bar.
    std::size_t round = 0;
    const ForEachMatrix for_each = [&](const MatrixVisitor& visit) -> Result<void> {
      if (out.used_weight_ == 0) context.stage("Looking at every matrix", out.used_weight_ = weight);
      double seen = before;
      for (const MatrixSlot& slot : source.model().matrices()) {
        SQUEEZE_TRY(context.check_cancelled());
        SQUEEZE_ASSIGN(const LoadedMatrix loaded, source.load(slot));
        SQUEEZE_TRY(visit(loaded.input));
        seen += weights_of(slot);
        if (round == 0)
          context.report({.fraction = seen / (source.total_weights() * static_cast<double>(distinct.size())),
                          .work_done = seen,
                          .unit = "weights",
                          .detail = slot.name});
      }
      ++round;
      return {};
    };
    PartContext part(context, 0, 0, 1, "", "");  // for its cancel flag; for_each does the reporting
    SQUEEZE_ASSIGN(prepared, method.prepare(for_each, options, part));
  }
  return out;
}

}  // namespace squeeze
