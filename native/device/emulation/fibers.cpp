#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "device/emulation/language.hpp"
#include "device/emulation/order.hpp"

namespace squeeze::emulation {

Place place;
dim3 block_size, grid_size;

namespace {

constexpr std::size_t kStackBytes = 256 << 10;
constexpr std::size_t kWarp = 32;
constexpr std::size_t kMostThreads = 1024;
constexpr unsigned kMostBlocksAcross = 65535;

// Opens when as many have arrived as are expected.
struct Barrier {
  unsigned expected = 0, arrived = 0, generation = 0;
  bool open_if_full() {
    if (arrived == 0 || arrived < expected) return false;
    arrived = 0;
    ++generation;
    return true;
  }
};

// Lanes of one warp that exchange values; two sets, so that one is read while the next is written.
struct Group {
  Barrier barrier;
  alignas(16) std::array<std::array<unsigned char, kWarp * kExchangeStride>, 2> values;
};

struct Copy {
  void* to;
  const void* from;
  std::size_t bytes;
};

// A fiber lives on from block to block. It is entered once by swapcontext and from then on by a jump, which costs no
// call of the system.
struct Fiber {
  ucontext_t context = {};
  jmp_buf at = {};
  bool entered = false;
  Place place = {};
  bool done = false;
  bool has_waited = false;  // for the launch before
  std::unique_ptr<unsigned char[]> stack = std::make_unique_for_overwrite<unsigned char[]>(kStackBytes);
  std::map<unsigned, Group>* groups = nullptr;  // of its warp, by mask
  std::vector<Copy> open_copies;
  std::deque<std::vector<Copy>> copies;  // groups under way
};

struct Block {
  std::span<std::unique_ptr<Fiber>> fibers;
  std::vector<std::map<unsigned, Group>> warps;
  Barrier barrier;
  ucontext_t beginning = {};
  jmp_buf scheduler = {};
  Fiber* current = nullptr;
  bool moved = false;  // since the scheduler began its last pass
  bool early = false;
  const std::function<void()>* body = nullptr;
};

Block block;
std::vector<std::unique_ptr<Fiber>> pool;
std::vector<double> shared;  // doubles, for their alignment

void yield() {
  Fiber* self = block.current;
  if (_setjmp(self->at) == 0) _longjmp(block.scheduler, 1);
  place = self->place;
}

void wait_at(Barrier& barrier) {
  const unsigned generation = barrier.generation;
  ++barrier.arrived;
  block.moved = true;
  if (barrier.open_if_full()) return;
  while (barrier.generation == generation) yield();
}

std::size_t index_in_block() {
  return (place.thread.z * block_size.y + place.thread.y) * block_size.x + place.thread.x;
}

[[noreturn]] void give_up(const char* why) {
  std::fprintf(stderr, "Emulated GPU, block (%u, %u, %u), seed %llu: %s\n", place.block.x, place.block.y, place.block.z,
               static_cast<unsigned long long>(seed()), why);
  std::abort();
}

// A thread that has returned is waited for no more.
void leave() {
  if (block.early && !block.current->has_waited)
    give_up("a thread of a launch that may begin early ends without waiting for the one before.");
  --block.barrier.expected;
  block.barrier.open_if_full();
  for (auto& [mask, group] : *block.current->groups) {
    if ((mask >> lane() & 1u) == 0) continue;
    --group.barrier.expected;
    group.barrier.open_if_full();
  }
  block.current->done = true;
  block.moved = true;
}

void fiber_main() {
  while (true) {
    (*block.body)();
    leave();
    yield();
  }
}

void resume(Fiber& fiber) {
  block.current = &fiber;
  place = fiber.place;
  if (_setjmp(block.scheduler) != 0) return;
  if (fiber.entered) _longjmp(fiber.at, 1);
  fiber.entered = true;
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  makecontext(&fiber.context, fiber_main, 0);
  swapcontext(&block.beginning, &fiber.context);
}

unsigned lanes_alive(unsigned mask) {
  const std::size_t first = index_in_block() / kWarp * kWarp;
  unsigned count = 0;
  for (std::size_t l = 0; l < kWarp && first + l < block.fibers.size(); ++l)
    count += (mask >> l & 1u) != 0 && !block.fibers[first + l]->done;
  return count;
}

void run_block(dim3 at) {
  const std::size_t threads = std::size_t{block_size.x} * block_size.y * block_size.z;
  while (pool.size() < threads) pool.push_back(std::make_unique<Fiber>());
  block.fibers = std::span(pool).first(threads);
  block.warps.assign((threads + kWarp - 1) / kWarp, {});
  block.barrier = {.expected = static_cast<unsigned>(threads)};
  for (std::size_t i = 0; i < threads; ++i) {
    Fiber& fiber = *block.fibers[i];
    fiber.place.block = at;
    const auto n = static_cast<unsigned>(i);
    fiber.place.thread = {n % block_size.x, n / block_size.x % block_size.y, n / block_size.x / block_size.y};
    fiber.groups = &block.warps[i / kWarp];
    fiber.done = false;
    fiber.has_waited = false;
    fiber.open_copies.clear();
    fiber.copies.clear();
  }
  // Warps keep step, or each runs as far as it can before another one does.
  const bool far = chance(2) == 0;
  for (std::size_t left = threads; left > 0;) {
    bool any_moved = false;
    for (AnyOrder warps(block.warps.size()); warps.has_next();) {
      const std::size_t first = warps.next() * kWarp;
      do {
        block.moved = false;
        for (AnyOrder lanes(std::min(kWarp, threads - first)); lanes.has_next();) {
          Fiber& fiber = *block.fibers[first + lanes.next()];
          if (fiber.done) continue;
          resume(fiber);
          if (fiber.done) --left;
        }
        any_moved |= block.moved;
      } while (far && block.moved);
    }
    if (!any_moved) give_up("threads wait for others that never come.");
  }
}

}  // namespace

void block_barrier() { wait_at(block.barrier); }

void note_wait() { block.current->has_waited = true; }

void check_alignment(const void* at, std::size_t bytes) {
  if (reinterpret_cast<std::uintptr_t>(at) % bytes != 0) give_up("an address is not aligned to what is moved at once.");
}

int lane() { return static_cast<int>(index_in_block() % kWarp); }

const unsigned char* exchange(unsigned mask, const void* value, std::size_t size) {
  auto& groups = *block.current->groups;
  const auto [entry, is_new] = groups.try_emplace(mask);
  Group& group = entry->second;
  if (is_new) group.barrier.expected = lanes_alive(mask);
  auto& values = group.values[group.barrier.generation % 2];
  std::memcpy(values.data() + static_cast<std::size_t>(lane()) * kExchangeStride, value, size);
  wait_at(group.barrier);
  return values.data();
}

void copy_later(void* to, const void* from, std::size_t bytes) {
  check_alignment(to, bytes);
  check_alignment(from, bytes);
  block.current->open_copies.push_back({to, from, bytes});
}

void end_copies() {
  Fiber& self = *block.current;
  self.copies.push_back(std::exchange(self.open_copies, {}));
}

void finish_copies(std::size_t groups_left) {
  auto& copies = block.current->copies;
  for (; copies.size() > groups_left; copies.pop_front())
    for (const auto& [to, from, bytes] : copies.front())
      if (from != nullptr)
        std::memcpy(to, from, bytes);
      else
        std::memset(to, 0, bytes);
}

unsigned char* shared_memory() {
  return reinterpret_cast<unsigned char*>((reinterpret_cast<std::uintptr_t>(shared.data()) + 127) / 128 * 128);
}

// One launch at a time: what a kernel knows of itself is global here.
void run(const Launched& how, const std::function<void()>& body) {
  grid_size = how.grid;
  block_size = how.block;
  block.body = &body;
  block.early = how.early;
  if (std::size_t{how.block.x} * how.block.y * how.block.z > kMostThreads) give_up("a block has too many threads.");
  if (how.grid.y > kMostBlocksAcross || how.grid.z > kMostBlocksAcross) give_up("a grid is too wide in y or z.");
  if (how.shared_bytes > kSharedBytes) give_up("a block asks for more shared memory than there is.");
  shared.resize(static_cast<std::size_t>(how.shared_bytes) / sizeof(double) + 32);
  for (AnyOrder blocks(std::size_t{how.grid.x} * how.grid.y * how.grid.z); blocks.has_next();) {
    const auto n = static_cast<unsigned>(blocks.next());
    // Every block finds what no block has written.
    std::memset(shared.data(), 0xff, shared.size() * sizeof(double));
    run_block({n % how.grid.x, n / how.grid.x % how.grid.y, n / how.grid.x / how.grid.y});
  }
}

}  // namespace squeeze::emulation
