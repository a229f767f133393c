#pragma once
// Our own kernels behind DeviceMatmul (matmul_cuda.hpp).

#include <cstdint>

#include "base/half.hpp"
#include "device/device.hpp"

namespace squeeze {

// y[m, n] = Σ_k a(m, k) b(n, k), or += with accumulate; all row-major, without gaps between rows.
template <typename T>
struct DeviceProduct {
  const T* a = nullptr;
  const T* b = nullptr;
  float* y = nullptr;
  std::int64_t m = 0, n = 0, k = 0;
  bool a_transposed = false;  // a is stored as [k, m] instead of [m, k]
  bool b_transposed = false;  // b is stored as [k, n] instead of [n, k]
  bool accumulate = false;
};

// Sizes of the part of y that one block of threads makes: 64×64, 128×128, 128×256. Larger ones read a and b less often,
// smaller ones keep more multiprocessors busy.
enum class MatmulTile { kChosen, kSmall, kMedium, kLarge };

// Any sizes below 2^30, empty ones too. `space`: for partial sums, not used by anything else until the product is done;
// with less than it would take, the inner side is cut into fewer parts. Deterministic: the same sizes on the same
// device with the same space are added in the same order.
//
// Half, BFloat16: tensor cores, which add the 16 products of a step and the fp32 sum so far at once. Fast where rows
// are multiples of 16 bytes, at addresses that are, too; elsewhere always by small tiles.
// a transposed alone is not supported.
template <typename T>
void own_matmul(Stream& stream, const DeviceProduct<T>& product, DeviceView<float> space,
                MatmulTile tile = MatmulTile::kChosen);
// Every product and sum fp32, by fused multiply-adds in ascending k.
void own_matmul(Stream& stream, const DeviceProduct<float>& product);

}  // namespace squeeze
