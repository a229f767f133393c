#pragma once
// What benches on a GPU begin with.

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "device/device.hpp"

namespace squeeze {

// Ends the program where there is no GPU.
inline Stream stream_or_exit() {
  auto made = Stream::make();
  if (made.ok()) return std::move(made).value();
  std::fprintf(stderr, "%s\n", made.error().message.c_str());
  std::exit(1);
}

}  // namespace squeeze
