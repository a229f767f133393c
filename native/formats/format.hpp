#pragma once
// A stored layout of one linear's weights W[N, K], and what every layout can do. One folder per layout.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "base/result.hpp"
#include "base/simd.hpp"
#include "formats/decode_input.hpp"
#include "tensor/safetensors.hpp"

namespace squeeze {

// How products with codebooks are computed: on which instructions, and whether codebooks and inputs are rounded to
// int16 (13 bits and a sign, exact sums) or stay fp32. Tests and benches choose; everybody else takes the default.
struct DecodePath {
  Simd simd = best_simd();
  bool int16 = true;
  // Dense weights are copied out of their file, too: on huge pages of our own they are read up to three times as fast
  // as in the page cache. Not for a model that fills the memory once already.
  bool copy_dense = false;
};

// W[N, K] in some layout, mapped or owned. Immutable after loading, safe to share between threads.
class LinearWeight {
 public:
  virtual ~LinearWeight() = default;
  virtual std::int64_t rows() const = 0;  // N, output channels
  virtual std::int64_t cols() const = 0;  // K, in-features
  // Bytes on disk of everything that belongs to the matrix: indices, codebooks, sparse part.
  virtual std::int64_t size_bytes() const = 0;
  // Name for people: "F16", "lut", ...
  virtual std::string stored_as() const = 0;
  // Weights kept exactly beside the dense part.
  virtual std::int64_t sparse_count() const { return 0; }
  // Rows [first, first + out.rows) as fp32. Tier A: exactly the values that the layout stands for.
  virtual void dequantize_rows(std::int64_t first, MatrixView<float> out) const = 0;
  // The same values rounded to bf16, to nearest even. The default goes by way of fp32.
  virtual void dequantize_rows(std::int64_t first, MatrixView<BFloat16> out) const;
  // W itself, row after row, where it lies in memory as fp32 or bf16 and aligned; else null.
  virtual const float* plain_floats() const { return nullptr; }
  virtual const BFloat16* plain_bfloat16() const { return nullptr; }

  // Products with few vectors, as in generating text. Rows are worked on in tiles of this many.
  virtual std::int64_t tile_rows() const { return 1; }
  // Columns [first, last) of y[T, N] = x[T, K] Wᵀ on the calling thread; `first` is a multiple of tile_rows(), and so
  // is `last` unless it is N. fp32 accumulation. The default dequantizes row by row.
  virtual void multiply_few(const DecodeInput& x, std::int64_t first, std::int64_t last, MatrixView<float> y) const;
  // Vectors up to which multiply_few is the faster way; with more, decoding rows for the matrix library is. F16 rows of
  // 0.4 B: 12 vectors run 1.1 times as fast directly, 16 at two thirds (2 threads, Zen 5, generator_bench, 2026-11-25).
  virtual std::int64_t few_vectors() const { return 12; }
  // The same weights laid out anew for multiply_few, in memory of their own; null when they are good as they are.
  virtual std::shared_ptr<const LinearWeight> packed(const DecodePath& path) const;
};

// A tensor that owns its bytes, on its way to a file.
struct OwnedTensor {
  std::string name;  // full name in the file
  DType dtype = DType::kF32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;
};

template <typename T>
OwnedTensor owned_tensor(std::string name, DType dtype, std::vector<std::int64_t> shape, std::span<const T> values) {
  const auto bytes = std::as_bytes(values);
  return {std::move(name), dtype, std::move(shape), {bytes.begin(), bytes.end()}};
}

struct Format {
  const char* id;
  // True when `store` holds the linear `name` (the tensor name without ".weight") in this layout.
  bool (*holds)(const TensorStore& store, const std::string& name);
  // Loads W[rows, cols]; packed layouts cannot tell the columns by themselves. Checks shapes, ranges (columns, row
  // pointers, padding) and finiteness of codebooks and values; errors name the tensor.
  Result<std::shared_ptr<const LinearWeight>> (*load)(const TensorStore& store, const std::string& name,
                                                      std::int64_t rows, std::int64_t cols);
};

std::span<const Format* const> all_formats();

// "Tensor <name> <what>.", as kTensorMalformed.
Error refused(const TensorView& tensor, const std::string& what);

// Loads `name` from whichever layout the store holds it in; checks that it is [rows, cols].
Result<std::shared_ptr<const LinearWeight>> load_linear(const TensorStore& store, const std::string& name,
                                                        std::int64_t rows, std::int64_t cols);

}  // namespace squeeze
