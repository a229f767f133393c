#include "base/threads.hpp"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

namespace squeeze {

int usable_cores() {
#ifdef __linux__
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) == 0) {
    std::set<std::string> cores;  // siblings share one list, so the lists count physical cores
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
      std::string siblings;
      if (!std::getline(file, siblings)) siblings = std::to_string(cpu);
      cores.insert(siblings);
    }
    if (!cores.empty()) return static_cast<int>(cores.size());
  }
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

void set_thread_count(int threads) { omp_set_num_threads(threads > 0 ? threads : usable_cores()); }

int thread_count() { return omp_get_max_threads(); }

bool in_parallel() { return omp_in_parallel() != 0; }

OneThread::OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
OneThread::~OneThread() { omp_set_num_threads(before_); }

void run_chunks(std::int64_t count, std::int64_t chunk, const std::function<void(std::int64_t, std::int64_t)>& body) {
  const std::int64_t chunks = (count + chunk - 1) / chunk;
  std::exception_ptr thrown;  // one that left the parallel region would end the process
#pragma omp parallel for schedule(dynamic, 1)
  for (std::int64_t c = 0; c < chunks; ++c) {
    try {
      body(c * chunk, std::min(count, (c + 1) * chunk));
    } catch (...) {
#pragma omp critical(squeeze_parallel_for)
      thrown = std::current_exception();
    }
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace squeeze
