#pragma once
// Two ways to use wide registers from one portable binary.
//
// SQUEEZE_HOT compiles a function once for each x86-64 level and picks one at load time. Only for free functions on raw
// pointers: a lambda inside is not cloned with it.
//
// Kernels written in intrinsics carry their own target attribute, and best_simd() says at run time which may be called.

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define SQUEEZE_HOT __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SQUEEZE_HOT
#endif

// Defined where kernels in x86 intrinsics are built. Clang spells a target for a stretch of code otherwise; there the
// portable ones are used.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define SQUEEZE_X86_KERNELS
#endif

namespace squeeze {

enum class Simd {
  kPortable,
  kAvx2,    // AVX2, FMA, F16C
  kAvx512,  // AVX-512 F, BW, DQ, VL, VBMI, VBMI2 and VNNI besides: Ice Lake and Zen 4 on
};

// The widest that processor and system offer.
Simd best_simd();
// "portable", "avx2", "avx512"
const char* name_of(Simd simd);

}  // namespace squeeze
