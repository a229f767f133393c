#include "rpc/framing.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

using namespace squeeze;

namespace {

struct Pipe {
  Pipe() { REQUIRE(pipe(ends) == 0); }
  ~Pipe() {
    close(ends[0]);
    close_writer();
  }
  void close_writer() {
    if (ends[1] >= 0) close(ends[1]);
    ends[1] = -1;
  }
  void put(std::string_view text) {
    REQUIRE(write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  int ends[2] = {-1, -1};
};

std::string failure(std::string_view bytes) {
  Pipe pipe;
  pipe.put(bytes);
  pipe.close_writer();
  const auto body = FrameReader(pipe.ends[0]).read();
  return body.ok() ? "read" : body.error().message;
}

}  // namespace

TEST_CASE("frames come out as they went in, then the end") {
  Pipe pipe;
  FrameWriter writer(pipe.ends[1]);
  FrameReader reader(pipe.ends[0]);
  const std::string large(3'000'000, 'x');  // more than a pipe holds
  std::thread sender([&] {
    for (const std::string& body : {std::string("{}"), std::string(), large}) CHECK(writer.write(body));
    pipe.close_writer();
  });
  for (const std::string& wanted : {std::string("{}"), std::string(), large}) {
    const auto body = reader.read();
    REQUIRE(body.ok());
    REQUIRE(body.value());
    CHECK(*body.value() == wanted);
  }
  const auto end = reader.read();
  CHECK((end.ok() && !end.value()));
  sender.join();
}

TEST_CASE("frames that cannot be followed are errors") {
  CHECK(failure("Content-Length: x\r\n\r\n").find("must be one non-negative integer") != std::string::npos);
  CHECK(failure("Content-Length: 99999999999999999999\r\n\r\n").find("must be one") != std::string::npos);
  CHECK(failure("Content-Length: 67108865\r\n\r\n").find("at most 67108864") != std::string::npos);
  CHECK(failure("\r\n\r\n{}").find("no Content-Length") != std::string::npos);
  CHECK(failure("nonsense\r\n\r\n").find("without a colon") != std::string::npos);
  CHECK(failure("Content-Len").find("ended inside a header") != std::string::npos);
  CHECK(failure("Content-Length: 3\r\n\r\n{}").find("ended inside a body") != std::string::npos);
  CHECK(failure(std::string(9000, 'a')).find("more than 8192 bytes") != std::string::npos);
}

TEST_CASE("a reader that is gone is noticed") {
  Pipe pipe;
  close(pipe.ends[0]);
  pipe.ends[0] = -1;
  signal(SIGPIPE, SIG_IGN);
  CHECK(!FrameWriter(pipe.ends[1]).write("{}"));
}
