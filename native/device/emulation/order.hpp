#pragma once
// The order in which things happen that a GPU may do in any: of threads, of blocks, of streams. Drawn at random, the
// same for the same SQUEEZE_EMULATION_SEED (1 where it is not set) and the same work of one host thread. With seed 0
// threads and blocks come one after another, and streams do everything at once.

#include <cstddef>
#include <cstdint>
#include <source_location>

namespace squeeze::emulation {

std::uint64_t seed();
// From 0 to below - 1; by one thread at a time.
std::size_t chance(std::size_t below);

// 0 to count - 1, each once: first, first + step, ... modulo count.
class AnyOrder {
 public:
  explicit AnyOrder(std::size_t count);
  bool has_next() const { return left_ > 0; }
  std::size_t next();

 private:
  std::size_t count_, left_, at_ = 0, step_ = 1;
};

// Whether SQUEEZE_EMULATION_WITHOUT ("ops/sample/sample.cu:85") names this place: one wait to leave out, so as to see
// that a test notices.
bool left_out(const std::source_location& where);

}  // namespace squeeze::emulation
