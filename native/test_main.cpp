#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "ops/matmul/precision.hpp"

// doctest counts the cases that a decorator skips, but does not say why.
int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int status = context.run();
  if (!context.shouldExit() && squeeze::fastest_precision() != squeeze::Precision::kBFloat16)
    std::fputs("Cases skipped: those of products in bf16, for which this processor has no instructions.\n", stderr);
  return status;
}
