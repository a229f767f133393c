#include "base/threads.hpp"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <thread>

#include "base/cores.hpp"

namespace squeeze {

int usable_cores() {
  const auto cores = core_list();
  return cores.empty() ? static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))
                       : static_cast<int>(cores.size());
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
