#pragma once
// For tests: matrices with heavy tails and sensitivities, and the way from a method's output back to weights.

#include <doctest/doctest.h>

#include <cmath>
#include <random>

#include "base/half.hpp"
#include "base/test_folder.hpp"
#include "methods/method.hpp"

namespace squeeze {

struct TestMatrix {
  std::string name;
  Matrix<float> weights, sensitivity;
  MatrixInput input() const { return {name, weights.view(), sensitivity.view()}; }
};

inline TestMatrix test_matrix(std::string name, std::int64_t rows, std::int64_t cols, unsigned seed, bool half = true) {
  std::mt19937 random(seed);
  std::student_t_distribution<float> heavy(4);
  std::normal_distribution<float> normal;
  TestMatrix matrix{std::move(name), {rows, cols}, {rows, cols}};
  for (float& w : matrix.weights.values) {
    w = 0.02f * heavy(random);
    if (half) w = to_float(to_half(w));
  }
  for (float& f : matrix.sensitivity.values) f = 1e-6f * std::exp(2 * normal(random));
  return matrix;
}

inline ForEachMatrix for_each_of(const std::vector<TestMatrix>& matrices) {
  return [&matrices](const MatrixVisitor& visit) -> Result<void> {
    for (const TestMatrix& matrix : matrices) SQUEEZE_TRY(visit(matrix.input()));
    return {};
  };
}

// Through a file and its checks, as a result is read again.
inline std::shared_ptr<const LinearWeight> stored(const TestFolder& folder, const MatrixInput& input,
                                                  const MatrixOutput& output) {
  std::vector<TensorSource> sources;
  for (const OwnedTensor& tensor : output.tensors)
    sources.push_back(tensor_source<std::byte>(tensor.name, tensor.dtype, tensor.shape, tensor.bytes));
  REQUIRE(write_safetensors(folder / "m.safetensors", sources, {}).ok());
  auto weight =
      load_linear(TensorStore::open(folder.path()).value(), input.name, input.weights.rows, input.weights.cols);
  if (!weight.ok()) FAIL(weight.error().message);
  return weight.value();
}

inline Matrix<float> decoded(const LinearWeight& weight) {
  Matrix<float> values(weight.rows(), weight.cols());
  weight.dequantize_rows(0, values.view());
  return values;
}

// Bytes of its tensors.
inline std::int64_t size_of(const MatrixOutput& output) {
  std::size_t bytes = 0;
  for (const OwnedTensor& tensor : output.tensors) bytes += tensor.bytes.size();
  return static_cast<std::int64_t>(bytes);
}

// Σ F (w − ŵ)², with F = 1 when there is none.
inline double objective_of(const MatrixInput& input, const Matrix<float>& decoded, bool weighted) {
  double total = 0;
  for (std::int64_t i = 0; i < input.weights.size(); ++i) {
    const double error = static_cast<double>(input.weights.data[i]) - static_cast<double>(decoded.values[i]);
    total += (weighted ? static_cast<double>(input.sensitivity.data[i]) : 1.0) * error * error;
  }
  return total;
}

}  // namespace squeeze
