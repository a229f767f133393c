#include "base/threads.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <new>
#include <vector>

using namespace squeeze;

TEST_CASE("parallel_for: covers every index exactly once, whatever the chunk") {
  for (const std::int64_t count : {0, 1, 7, 64, 1000}) {
    for (const std::int64_t chunk : {1, 3, 64, 5000}) {
      std::vector<std::atomic<int>> seen(static_cast<std::size_t>(count));
      parallel_for(count, chunk, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t i = first; i < last; ++i) seen[static_cast<std::size_t>(i)]++;
      });
      for (const auto& times : seen) REQUIRE(times == 1);
    }
  }
}

TEST_CASE("parallel_for: what a body throws reaches the caller, and the other chunks are done") {
  std::atomic<int> done = 0;
  const auto body = [&](std::int64_t first, std::int64_t) {
    if (first % 10 == 3) throw std::bad_alloc();
    ++done;
  };
  CHECK_THROWS_AS(parallel_for(100, 1, body), std::bad_alloc);
  CHECK(done == 90);
}

TEST_CASE("threads: the count that was set is the count that is used") {
  const int before = thread_count();
  set_thread_count(1);
  CHECK(thread_count() == 1);
  set_thread_count(0);
  CHECK(thread_count() == usable_cores());
  CHECK(usable_cores() >= 1);
  set_thread_count(before);
}
