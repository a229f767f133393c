#include "base/base64.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace squeeze;

TEST_CASE("base64 of the examples in RFC 4648, section 10") {
  const auto encoded = [](std::string_view text) { return base64_of(std::span<const char>(text)); };
  CHECK(encoded("") == "");
  CHECK(encoded("f") == "Zg==");
  CHECK(encoded("fo") == "Zm8=");
  CHECK(encoded("foo") == "Zm9v");
  CHECK(encoded("foob") == "Zm9vYg==");
  CHECK(encoded("fooba") == "Zm9vYmE=");
  CHECK(encoded("foobar") == "Zm9vYmFy");
  CHECK(encoded("\xfb\xff") == "+/8=");
}
