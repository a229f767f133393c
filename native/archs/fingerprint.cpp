#include "archs/fingerprint.hpp"

#include <cstdio>

// The whole of xxHash as static functions of this file.
#define XXH_INLINE_ALL
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpedantic"
#include <xxhash.h>
#pragma GCC diagnostic pop

namespace squeeze {

struct Fingerprint::State {
  XXH3_state_t hash;
};

Fingerprint::Fingerprint() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->hash); }
Fingerprint::~Fingerprint() = default;

void Fingerprint::add(std::span<const std::byte> bytes) {
  const std::uint64_t size = bytes.size();
  XXH3_128bits_update(&state_->hash, &size, sizeof(size));
  XXH3_128bits_update(&state_->hash, bytes.data(), bytes.size());
}

void Fingerprint::add(std::string_view text) { add(std::as_bytes(std::span(text))); }
void Fingerprint::add(std::int64_t value) { add(std::as_bytes(std::span(&value, 1))); }
void Fingerprint::add(double value) { add(std::as_bytes(std::span(&value, 1))); }

std::string Fingerprint::hex() const {
  const XXH128_hash_t digest = XXH3_128bits_digest(&state_->hash);
  char text[33];
  std::snprintf(text, sizeof(text), "%016llx%016llx", static_cast<unsigned long long>(digest.high64),
                static_cast<unsigned long long>(digest.low64));
  return text;
}

}  // namespace squeeze
