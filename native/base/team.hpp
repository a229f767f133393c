#pragma once
// A team of threads that stay awake for the length of one piece of work, such as the layers that one token passes
// through. Handing out work and waiting for each other costs a fraction of a microsecond, where a parallel loop costs
// several: see team_bench.cpp. The threads are those of the one OpenMP pool. They are not tied to cores: where another
// program wants a core too, its thread could not leave, and all others would wait for it at every barrier.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <vector>

namespace squeeze {

// What the threads of a team share. Each counter that many threads write has a cache line of its own.
struct TeamState {
  struct alignas(64) Taken {
    std::atomic<std::int64_t> chunks = 0;
  };

  explicit TeamState(int threads) : taken(static_cast<std::size_t>(threads)) {}

  std::vector<Taken> taken;  // of each thread's part of what is being shared
  alignas(64) std::atomic<int> arrived = 0;
  alignas(64) std::atomic<std::uint32_t> round = 0;
  std::atomic<bool> broken = false;  // some thread has left by an exception
  std::exception_ptr thrown;         // written once, by the thread that broke the team
};

// One thread's place in its team. All threads make the same calls in the same order.
class Team {
 public:
  Team(TeamState& state, int rank, int threads) : state_(state), rank_(rank), threads_(threads) {}

  int rank() const { return rank_; }
  int threads() const { return threads_; }

  // Waits until all have come; what any thread wrote before, all can read after.
  void wait() {
    if (threads_ > 1) wait_for_others();
  }

  // Calls body(first, last) over [0, count) in chunks, and waits for all. Each thread has a part of its own and takes
  // it from the front, so that what it reads is one stream of memory; when it is through, it helps with the others'.
  template <typename Body>
  void share(std::int64_t count, std::int64_t chunk, const Body& body) {
    if (threads_ == 1) {
      for (std::int64_t first = 0; first < count; first += chunk) body(first, std::min(count, first + chunk));
      return;
    }
    const std::int64_t chunks = (count + chunk - 1) / chunk;
    for (int i = 0; i < threads_; ++i) {
      const int part = (rank_ + i) % threads_;
      const std::int64_t begin = chunks * part / threads_, end = chunks * (part + 1) / threads_;
      while (true) {
        const std::int64_t c = begin + state_.taken[part].chunks.fetch_add(1, std::memory_order_relaxed);
        if (c >= end) break;
        body(c * chunk, std::min(count, (c + 1) * chunk));
      }
    }
    wait_for_others();
  }

 private:
  void wait_for_others();

  TeamState& state_;
  int rank_, threads_;
};

// run_team for a body that is known by address only.
void run_team(void (*call)(const void* body, Team& team), const void* body);

// Every thread of the pool (thread_count()) runs body(team) once. What a body throws, such as bad_alloc, takes all
// threads out of their bodies at their next wait, and is thrown again here (of several, the first).
template <typename Body>
void run_team(const Body& body) {
  run_team([](const void* any, Team& team) { (*static_cast<const Body*>(any))(team); }, &body);
}

}  // namespace squeeze
