#pragma once
// Rotary position embedding on a GPU: see rope.hpp.

#include "device/device.hpp"
#include "ops/rope/rope.hpp"

namespace squeeze {

struct DeviceRopeTable {
  DeviceRopeTable(Stream& stream, const RopeTable& table);
  std::int64_t positions, half;
  DeviceArray<float> cosine, sine;  // [positions, D/2]
};

void rope(Stream& stream, const DeviceRopeTable& table, std::int64_t length, std::int64_t first_position,
          DeviceView<float> x, Turn turn = Turn::kForward);

}  // namespace squeeze
