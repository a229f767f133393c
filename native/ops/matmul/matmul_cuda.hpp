#pragma once
// Matrix products on a GPU: by cuBLASLt where its library can be loaded at run time, otherwise by our own tensor-core
// kernel. T: Half or BFloat16, with fp32 sums; or float, where every product and sum is fp32.

#include <memory>
#include <string>

#include "base/half.hpp"
#include "device/device.hpp"

namespace squeeze {

enum class MatmulLibrary { kBest, kOwn };  // kBest: cuBLASLt if there is one

// One product at a time: they share working memory (32 MB). A product can be recorded once one of the same sizes has
// been made. The same product is added up in the same order every time, on one device and with one version of the
// library.
class DeviceMatmul {
 public:
  // Never fails for want of the library.
  static DeviceMatmul make(Stream& stream, MatmulLibrary library = MatmulLibrary::kBest);
  DeviceMatmul(DeviceMatmul&&) noexcept;
  ~DeviceMatmul();
  // "cuBLASLt 13.0.2" or "squeeze".
  const std::string& name() const;

  // y[M, N] = x[M, K] w[N, K]ᵀ; += with accumulate. Any sizes.
  template <typename T>
  void nt(Stream& stream, DeviceView<const T> x, DeviceView<const T> w, DeviceView<float> y, bool accumulate = false);
  // y[M, K] = x[M, N] w[N, K]
  template <typename T>
  void nn(Stream& stream, DeviceView<const T> x, DeviceView<const T> w, DeviceView<float> y, bool accumulate = false);
  // y[N, K] = d[M, N]ᵀ x[M, K]
  template <typename T>
  void tn(Stream& stream, DeviceView<const T> d, DeviceView<const T> x, DeviceView<float> y, bool accumulate = false);

 private:
  struct State;
  explicit DeviceMatmul(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace squeeze
