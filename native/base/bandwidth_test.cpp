#include "base/bandwidth.hpp"

#include <doctest/doctest.h>

#include "base/threads.hpp"

using namespace squeeze;

TEST_CASE("a pass over memory reads all of it, at a speed that memory can have") {
  const int before = thread_count();
  const ReadBandwidth memory;
  for (const int threads : {1, 2}) {
    CAPTURE(threads);
    const double gigabytes = memory.measure(threads);
    CHECK(gigabytes > 0.2);   // a busy machine of twenty years ago
    CHECK(gigabytes < 5000);  // more than any memory: the pass was left out
  }
  CHECK(thread_count() == before);
}
