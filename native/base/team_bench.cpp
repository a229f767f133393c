// What threads pay for working together, in nanoseconds, as JSON: a wait of a team, an empty share, starting a team,
// and starting a parallel loop. Medians of rounds; on a machine that other programs use, the least is given too.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

#include "base/team.hpp"
#include "base/threads.hpp"

using namespace squeeze;

namespace {

constexpr int kRounds = 21, kCalls = 2000;

double now() {
  return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// body(calls) makes that many calls.
template <typename Body>
void time_calls(const char* name, int threads, const Body& body) {
  std::vector<double> rounds;
  body(kCalls);
  for (int round = 0; round < kRounds; ++round) {
    const double begin = now();
    body(kCalls);
    rounds.push_back((now() - begin) / kCalls);
  }
  std::ranges::sort(rounds);
  std::printf("{\"threads\":%d,\"call\":\"%s\",\"median\":%.0f,\"least\":%.0f}\n", threads, name, rounds[kRounds / 2],
              rounds[0]);
}

void time_all(int threads) {
  time_calls("wait", threads, [](int calls) {
    run_team([&](Team& team) {
      for (int i = 0; i < calls; ++i) team.wait();
    });
  });
  time_calls("share", threads, [](int calls) {
    run_team([&](Team& team) {
      for (int i = 0; i < calls; ++i) team.share(8, 1, [](std::int64_t, std::int64_t) {});
    });
  });
  time_calls("run_team", threads, [](int calls) {
    for (int i = 0; i < calls; ++i) run_team([](Team&) {});
  });
  time_calls("parallel_for", threads, [](int calls) {
    for (int i = 0; i < calls; ++i) parallel_for(8, 1, [](std::int64_t, std::int64_t) {});
  });
}

}  // namespace

int main() {
  std::vector<int> counts = {1, usable_cores()};
  if (usable_cores() == 1) counts.pop_back();
  for (const int threads : counts) {
    set_thread_count(threads);
    time_all(threads);
  }
  return 0;
}
