#pragma once
// NVIDIA's cuBLASLt, loaded when the program runs: nothing of it is needed to build, and a machine without it does
// without.

#include <memory>
#include <string>

#include "device/device.hpp"
#include "ops/matmul/own_matmul_cuda.hpp"

namespace squeeze {

class CublasLt {
 public:
  // Null where there is no library, or it does not want to work; always for an emulated device.
  static std::unique_ptr<CublasLt> make(const Stream& stream);
  ~CublasLt();
  // "13.0.2"
  const std::string& version() const;

  // False, and nothing was done, where the library does not take the product: empty ones, and those for which a call
  // failed once. Sums are fp32, and for fp32 so are the products (no TF32). What is chosen for a shape is kept.
  // `space`: for the library's own use, not used by anything else until the product is done.
  template <typename T>
  bool matmul(Stream& stream, const DeviceProduct<T>& product, DeviceView<float> space);

 private:
  struct State;
  explicit CublasLt(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace squeeze
