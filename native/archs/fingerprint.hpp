#pragma once
// 128-bit hashes that name inputs: XXH3 (Yann Collet), fast and stable between machines, and no protection against
// somebody who wants two inputs to collide.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace squeeze {

class Fingerprint {
 public:
  Fingerprint();
  ~Fingerprint();
  // Each piece is hashed with its length, so that "ab", "c" differs from "a", "bc".
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);
  void add(std::int64_t value);
  void add(double value);
  std::string hex() const;  // 32 digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace squeeze
