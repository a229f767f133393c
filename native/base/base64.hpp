#pragma once
// Bytes as text (RFC 4648, section 4), for numbers that travel inside JSON.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace squeeze {

inline std::string base64(std::span<const std::byte> bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 3; ++i)
      group = group << 8 | (at + i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[at + i]) : 0u);
    for (std::size_t digit = 0; digit < 4; ++digit)
      text += at + digit > bytes.size() ? '=' : kDigits[group >> (18 - 6 * digit) & 63u];
  }
  return text;
}

// Of numbers, in the byte order of this machine, which is little-endian.
template <typename T>
std::string base64_of(std::span<const T> values) {
  return base64(std::as_bytes(values));
}

}  // namespace squeeze
