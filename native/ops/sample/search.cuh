#pragma once
// A block's searches: where a running sum goes beyond a target, over things in the order they stand in, or in the order
// of a number that each has. Every thread of the block calls them and gets the answer. Exact: the sums are of integers,
// and do not depend on the order in which threads come.

#include "device/kernel.hpp"

namespace squeeze::sample_device {

using Mass = unsigned long long;

constexpr int kDigitBits = 8, kDigits = 1 << kDigitBits;

struct Room {
  float floats[32];
  double doubles[32];
  Mass masses[32];
  unsigned uints[32];
  int index;  // see find
  Mass before;
};

template <typename Each>
__device__ __forceinline__ Mass sum_of(int count, Room& room, Each&& each) {
  Mass sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) sum += each(i);
  return block_sum(sum, room.masses);
}

// The sum of what the threads before this one have.
__device__ __forceinline__ Mass sum_before(Mass own, Room& room) {
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  Mass sum = own;
#pragma unroll
  for (unsigned step = 1; step < 32; step *= 2) {
    const Mass other = __shfl_up_sync(kWholeWarp, sum, step);
    if (lane >= static_cast<int>(step)) sum += other;
  }
  __syncthreads();
  if (lane == 31) room.masses[warp] = sum;
  __syncthreads();
  return sum - own + warp_sum(lane < warp ? room.masses[lane] : Mass(0));
}

struct Found {
  unsigned value;
  Mass before;  // sum of what comes before it
};

// The first i in [0, count) whose running sum of amount(i) is beyond `target`; the last where there is none.
template <typename Amount>
__device__ __forceinline__ Found find(int count, Mass target, Room& room, Amount&& amount) {
  const int each = (count + static_cast<int>(blockDim.x) - 1) / static_cast<int>(blockDim.x);
  const int first = static_cast<int>(threadIdx.x) * each, last = min(first + each, count);
  if (threadIdx.x == 0) {
    room.index = count - 1;
    room.before = target;
  }
  Mass own = 0;
  for (int i = first; i < last; ++i) own += amount(i);
  Mass before = sum_before(own, room);
  if (before <= target && target - before < own) {
    int i = first;
    for (Mass next = amount(i); i + 1 < last && target - before >= next; next = amount(++i)) before += next;
    room.index = i;
    room.before = before;
  }
  __syncthreads();
  const Found found{.value = static_cast<unsigned>(room.index), .before = room.before};
  __syncthreads();
  return found;
}

// Sums of 64 bits in halves, since 32 bits are what shared memory adds by itself.
struct Digits {
  unsigned low[kDigits], high[kDigits];

  __device__ void clear() {
    for (int i = static_cast<int>(threadIdx.x); i < kDigits; i += static_cast<int>(blockDim.x)) low[i] = high[i] = 0;
  }
  __device__ void add(unsigned digit, Mass amount) {
    const auto part = static_cast<unsigned>(amount);
    const unsigned before = atomicAdd(&low[digit], part);
    const unsigned carried = static_cast<unsigned>(amount >> 32) + (before + part < before ? 1u : 0u);
    if (carried != 0) atomicAdd(&high[digit], carried);
  }
  __device__ Mass at(int digit) const { return static_cast<Mass>(high[digit]) << 32 | low[digit]; }
};

// Of entries 0 … count − 1 in the order of value(i), which has so many bits: the first value where the running sum of
// amount(i) is beyond `target`. Digit by digit, from the highest on.
template <typename Value, typename Amount>
__device__ __forceinline__ Found descend(int count, int bits, Mass target, Room& room, Digits& digits, Value&& value,
                                         Amount&& amount) {
  Found found{.value = 0, .before = 0};
  for (int top = bits; top > 0;) {
    const int low = max(0, top - kDigitBits), digits_here = 1 << (top - low);
    digits.clear();
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) {
      const Mass v = value(i);
      if (v >> top != static_cast<Mass>(found.value) >> top) continue;
      if (const Mass a = amount(i); a != 0) digits.add(static_cast<unsigned>(v >> low) & (digits_here - 1), a);
    }
    __syncthreads();
    const Found digit = find(digits_here, target - found.before, room, [&](int i) { return digits.at(i); });
    found.value |= digit.value << low;
    found.before += digit.before;
    top = low;
  }
  return found;
}

__device__ __forceinline__ int bits_of(unsigned largest) { return 32 - __clz(static_cast<int>(largest)); }

}  // namespace squeeze::sample_device
