#include "jobs/matrix_rows.hpp"

#include <algorithm>
#include <bit>

namespace squeeze {

namespace {

// NaN and Inf are the values whose exponent bits are all set. Without a branch: there are many of them.
bool finite(std::span<const float> values) {
  constexpr std::uint32_t exponent = 0x7f800000u;
  int bad = 0;
  for (const float value : values) bad |= (std::bit_cast<std::uint32_t>(value) & exponent) == exponent;
  return bad == 0;
}

bool none_negative(std::span<const float> values) {
  int bad = 0;
  for (const float value : values) bad |= value < 0;
  return bad == 0;
}

}  // namespace

Result<MatrixRows> MatrixRows::of(const MatrixSource& source, const std::string& tensor) {
  const std::vector<MatrixSlot>& slots = source.model().matrices();
  const auto slot =
      std::ranges::find_if(slots, [&](const MatrixSlot& each) { return each.name + ".weight" == tensor; });
  if (slot == slots.end())
    return Error{.code = ErrorCode::kTensorMissing,
                 .message = "params.tensor: " + source.model().folder().string() + " has no matrix \"" + tensor + "\".",
                 .tensor = tensor};
  SQUEEZE_ASSIGN(TensorView weights, source.model().store().require(tensor));
  SQUEEZE_ASSIGN(TensorView sensitivities, source.calibration()->store.require(tensor));
  return MatrixRows(*slot, std::move(weights), std::move(sensitivities));
}

Result<void> MatrixRows::weights(std::int64_t row, std::int64_t col, std::span<float> out) const {
  read_floats(weights_, row * cols() + col, out);
  if (finite(out)) return {};
  return Error{
      .code = ErrorCode::kValueNotFinite,
      .message = "Tensor " + weights_.name + " holds NaN or infinity, seen from row " + std::to_string(row) + " on.",
      .tensor = weights_.name};
}

Result<void> MatrixRows::sensitivities(std::int64_t row, std::int64_t col, std::span<float> out) const {
  read_floats(sensitivities_, row * cols() + col, out);
  if (finite(out) && none_negative(out)) return {};
  return Error{.code = ErrorCode::kFileMalformed,
               .message = "The calibration holds a sensitivity for " + sensitivities_.name +
                          " that is negative or not finite, seen from row " + std::to_string(row) + " on.",
               .tensor = sensitivities_.name};
}

Result<LoadedMatrix> MatrixRows::every(std::int64_t step) const {
  const std::int64_t count = (rows() + step - 1) / step;
  LoadedMatrix out;
  out.weights = Matrix<float>(count, cols());
  out.sensitivity = Matrix<float>(count, cols());
  for (std::int64_t r = 0; r < count; ++r) {
    SQUEEZE_TRY(weights(r * step, 0, out.weights.view().row(r)));
    SQUEEZE_TRY(sensitivities(r * step, 0, out.sensitivity.view().row(r)));
  }
  out.input = {.name = slot_->name, .weights = out.weights.view(), .sensitivity = out.sensitivity.view()};
  return out;
}

}  // namespace squeeze
