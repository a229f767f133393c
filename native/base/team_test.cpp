#include "base/team.hpp"

#include <doctest/doctest.h>

#include <new>
#include <vector>

#include "base/threads.hpp"

using namespace squeeze;

namespace {

// Runs body with 1, 2 and more threads than there are cores.
template <typename Body>
void with_thread_counts(const Body& body) {
  const int before = thread_count();
  for (const int threads : {1, 2, 5}) {
    CAPTURE(threads);
    set_thread_count(threads);
    body(threads);
  }
  set_thread_count(before);
}

}  // namespace

TEST_CASE("team: every item is handed out once, and all of a share is done before the next begins") {
  with_thread_counts([](int threads) {
    constexpr std::int64_t count = 103;
    std::vector<int> values(count);
    std::atomic<int> members = 0, wrong = 0;
    run_team([&](Team& team) {
      ++members;
      if (team.threads() != threads || team.rank() < 0 || team.rank() >= threads) ++wrong;
      for (int step = 0; step < 50; ++step) {
        // Each step reads what other threads wrote in the step before.
        team.share(count, 1 + step % 7, [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t i = first; i < last; ++i) {
            if (values[i] != 2 * step) ++wrong;
            ++values[i];
          }
        });
        team.share(count, 10, [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t i = first; i < last; ++i) {
            if (values[count - 1 - i] != 2 * step + 1) ++wrong;
            ++values[count - 1 - i];
          }
        });
      }
      team.share(0, 1, [&](std::int64_t, std::int64_t) { ++wrong; });
    });
    CHECK(members == threads);
    CHECK(wrong == 0);
    CHECK(values == std::vector<int>(count, 100));
  });
}

TEST_CASE("team: all have come when a wait ends") {
  with_thread_counts([](int threads) {
    std::atomic<int> came = 0, wrong = 0;
    run_team([&](Team& team) {
      for (int round = 1; round <= 200; ++round) {
        ++came;
        team.wait();
        if (came != round * threads) ++wrong;
        team.wait();
      }
    });
    CHECK(wrong == 0);
  });
}

TEST_CASE("team: what one thread throws reaches the caller, and nobody waits for ever") {
  with_thread_counts([](int threads) {
    std::atomic<int> after = 0;
    const auto in_share = [&](Team& team) {
      team.share(100, 1, [](std::int64_t first, std::int64_t) {
        if (first == 40) throw std::bad_alloc();
      });
      ++after;
    };
    CHECK_THROWS_AS(run_team(in_share), std::bad_alloc);
    const auto alone = [&](Team& team) {
      if (team.rank() == threads - 1) throw std::bad_alloc();
      team.wait();
      ++after;
    };
    CHECK_THROWS_AS(run_team(alone), std::bad_alloc);
    CHECK(after == 0);
    run_team([&](Team&) { ++after; });
    CHECK(after == threads);
  });
}
