#pragma once
// Reads memory once and does next to nothing else: how fast that is, is the GPU's own limit for everything that reads
// each weight once.

#include <cstdint>

#include "device/device.hpp"

namespace squeeze {

// Each of sums.size() blocks adds up what it read of `words`, modulo 2^32; their sum is that of all words. words:
// aligned to 16 bytes, size a multiple of 4.
void sum_words(Stream& stream, DeviceView<const std::uint32_t> words, DeviceView<std::uint32_t> sums);

// Blocks that keep all multiprocessors busy.
std::int64_t sum_words_blocks(const DeviceProperties& device);

}  // namespace squeeze
