#include "device/emulation/order.hpp"

#include <cstdlib>
#include <numeric>
#include <random>
#include <string>

namespace squeeze::emulation {

std::uint64_t seed() {
  static const std::uint64_t value = [] {
    const char* given = std::getenv("SQUEEZE_EMULATION_SEED");
    return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  }();
  return value;
}

std::size_t chance(std::size_t below) {
  static std::mt19937_64 numbers(seed());
  if (seed() == 0) return 0;
  return static_cast<std::size_t>(numbers()) % below;
}

AnyOrder::AnyOrder(std::size_t count) : count_(count), left_(count) {
  if (count < 2) return;
  at_ = chance(count);
  do step_ = 1 + chance(count);
  while (std::gcd(step_, count) != 1);
}

std::size_t AnyOrder::next() {
  const std::size_t now = at_;
  at_ = (at_ + step_) % count_;
  --left_;
  return now;
}

bool left_out(const std::source_location& where) {
  static const char* given = std::getenv("SQUEEZE_EMULATION_WITHOUT");
  if (given == nullptr) return false;
  static const std::string place = given;
  return (std::string(where.file_name()) + ":" + std::to_string(where.line())).ends_with(place);
}

}  // namespace squeeze::emulation
