#pragma once
// The sparse part laid out for products with few vectors: sliced ELLPACK with slices of four rows (SELL-4; Kreutzer et
// al., arXiv 1307.6209, section 3). Step i of a slice holds the i-th entry of each of its rows; rows with fewer entries
// are filled up with zeros in column 0. Two steps are a block, eight columns followed by their eight fp16 values, so
// that all is one stream. Four independent sums and no gather.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/half.hpp"
#include "base/page_buffer.hpp"
#include "base/simd.hpp"
#include "formats/csr/sparse_rows.hpp"

namespace squeeze {

class SparseTiles {
 public:
  static constexpr std::int64_t kRows = 4;
  template <typename Col>
  struct Block {
    static constexpr std::int64_t kEntries = 2 * kRows;
    Col cols[kEntries];
    Half values[kEntries];
  };

  // Throws bad_alloc.
  SparseTiles(const SparsePart& sparse, std::int64_t rows);

  std::int64_t memory_bytes() const;
  // y[r] += Σ value · x[col] for rows [first, last), `first` a multiple of kRows. fp32.
  void add_product(Simd simd, std::int64_t first, std::int64_t last, const float* x, float* y) const;
  // Calls visit(col, value) for the entries of a row; those that only fill up are left out.
  template <typename Visit>
  void for_each(std::int64_t row, const Visit& visit) const {
    wide_ ? for_each_in<std::int32_t>(row, visit) : for_each_in<std::uint16_t>(row, visit);
  }

 private:
  template <typename Col>
  Block<Col>* blocks() const {
    return reinterpret_cast<Block<Col>*>(memory_.data());
  }
  template <typename Col>
  void fill(const SparsePart& sparse, std::int64_t rows);
  template <typename Col, typename Visit>
  void for_each_in(std::int64_t row, const Visit& visit) const {
    for (std::int64_t b = begins_[row / kRows]; b < begins_[row / kRows + 1]; ++b)
      for (std::int64_t i = row % kRows; i < Block<Col>::kEntries; i += kRows)
        if (const Half value = blocks<Col>()[b].values[i]; (value.bits & 0x7fffu) != 0)
          visit(static_cast<std::int64_t>(blocks<Col>()[b].cols[i]), value);
  }

  bool wide_;                         // columns that need more than 16 bits
  std::vector<std::int64_t> begins_;  // first block of each slice, and the end
  PageBuffer memory_;
};

}  // namespace squeeze
