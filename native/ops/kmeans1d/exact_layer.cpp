#include "ops/kmeans1d/exact_layer.hpp"

#include <cstring>
#include <limits>

#include "ops/kmeans1d/sorted_row.hpp"

namespace squeeze {

namespace portable {
#include "ops/kmeans1d/exact_layer.inc"

}  // namespace portable

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
namespace avx2 {
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#include "ops/kmeans1d/exact_layer.inc"
#pragma GCC pop_options
}  // namespace avx2

namespace avx512 {
#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#include "ops/kmeans1d/exact_layer.inc"
#pragma GCC pop_options
}  // namespace avx512

void solve_layer(const LayerInput& in, double* gain, std::int32_t* split) {
  static const auto best = __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")
                               ? avx512::solve_layer
                           : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") ? avx2::solve_layer
                                                                                              : portable::solve_layer;
  best(in, gain, split);
}
#else
void solve_layer(const LayerInput& in, double* gain, std::int32_t* split) { portable::solve_layer(in, gain, split); }
#endif

}  // namespace squeeze
