#pragma once
// SQUEEZE_HOT compiles a function once for each x86-64 level and picks one at load time, so that one binary is both
// portable and fast. Only for free functions on raw pointers: a lambda inside is not cloned with it.

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define SQUEEZE_HOT __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define SQUEEZE_HOT
#endif
