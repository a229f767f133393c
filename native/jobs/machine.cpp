#include "jobs/machine.hpp"

#include <oneapi/dnnl/dnnl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/page_buffer.hpp"

namespace squeeze {

std::vector<std::string> instruction_sets() {
  std::vector<std::string> found;
#if defined(__x86_64__)
  // The builtin takes literals only. It also asks the system whether it saves the wide registers.
#define SQUEEZE_ISA(name) \
  if (__builtin_cpu_supports(name)) found.emplace_back(name)
  __builtin_cpu_init();
  SQUEEZE_ISA("avx2");
  SQUEEZE_ISA("fma");
  SQUEEZE_ISA("f16c");
  SQUEEZE_ISA("avx512f");
  SQUEEZE_ISA("avx512bw");
  SQUEEZE_ISA("avx512vnni");
  SQUEEZE_ISA("avx512vbmi");
  SQUEEZE_ISA("avx512bf16");
#undef SQUEEZE_ISA
#elif defined(__aarch64__)
  found.emplace_back("neon");
#endif
  return found;
}

std::string processor_name() {
#if defined(__x86_64__)
  // CPUID leaves 0x80000002..4 hold 48 characters, padded with blanks or zeros.
  unsigned words[12] = {};
  for (unsigned leaf = 0; leaf < 3; ++leaf) {
    unsigned* w = words + 4 * leaf;
    if (__get_cpuid(0x80000002u + leaf, &w[0], &w[1], &w[2], &w[3]) == 0) return "unknown processor";
  }
  char text[sizeof(words) + 1] = {};
  std::memcpy(text, words, sizeof(words));
  std::string name = text;
#else
  std::string name;
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; name.empty() && std::getline(info, line);)
    if (line.starts_with("Model") || line.starts_with("model name")) name = line.substr(line.find(':') + 1);
#endif
  const std::size_t first = name.find_first_not_of(' ');
  if (first == std::string::npos) return "unknown processor";
  return name.substr(first, name.find_last_not_of(' ') - first + 1);
}

std::int64_t memory_bytes() { return physical_memory_bytes(); }

std::int64_t peak_memory_bytes() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
  return usage.ru_maxrss;
#else
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
#endif
}

std::string compiler_name() {
#if defined(__clang__)
  return "Clang " __clang_version__;
#else
  return "GCC " __VERSION__;
#endif
}

std::string gemm_name() {
  const dnnl_version_t* version = dnnl_version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

}  // namespace squeeze
