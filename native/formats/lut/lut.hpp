#pragma once
// One codebook per output channel, and an index into it per weight:
//   <name>.qweight       U32 [N, ceil(K·b/32)]  b-bit indices, see formats/packed_indices.hpp
//   <name>.lookup_table  F16 [N, 2^b]
//   <name>.sparse.*      optional, see formats/csr/sparse_rows.hpp: added to the looked-up value in fp32
// b = 2..8 follows from the table's width.

#include <optional>

#include "base/half.hpp"
#include "formats/csr/sparse_rows.hpp"
#include "formats/format.hpp"

namespace squeeze {

// indices [N, K] < 2^bits, tables [N, 2^bits]; sparse may be null or empty, and is then left out.
std::vector<OwnedTensor> lut_tensors(const std::string& name, int bits, MatrixView<const std::uint8_t> indices,
                                     MatrixView<const Half> tables, const SparseRows* sparse);

// Bytes of these tensors for a matrix [rows, cols] with so many sparse entries.
std::int64_t lut_bytes(std::int64_t rows, std::int64_t cols, int bits, std::int64_t sparse_count);

class LutWeight final : public LinearWeight {
 public:
  static Result<std::shared_ptr<const LutWeight>> load(const TensorStore& store, const std::string& name,
                                                       std::int64_t rows, std::int64_t cols);

  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  std::int64_t size_bytes() const override;
  std::string stored_as() const override { return "lut"; }
  std::int64_t sparse_count() const override { return sparse_ ? sparse_->count() : 0; }
  using LinearWeight::dequantize_rows;
  void dequantize_rows(std::int64_t first, MatrixView<float> out) const override;
  std::shared_ptr<const LinearWeight> packed(const DecodePath& path) const override;

  // The same indices and sparse part with other codebooks [N, 2^b], finite.
  std::shared_ptr<const LutWeight> with_tables(std::vector<Half> tables) const;

  // The parts, for exports and for backends that pack again.
  int bits() const { return bits_; }
  void indices(std::int64_t row, std::span<std::uint8_t> out) const;  // out [K]
  void table(std::int64_t row, std::span<float> out) const;           // out [2^b]
  // Rows of packed words, and Half [N, 2^b]; either may be unaligned.
  std::span<const std::byte> stored_indices() const { return qweight_.bytes; }
  std::span<const std::byte> stored_tables() const { return tables_.bytes; }
  const SparsePart* sparse() const { return sparse_ ? &*sparse_ : nullptr; }

 private:
  TensorStore store_;  // keeps the mapping alive
  std::int64_t rows_ = 0, cols_ = 0;
  int bits_ = 0;
  TensorView qweight_, tables_;
  std::shared_ptr<const std::vector<Half>> own_tables_;  // where tables_ points when it is not into the store
  std::optional<SparsePart> sparse_;
};

}  // namespace squeeze
