#include "formats/csr/sparse_tiles.hpp"

#include <algorithm>
#include <cassert>

#if defined(SQUEEZE_X86_KERNELS)
#include <immintrin.h>
#endif

namespace squeeze {

namespace {

constexpr std::int64_t kRows = SparseTiles::kRows;

template <typename Col>
using Block = SparseTiles::Block<Col>;

// sums[4] += the blocks of one slice.
template <typename Col>
void add_slice_portable(const Block<Col>* block, const Block<Col>* end, const float* x, float* sums) {
  for (; block < end; ++block)
    for (std::int64_t i = 0; i < Block<Col>::kEntries; ++i)
      sums[i % kRows] += to_float(block->values[i]) * x[block->cols[i]];
}

#if defined(SQUEEZE_X86_KERNELS)

constexpr std::int64_t kPrefetch = 1024;  // bytes ahead in the stream

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

// The two steps of a block have a sum each, so that two chains of additions are under way.
template <typename Col>
[[gnu::target("avx2,fma,f16c")]] void add_slice_avx2(const Block<Col>* block, const Block<Col>* end, const float* x,
                                                     float* sums) {
  __m128 even = _mm_loadu_ps(sums), odd = _mm_setzero_ps();
  for (; block < end; ++block) {
    _mm_prefetch(reinterpret_cast<const char*>(block) + kPrefetch, _MM_HINT_T0);
    const __m256 v = _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block->values)));
    even = _mm_fmadd_ps(_mm256_castps256_ps128(v), inputs_at(block->cols, x), even);
    odd = _mm_fmadd_ps(_mm256_extractf128_ps(v, 1), inputs_at(block->cols + kRows, x), odd);
  }
  _mm_storeu_ps(sums, _mm_add_ps(even, odd));
}
#endif

template <typename Col>
void add_slice(Simd simd, const Block<Col>* block, const Block<Col>* end, const float* x, float* sums) {
#if defined(SQUEEZE_X86_KERNELS)
  if (simd != Simd::kPortable) return add_slice_avx2(block, end, x, sums);
#endif
  static_cast<void>(simd);
  add_slice_portable(block, end, x, sums);
}

template <typename Col>
void add_slices(Simd simd, const Block<Col>* blocks, const std::int64_t* begins, std::int64_t first, std::int64_t last,
                const float* x, float* y) {
  std::int64_t r = first;
  for (; r + kRows <= last; r += kRows)
    add_slice(simd, blocks + begins[r / kRows], blocks + begins[r / kRows + 1], x, y + r);
  if (r == last) return;
  float sums[kRows] = {};
  std::copy(y + r, y + last, sums);
  add_slice(simd, blocks + begins[r / kRows], blocks + begins[r / kRows + 1], x, sums);
  std::copy_n(sums, last - r, y + r);
}

}  // namespace

SparseTiles::SparseTiles(const SparsePart& sparse, std::int64_t rows) : wide_(sparse.wide()), begins_(1, 0) {
  for (std::int64_t r = 0; r < rows; r += kRows) {
    std::int64_t steps = 0;
    for (std::int64_t i = r; i < std::min(rows, r + kRows); ++i)
      steps = std::max(steps, sparse.row_end(i) - sparse.row_begin(i));
    begins_.push_back(begins_.back() + (steps + 1) / 2);
  }
  wide_ ? fill<std::int32_t>(sparse, rows) : fill<std::uint16_t>(sparse, rows);
}

template <typename Col>
void SparseTiles::fill(const SparsePart& sparse, std::int64_t rows) {
  memory_ = PageBuffer(static_cast<std::size_t>(begins_.back()) * sizeof(Block<Col>));
  std::fill_n(blocks<Col>(), begins_.back(), Block<Col>{});
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t entry = sparse.row_begin(r), step = 0; entry < sparse.row_end(r); ++entry, ++step) {
      Block<Col>& block = blocks<Col>()[begins_[r / kRows] + step / 2];
      const std::int64_t at = step % 2 * kRows + r % kRows;
      block.cols[at] = static_cast<Col>(sparse.col(entry));
      block.values[at] = sparse.value(entry);
    }
}

std::int64_t SparseTiles::memory_bytes() const {
  return static_cast<std::int64_t>(begins_.size() * sizeof(begins_[0]) + memory_.size());
}

void SparseTiles::add_product(Simd simd, std::int64_t first, std::int64_t last, const float* x, float* y) const {
  assert(first % kRows == 0);
  if (wide_)
    add_slices(simd, blocks<std::int32_t>(), begins_.data(), first, last, x, y);
  else
    add_slices(simd, blocks<std::uint16_t>(), begins_.data(), first, last, x, y);
}

}  // namespace squeeze
