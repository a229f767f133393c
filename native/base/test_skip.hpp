#pragma once
// For tests: what a case leaves out, on a line of its own that `npm test` counts.

#include <cstdio>
#include <string>

namespace squeeze {

inline void say_skipped(const std::string& what, const std::string& why) {
  std::fprintf(stderr, "SKIPPED %s: %s\n", what.c_str(), why.c_str());
}

}  // namespace squeeze
