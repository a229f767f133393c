#include "base/team.hpp"

#include <omp.h>

#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace squeeze {

namespace {

// Thrown through the bodies of the others once one has thrown.
struct TeamBroken {};

// About 10 µs: longer than a chunk of work takes. Who waits longer waits for a thread whose core was taken away, and
// lets that one run, since it may be this core that it needs. Where other programs kept both cores busy, 20,000 made a
// token a third slower (2 cores, load 4, 2026-11).
constexpr int kSpins = 500;

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void run_member(TeamState& state, void (*call)(const void*, Team&), const void* body) {
  Team team(state, omp_get_thread_num(), omp_get_num_threads());
  try {
    call(body, team);
  } catch (const TeamBroken&) {
  } catch (...) {
#pragma omp critical(squeeze_team)
    if (!state.broken.load()) {
      state.thrown = std::current_exception();
      state.broken.store(true);
    }
  }
}

}  // namespace

void Team::wait_for_others() {
  // Nobody can begin another round before this thread has arrived, so this is the round that everybody waits to end.
  const std::uint32_t round = state_.round.load(std::memory_order_relaxed);
  if (state_.arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
    state_.arrived.store(0, std::memory_order_relaxed);
    for (TeamState::Taken& taken : state_.taken) taken.chunks.store(0, std::memory_order_relaxed);
    state_.round.store(round + 1, std::memory_order_release);
    return;
  }
  for (int spins = 0; state_.round.load(std::memory_order_acquire) == round; ++spins) {
    if (state_.broken.load(std::memory_order_relaxed)) throw TeamBroken();
    spins < kSpins ? pause() : std::this_thread::yield();
  }
}

void run_team(void (*call)(const void* body, Team& team), const void* body) {
  TeamState state(omp_get_max_threads());
#pragma omp parallel
  run_member(state, call, body);
  if (state.thrown) std::rethrow_exception(state.thrown);
}

}  // namespace squeeze
