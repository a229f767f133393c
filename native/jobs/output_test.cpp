#include "jobs/output.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <fstream>

#include "base/mapped_file.hpp"
#include "base/test_folder.hpp"

using namespace squeeze;

TEST_CASE("an output is claimed by one at a time, and nothing is left of the claim") {
  const TestFolder folder;
  const auto out = folder.path() / "above" / "out";
  const auto lock = folder.path() / "above" / "out.partial.lock";
  {
    const auto first = OutputClaim::take(out);
    REQUIRE(first.ok());
    const auto second = OutputClaim::take(out);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == ErrorCode::kBusy);
    CHECK(std::filesystem::exists(lock));
    CHECK(OutputClaim::take(folder.path() / "other").ok());
  }
  CHECK_FALSE(std::filesystem::exists(lock));
  std::ofstream(lock).put('x');  // of one that was killed
  CHECK(OutputClaim::take(out).ok());
  CHECK_FALSE(std::filesystem::exists(lock));
}

TEST_CASE("a named pipe is refused at once") {
  const TestFolder folder;
  const auto path = folder.path() / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const auto file = MappedFile::open(path);
  REQUIRE_FALSE(file.ok());
  CHECK(file.error().code == ErrorCode::kFileUnreadable);
}
