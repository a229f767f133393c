#pragma once
// Working memory that is asked for again and again: it grows to the largest size seen and is never cleared.

#include <cassert>
#include <cstdint>
#include <memory>

#include "base/matrix.hpp"

namespace squeeze {

template <typename T>
class ScratchOf {
 public:
  // rows × cols elements, uninitialised; an earlier view of the same scratch is invalid from here on.
  MatrixView<T> matrix(std::int64_t rows, std::int64_t cols) {
    const std::int64_t wanted = rows * cols;
    if (wanted > capacity_) {
      values_.reset();  // freed first, so that old and new never exist at once
      values_ = std::make_unique_for_overwrite<T[]>(static_cast<std::size_t>(wanted));
      capacity_ = wanted;
    }
    return {values_.get(), rows, cols};
  }

 private:
  std::unique_ptr<T[]> values_;
  std::int64_t capacity_ = 0;
};

using Scratch = ScratchOf<float>;

}  // namespace squeeze
