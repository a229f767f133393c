#pragma once
// Rows of host matrices on their way through a GPU, a block at a time: while one block is computed, the one before it
// is taken back and the one after it laid ready. Host memory need not be pinned; copies go by way of some that is.

#include <functional>
#include <vector>

#include "device/device.hpp"

namespace squeeze {

class DevicePipe {
 public:
  // Hands the work on rows [first, first + out.rows) to the stream of run().
  using Compute =
      std::function<void(std::int64_t first, std::span<const DeviceView<const float>> in, DeviceView<float> out)>;
  // These rows are back; an error ends the run with it.
  using Done = std::function<Result<void>(std::int64_t first, std::int64_t count)>;

  static Result<DevicePipe> make(int device);

  // All of `in` and `out` have the same number of rows; `out` may be one of `in`. Blocks of `block` rows, the last of
  // what is left. All is done on return, whatever it returns. The device's memory grows to the largest block, four
  // bytes for each value of two blocks, and so does the pinned.
  Result<void> run(Stream& compute_on, std::span<const MatrixView<const float>> in, MatrixView<float> out,
                   std::int64_t block, const Compute& compute, const Done& done);

 private:
  // One way there or back, for every second block.
  struct Lane {
    PinnedArray<float> host;
    DeviceArray<float> device;
    Result<DeviceView<float>> ready(Stream& stream, std::int64_t rows, std::int64_t cols);
  };
  struct Slot {
    std::vector<Lane> in;
    Lane out;
    std::int64_t first = 0, count = 0;
  };
  DevicePipe(Stream there, Stream back) : there_(std::move(there)), back_(std::move(back)) {}
  Result<void> run_blocks(Stream& compute_on, std::span<const MatrixView<const float>> in, MatrixView<float> out,
                          std::int64_t block, const Compute& compute, const Done& done);
  Result<void> take_back(const Slot& slot, MatrixView<float> out, const Done& done);

  Stream there_, back_;
  Slot slots_[2];
};

}  // namespace squeeze
