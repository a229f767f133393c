#pragma once
// The matrices of a checkpoint, each with its sensitivities, as methods want them; and what recipes make of them.

#include <any>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archs/model.hpp"
#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "calib/calibrate.hpp"
#include "jobs/devices.hpp"
#include "methods/method.hpp"

namespace squeeze {

// One matrix as fp32, with its sensitivities where there is a calibration.
struct LoadedMatrix {
  Matrix<float> weights, sensitivity;
  MatrixInput input;
};

class MatrixSource {
 public:
  // Refuses a checkpoint that is squeezed already, and a calibration of another one. Matrices come with who works on
  // them on `device`.
  static Result<MatrixSource> open(const std::string& checkpoint, const std::optional<std::string>& calibration,
                                   const Device& device);

  const Model& model() const { return *model_; }
  const std::optional<Calibration>& calibration() const { return calibration_; }
  double total_weights() const { return total_weights_; }

  // Weights are refused when not finite, sensitivities when negative; errors name the tensor.
  Result<LoadedMatrix> load(const MatrixSlot& slot) const;
  // One that calibrations do not look at: the embedding or the head, V rows.
  Result<LoadedMatrix> load_outside(const std::string& name) const;

 private:
  static Result<Matrix<float>> floats(const TensorStore& store, const std::string& linear, std::int64_t rows,
                                      std::int64_t cols);

  std::shared_ptr<const Model> model_;
  std::optional<Calibration> calibration_;
  std::unique_ptr<MatrixEngine> engine_;  // null: the processor
  double total_weights_ = 0;
};

inline double weights_of(const MatrixSlot& slot) {
  return static_cast<double>(slot.rows) * static_cast<double>(slot.cols);
}

// What a method wants to know of the whole model, once for each sparsity that occurs: a matrix that is to keep 1 % is
// squeezed just as in a result of which all matrices keep 1 %, whatever its neighbours keep.
class Preparations {
 public:
  // `weight` is the share of the job's time if all sparsities have to be looked at; used_weight() what it was.
  static Result<Preparations> make(const MatrixSource& source, const Method& method,
                                   const std::vector<MethodOptions>& wanted, double weight, RunContext& context);
  const std::any& of(const MethodOptions& options) const { return prepared_.at(key(options)); }
  double used_weight() const { return used_weight_; }

 private:
  using Key = std::pair<double, OutlierRule>;
  static Key key(const MethodOptions& options) { return {options.sparsity, options.outliers}; }
  std::map<Key, std::any> prepared_;
  double used_weight_ = 0;
};

}  // namespace squeeze
