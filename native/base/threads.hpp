#pragma once
// One OpenMP pool for every loop and for the matrix library, so that no two pools spin against each other.

#include <algorithm>
#include <cstdint>
#include <functional>

namespace squeeze {

// Physical cores that this process may run on, at least 1.
int usable_cores();

// Threads of every parallel loop from here on; 0 means usable_cores(). Call from the thread that runs the work.
void set_thread_count(int threads);
int thread_count();

// Whether the calling thread is one of several that already share out a piece of work.
bool in_parallel();

// parallel_for's chunks on all threads.
void run_chunks(std::int64_t count, std::int64_t chunk, const std::function<void(std::int64_t, std::int64_t)>& body);

// While it lives, the calling thread's pool is the thread itself. For library objects that are laid out, when they are
// made, for as many threads as they find.
class OneThread {
 public:
  OneThread();
  ~OneThread();
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// Calls body(first, last) over [0, count) in chunks of `chunk`, handed out dynamically: a stolen core delays one
// chunk, not half of the work. The order of chunks is not fixed, so bodies must not share sums. What a body throws,
// such as bad_alloc, is thrown again here once all chunks are done (of several, one). A single chunk, and everything
// inside of other parallel work, is one plain call: an op may be used on one row by each thread for itself.
template <typename Body>
void parallel_for(std::int64_t count, std::int64_t chunk, const Body& body) {
  chunk = std::max<std::int64_t>(1, chunk);
  if (count > chunk && !in_parallel()) return run_chunks(count, chunk, std::cref(body));
  if (count > 0) body(0, count);
}

}  // namespace squeeze
