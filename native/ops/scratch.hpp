#pragma once
// Working memory that is asked for again and again: it grows to the largest size seen and is never cleared.

#include <cassert>
#include <cstdint>

#include "base/aligned.hpp"
#include "base/matrix.hpp"

namespace squeeze {

template <typename T>
class ScratchOf {
 public:
  // rows × cols elements, uninitialised, from a cache line on; an earlier view of the same scratch is invalid from here
  // on.
  MatrixView<T> matrix(std::int64_t rows, std::int64_t cols) {
    const std::int64_t wanted = rows * cols;
    if (wanted > capacity_) {
      capacity_ = 0;
      memory_.reset();  // freed first, so that old and new never exist at once
      memory_ = aligned_bytes(static_cast<std::size_t>(wanted) * sizeof(T));
      capacity_ = wanted;
    }
    return {reinterpret_cast<T*>(memory_.get()), rows, cols};
  }

 private:
  AlignedBytes memory_;
  std::int64_t capacity_ = 0;
};

using Scratch = ScratchOf<float>;

}  // namespace squeeze
