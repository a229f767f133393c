// squeeze-sidecar: does the heavy work of the studio, driven over stdin and stdout.

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "jobs/machine.hpp"
#ifdef SQUEEZE_CUDA
#include "jobs/gpus_device.hpp"
#endif
#include "rpc/session.hpp"

namespace {

constexpr const char* kHelp =
    "squeeze-sidecar: calibrates, squeezes, evaluates and runs language models for the studio.\n"
    "\n"
    "It speaks JSON-RPC 2.0 with Content-Length frames on stdin and stdout, logs to stderr, and ends when stdin does.\n"
    "The first request is sidecar.hello; src/shared/contract/sidecar.schema.json lists the others.\n"
    "\n"
    "  --version   print version, contract and instruction sets\n"
    "  --help      print this\n";

// Jobs that have not stopped by then are left; what they keep on the disk is made for that.
constexpr auto kGrace = std::chrono::milliseconds(700);

void print_version() {
  std::printf("squeeze-sidecar %s (protocol %d, contract %s)\n%s, %s, %s\nisa", SQUEEZE_VERSION,
              static_cast<int>(squeeze::contract::kProtocolVersion), squeeze::contract::kContractHash.data(),
              SQUEEZE_BUILD_TYPE, squeeze::compiler_name().c_str(), squeeze::gemm_name().c_str());
  for (const std::string& isa : squeeze::instruction_sets()) std::printf(" %s", isa.c_str());
  std::printf("\n");
}

// OpenMP threads wait for each other by spinning, about a millisecond each time. Where other programs want the cores
// too, they spin against the thread that they wait for: an evaluation of 0.03 s took 0.6 to 3 s (2 cores, load 13,
// libgomp 12, 2026-11). The runtime reads its settings before main(), so they are set for a second start of this same
// process.
void start_again_with_short_spin(char** argv) {
#ifdef __linux__
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("GOMP_SPINCOUNT", "3000", 1);
  execv("/proc/self/exe", argv);  // comes back only where that is not possible, and then all is as before
#endif
}

const squeeze::Gpus* gpus() {
#ifdef SQUEEZE_CUDA
  return &squeeze::device_gpus();
#else
  return nullptr;
#endif
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    print_version();
    return 0;
  }
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    std::fputs(kHelp, stdout);
    return 0;
  }
  if (argc > 1) {
    std::cerr << "unknown argument " << argv[1] << "; try --help" << std::endl;
    return 2;
  }

  start_again_with_short_spin(argv);

  // Libraries print to stdout. The wire keeps a copy of it that nobody else knows; fd 1 is the log from here on.
  const int wire = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (wire < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
    std::perror("squeeze-sidecar: stdout");
    return 1;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);  // so that the log has each line when it was printed
  std::signal(SIGPIPE, SIG_IGN);
  // Ctrl-C in a terminal reaches the host too, which then cancels its jobs in order.
  if (isatty(STDIN_FILENO) == 0) std::signal(SIGINT, SIG_IGN);

  static squeeze::Session session(STDIN_FILENO, wire, gpus());
  const int status = session.run(kGrace);
  _exit(status);  // no destructors: other threads may still be at work
}
