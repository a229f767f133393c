#pragma once
// The choice of weights of one matrix on a GPU.

#include <cstdint>
#include <memory>
#include <vector>

#include "device/device.hpp"
#include "methods/matrix_engine.hpp"
#include "methods/squeezellm/block_lanes_device.hpp"
#include "methods/squeezellm/engine_device.hpp"
#include "ops/selection/selection_cuda.hpp"

namespace squeeze {

// Brings host memory to the device through pinned memory, half of which is filled while the other is copied.
class PinnedUpload {
 public:
  // `at_once`: floats in each of the halves.
  static Result<PinnedUpload> make(int device, std::int64_t at_once);
  // Waits until it is there.
  Result<void> upload(std::span<const float> from, float* to);

 private:
  struct Side {
    Stream stream;
    PinnedArray<float> memory;
  };
  std::vector<Side> sides_;
  std::int64_t at_once_ = 1;
};

// Marks with the codebooks that belong to them.
struct MarkedCodebooks {
  DeviceArray<std::uint8_t> marks, indices;
  DeviceArray<Half> tables;
  std::vector<double> objective;

  std::int64_t size_bytes() const { return marks.size_bytes() + indices.size_bytes() + tables.size_bytes(); }
};

// What choices work with, one after the other.
struct ChoiceRoom {
  static Result<ChoiceRoom> make(int device, const DeviceEngineOptions& options);

  // Bytes of the device's memory that are free or held here.
  std::int64_t within_reach() const;

  DeviceEngineOptions options;
  Stream stream;
  BlockLanes lanes;
  PinnedUpload pinned;
  DeviceSelection selection = {};
  DeviceArray<float> weights = {}, sensitivity = {};  // the whole matrix, or one piece after the other
  MarkedCodebooks now = {}, aside = {};
  DeviceArray<double> objective = {};
  DeviceArray<std::uint8_t> next = {}, changed = {};
};

// Errors name the matrix.
Result<std::unique_ptr<WeightChoice>> open_device_choice(ChoiceRoom& room, const MatrixInput& input);

}  // namespace squeeze
