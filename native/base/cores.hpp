#pragma once
// Where threads run. All that is particular to the operating system is in cores.cpp (Linux; elsewhere nothing is known
// and nothing is pinned).

#include <bitset>
#include <vector>

namespace squeeze {

// One logical processor of each physical core that the calling thread may run on, ascending; empty where the system
// does not say.
std::vector<int> core_list();

// Keeps each thread of the OpenMP pool on a physical core of its own for as long as it lives, and then gives every
// thread back the processors that it might run on before. A thread that is moved comes back to cold caches, and two
// that are moved to one core wait for each other at every barrier. Does nothing where there are more threads than
// cores.
class PinnedThreads {
 public:
  PinnedThreads();
  ~PinnedThreads();
  PinnedThreads(const PinnedThreads&) = delete;
  PinnedThreads& operator=(const PinnedThreads&) = delete;

 private:
  using Processors = std::bitset<1024>;

  std::vector<Processors> before_;  // by thread; empty: not pinned
};

}  // namespace squeeze
