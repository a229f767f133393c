#pragma once
// The kernels that a layout of weights on a GPU has, and what formats/device_weight.cu asks of a weight to launch them.
// For .cu files.

#include "formats/columns_kernel.hpp"
#include "formats/few_kernel.hpp"

namespace squeeze::few {

// One object for each layout, so that products of equal layouts go together.
struct Kernels {
  void (*one[2])(Task) = {};               // one vector that blocks make ready for themselves; null where there is none
  void (*several[2])(Task) = {};           // PreparedVectors; both: as they are, and gated
  void (*columns[3])(columns::Task) = {};  // 16, 32 and 64
  std::int64_t (*one_bytes)(int stride) = nullptr;  // dynamic shared memory of `one`
  int tile_shared_bytes = 0;  // that of the others, for each tile of a block; times the codebook's entries
  bool bfloat16 = false;      // of their vectors
};

template <typename Layout>
Kernels kernels_of() {
  using Number = typename Layout::Number;
  using Work = FragmentWork<Layout, PreparedVectors<Number>>;
  return {.several = {few_kernel<Work, false>, few_kernel<Work, true>},
          .columns = {columns::columns_kernel<Layout, 16>, columns::columns_kernel<Layout, 32>,
                      columns::columns_kernel<Layout, 64>},
          .tile_shared_bytes = Layout::kTileSharedBytes,
          .bfloat16 = std::is_same_v<Number, BFloat16>};
}

template <typename Layout, typename OneWork>
Kernels kernels_of() {
  Kernels kernels = kernels_of<Layout>();
  kernels.one[0] = few_kernel<OneWork, false>;
  kernels.one[1] = few_kernel<OneWork, true>;
  kernels.one_bytes = OneWork::Vectors::bytes;
  return kernels;
}

class FewWeight : public DeviceWeight {
 public:
  virtual const Kernels& kernels() const = 0;
  virtual Target target() const = 0;  // weights, tables, sparse and rows
};

}  // namespace squeeze::few
