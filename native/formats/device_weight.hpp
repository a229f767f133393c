#pragma once
// A linear's weights W[N, K] on a GPU, laid out for products with few vectors (generating text), and decoded to 16 bits
// where a matrix product wants them whole. One .cu beside each layout's folder makes it.

#include <memory>
#include <span>

#include "device/device.hpp"
#include "formats/format.hpp"

namespace squeeze {

// Vectors up to which multiply_few and multiply_rounded are meant to be used.
inline constexpr std::int64_t kDeviceFewVectors = 16;
inline constexpr std::int64_t kDeviceRoundedVectors = 64;

// What a product takes: x[T, K] fp32, or the norm of it, made on the way: RMSNorm with norm_weight, LayerNorm where
// there is a norm_bias, too.
struct FewInput {
  DeviceView<const float> x;
  const float* norm_weight = nullptr;
  const float* norm_bias = nullptr;
  float eps = 0;
};

// Where it goes: y[T, N] = W x (+ bias) (+ y, where `add`).
struct FewOutput {
  DeviceView<float> y;
  const float* bias = nullptr;
  bool add = false;
};

class DeviceWeight {
 public:
  virtual ~DeviceWeight() = default;
  virtual std::int64_t rows() const = 0;
  virtual std::int64_t cols() const = 0;
  virtual std::int64_t size_bytes() const = 0;  // on the device
  // Rows [first, first + out.rows) as 16-bit floats, rounded to nearest even.
  virtual void dequantize(Stream& stream, std::int64_t first, DeviceView<Half> out) const = 0;
  virtual void dequantize(Stream& stream, std::int64_t first, DeviceView<BFloat16> out) const = 0;
  // W itself where it lies on the device as such; else null.
  virtual const Half* plain_half() const { return nullptr; }
  virtual const BFloat16* plain_bfloat16() const { return nullptr; }
};

// A layout of codebook indices becomes a LUT weight; everything else 16-bit floats (bf16 where it is stored so).
Result<std::unique_ptr<DeviceWeight>> upload_weight(Stream& stream, const LinearWeight& weight);

// One linear and where its product goes.
struct FewProduct {
  const DeviceWeight* weight = nullptr;
  FewOutput out;
};

// Working memory of products; one for each stream that they run on.
struct FewSpace {
  DeviceArray<Half> input, turned;
  DeviceArray<float> gate, partial;
  DeviceArray<unsigned> arrived;

  std::int64_t size_bytes() const {
    return input.size_bytes() + turned.size_bytes() + gate.size_bytes() + partial.size_bytes() + arrived.size_bytes();
  }
};

// Several linears of one input, T <= kDeviceFewVectors; as few launches as their layouts allow. Safe to record.
void multiply_few(Stream& stream, const FewInput& in, std::span<const FewProduct> products, FewSpace& space);
// One linear of x[T, K] that is fp16 already, T <= kDeviceRoundedVectors: what a short prompt takes, decoded in the
// product itself. False, and nothing is done, where the weight's layout takes other numbers, K is no multiple of 8, or
// its codebooks need more shared memory than the device has (8 bits and more than 32 vectors, on some).
bool multiply_rounded(Stream& stream, DeviceView<const Half> x, const FewProduct& product, FewSpace& space);
// y = silu(gate(x)) · up(x)
void multiply_few_gated(Stream& stream, const FewInput& in, const DeviceWeight& gate, const float* gate_bias,
                        const DeviceWeight& up, const float* up_bias, DeviceView<float> y, FewSpace& space);

}  // namespace squeeze
