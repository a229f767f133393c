#pragma once
// Facts about the machine and this build, for the handshake.

#include <cstdint>
#include <string>
#include <vector>

namespace squeeze {

// Instruction sets that the processor and the system offer, found at run time, of those that matter to our loops.
std::vector<std::string> instruction_sets();
// As the processor spells it; "unknown processor" where it cannot be asked.
std::string processor_name();
std::int64_t memory_bytes();       // physical
std::int64_t peak_memory_bytes();  // largest resident set of this process so far
std::string compiler_name();
std::string gemm_name();  // library behind the matrix products, with its version

}  // namespace squeeze
