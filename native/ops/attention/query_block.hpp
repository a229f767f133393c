#pragma once

#include <cstdint>

namespace squeeze {

// Queries whose scores exist at a time, with those of all keys that they see, in each thread; the gradients of those
// scores, too, on the way back.
inline constexpr std::int64_t kQueryBlock = 128;

}  // namespace squeeze
