#pragma once
// The sparse part laid out for products with few vectors: sliced ELLPACK with slices of four rows (SELL-4; Kreutzer et
// al., arXiv 1307.6209, section 3). Step i of a slice holds the i-th entry of each of its rows, four columns and four
// fp16 values; rows with fewer entries are filled up with zeros in column 0. Four independent sums and no gather.

#include <cstdint>
#include <span>
#include <vector>

#include "base/half.hpp"
#include "base/simd.hpp"
#include "formats/csr/sparse_rows.hpp"

namespace squeeze {

class SparseTiles {
 public:
  static constexpr std::int64_t kRows = 4;

  SparseTiles(const SparsePart& sparse, std::int64_t rows);

  std::int64_t memory_bytes() const;
  // y[r] += Σ value · x[col] for rows [first, last), `first` a multiple of kRows. fp32.
  void add_product(Simd simd, std::int64_t first, std::int64_t last, const float* x, float* y) const;
  // Calls visit(col, value) for the entries of a row; those that only fill up are left out.
  template <typename Visit>
  void for_each(std::int64_t row, const Visit& visit) const {
    for (std::int64_t step = begins_[row / kRows]; step < begins_[row / kRows + 1]; ++step) {
      const std::int64_t at = step * kRows + row % kRows;
      const Half value = values_[at];
      if ((value.bits & 0x7fffu) != 0)
        visit(static_cast<std::int64_t>(cols_.empty() ? wide_cols_[at] : cols_[at]), value);
    }
  }

 private:
  std::vector<std::int64_t> begins_;  // first step of each slice, and the end
  std::vector<std::uint16_t> cols_;   // [steps · 4] where columns fit into 16 bits
  std::vector<std::int32_t> wide_cols_;
  std::vector<Half> values_;  // [steps · 4]
};

}  // namespace squeeze
