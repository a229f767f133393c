#include "base/cores.hpp"

#include <omp.h>

#ifdef __linux__
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#endif

namespace squeeze {

#ifdef __linux__

namespace {

using Processors = std::bitset<1024>;
static_assert(Processors().size() == CPU_SETSIZE);

// None where the system does not say.
Processors allowed_processors() {
  cpu_set_t set;
  Processors allowed;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return allowed;
  for (std::size_t cpu = 0; cpu < allowed.size(); ++cpu) allowed[cpu] = CPU_ISSET(cpu, &set);
  return allowed;
}

void allow_processors(const Processors& allowed) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (std::size_t cpu = 0; cpu < allowed.size(); ++cpu)
    if (allowed[cpu]) CPU_SET(cpu, &set);
  // Refused where a processor has gone since; then the thread stays where it may run.
  [[maybe_unused]] const int refused = sched_setaffinity(0, sizeof(set), &set);
}

// Siblings share one list.
std::string siblings_of(int cpu) {
  std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
  std::string siblings;
  return std::getline(file, siblings) ? siblings : std::to_string(cpu);
}

}  // namespace

std::vector<int> core_list() {
  std::set<std::string> seen;
  std::vector<int> cores;
  const auto allowed = allowed_processors();
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (allowed[cpu] && seen.insert(siblings_of(cpu)).second) cores.push_back(cpu);
  return cores;
}

PinnedThreads::PinnedThreads() {
  const std::vector<int> cores = core_list();
  const auto threads = static_cast<std::size_t>(omp_get_max_threads());
  if (threads > cores.size()) return;
  // From the core on which this thread runs, so that two programs with few threads do not choose the same cores.
  const auto here = std::ranges::upper_bound(cores, sched_getcpu());
  const auto first = static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, here - cores.begin() - 1));
  before_.resize(threads);
#pragma omp parallel
  {
    const auto rank = static_cast<std::size_t>(omp_get_thread_num());
    before_[rank] = allowed_processors();
    Processors own;
    own[cores[(first + rank) % cores.size()]] = true;
    allow_processors(own);
  }
}

PinnedThreads::~PinnedThreads() {
  if (before_.empty()) return;
#pragma omp parallel num_threads(static_cast <int>(before_.size()))
  {
    const auto rank = static_cast<std::size_t>(omp_get_thread_num());
    if (before_[rank].any()) allow_processors(before_[rank]);
  }
}

#else

std::vector<int> core_list() { return {}; }
PinnedThreads::PinnedThreads() = default;
PinnedThreads::~PinnedThreads() = default;

#endif

}  // namespace squeeze
