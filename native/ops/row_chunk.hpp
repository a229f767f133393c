#pragma once

#include <algorithm>
#include <cstdint>

namespace squeeze {

// Rows of `cols` elements that are worth handing to a thread: about 64 KB of floats, so that small work stays on one.
inline std::int64_t row_chunk(std::int64_t cols) {
  return std::max<std::int64_t>(1, (1 << 14) / std::max<std::int64_t>(1, cols));
}

}  // namespace squeeze
