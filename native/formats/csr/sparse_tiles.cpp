#include "formats/csr/sparse_tiles.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#if defined(SQUEEZE_X86_KERNELS)
#include <immintrin.h>
#endif

namespace squeeze {

namespace {

constexpr std::int64_t kRows = SparseTiles::kRows;

template <typename Col>
void sum_slice_portable(const Col* cols, const Half* values, std::int64_t steps, const float* x, float* sums) {
  for (std::int64_t i = 0; i < steps * kRows; ++i) sums[i % kRows] += to_float(values[i]) * x[cols[i]];
}

#if defined(SQUEEZE_X86_KERNELS)
// The inputs of one step. Four short columns are one load: reading them one by one would take as many loads as the
// inputs.
[[gnu::always_inline, gnu::target("avx2,fma,f16c")]] inline __m128 inputs_at(const std::uint16_t* cols,
                                                                             const float* x) {
  std::uint64_t four;
  std::memcpy(&four, cols, sizeof(four));
  return _mm_setr_ps(x[four & 0xffff], x[four >> 16 & 0xffff], x[four >> 32 & 0xffff], x[four >> 48]);
}
[[gnu::always_inline, gnu::target("avx2,fma,f16c")]] inline __m128 inputs_at(const std::int32_t* cols, const float* x) {
  return _mm_setr_ps(x[cols[0]], x[cols[1]], x[cols[2]], x[cols[3]]);
}

// Two steps at a time, so that two chains of additions are under way.
template <typename Col>
[[gnu::target("avx2,fma,f16c")]] void sum_slice_avx2(const Col* cols, const Half* values, std::int64_t steps,
                                                     const float* x, float* sums) {
  __m128 even = _mm_loadu_ps(sums), odd = _mm_setzero_ps();
  std::int64_t i = 0;
  for (; i + 2 <= steps; i += 2, cols += 2 * kRows, values += 2 * kRows) {
    const __m256 v = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values)));
    even = _mm_fmadd_ps(_mm256_castps256_ps128(v), inputs_at(cols, x), even);
    odd = _mm_fmadd_ps(_mm256_extractf128_ps(v, 1), inputs_at(cols + kRows, x), odd);
  }
  if (i < steps) {
    const __m128 v = _mm_cvtph_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(values)));
    even = _mm_fmadd_ps(v, inputs_at(cols, x), even);
  }
  _mm_storeu_ps(sums, _mm_add_ps(even, odd));
}
#endif

template <typename Col>
void sum_slice(Simd simd, const Col* cols, const Half* values, std::int64_t steps, const float* x, float* sums) {
#if defined(SQUEEZE_X86_KERNELS)
  if (simd != Simd::kPortable) return sum_slice_avx2(cols, values, steps, x, sums);
#endif
  static_cast<void>(simd);
  sum_slice_portable(cols, values, steps, x, sums);
}

}  // namespace

SparseTiles::SparseTiles(const SparsePart& sparse, std::int64_t rows) {
  const std::int64_t slices = (rows + kRows - 1) / kRows;
  const auto count = [&](std::int64_t r) { return r < rows ? sparse.row_end(r) - sparse.row_begin(r) : 0; };
  begins_.assign(1, 0);
  for (std::int64_t slice = 0; slice < slices; ++slice) {
    std::int64_t most = 0;
    for (std::int64_t r = slice * kRows; r < (slice + 1) * kRows; ++r) most = std::max(most, count(r));
    begins_.push_back(begins_.back() + most);
  }
  const auto places = static_cast<std::size_t>(begins_.back() * kRows);
  values_.resize(places);
  (sparse.wide() ? void(wide_cols_.resize(places)) : void(cols_.resize(places)));
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t i = 0; i < count(r); ++i) {
      const std::int64_t at = (begins_[r / kRows] + i) * kRows + r % kRows;
      const std::int64_t entry = sparse.row_begin(r) + i, col = sparse.col(entry);
      values_[at] = sparse.value(entry);
      if (sparse.wide())
        wide_cols_[at] = static_cast<std::int32_t>(col);
      else
        cols_[at] = static_cast<std::uint16_t>(col);
    }
}

std::int64_t SparseTiles::memory_bytes() const {
  return static_cast<std::int64_t>(begins_.size() * sizeof(begins_[0]) + cols_.size() * sizeof(cols_[0]) +
                                   wide_cols_.size() * sizeof(wide_cols_[0]) + values_.size() * sizeof(values_[0]));
}

void SparseTiles::add_product(Simd simd, std::int64_t first, std::int64_t last, const float* x, float* y) const {
  assert(first % kRows == 0);
  for (std::int64_t r = first; r < last; r += kRows) {
    const std::int64_t begin = begins_[r / kRows], steps = begins_[r / kRows + 1] - begin;
    const Half* const values = values_.data() + begin * kRows;
    float sums[kRows] = {};
    if (cols_.empty())
      sum_slice(simd, wide_cols_.data() + begin * kRows, values, steps, x, sums);
    else
      sum_slice(simd, cols_.data() + begin * kRows, values, steps, x, sums);
    for (std::int64_t i = 0; i < std::min(kRows, last - r); ++i) y[r + i] += sums[i];
  }
}

}  // namespace squeeze
