#pragma once
// A row as SortedRow has it, made by one block: sorted by value, equal values merged, and the running sums.

#include "ops/kmeans1d/block_work.cuh"

namespace squeeze::kmeans1d_device {

constexpr int kDigits = 256;  // of the radix sort, one a thread
static_assert(kDigits == kThreads);
constexpr unsigned kLeftOut = 0xffffffffu;  // key of a value of weight 0: behind every finite one

struct RowIn {
  const float* weights;
  const float* sensitivity;  // or null
  const std::uint8_t* kept;  // or null
  int count;

  __device__ bool is_kept(int j) const { return kept != nullptr && kept[j] != 0; }
  __device__ float f(int j) const { return sensitivity != nullptr ? sensitivity[j] : 1.0f; }
};

// Say of a weight in the clustering: its F; where that is 0 for all, equal; where all are kept, equal too.
enum class Say { kSensitivity, kNotKept, kAll };

__device__ __forceinline__ float say_of(const RowIn& row, int j, Say say) {
  if (say == Say::kAll) return 1.0f;
  if (row.is_kept(j)) return 0.0f;
  return say == Say::kSensitivity ? row.f(j) : 1.0f;
}

__device__ inline Say choose_say(const RowIn& row) {
  int any_sensitive = 0, any_free = 0;
  for (int j = thread_index(); j < row.count; j += kThreads) {
    any_sensitive |= say_of(row, j, Say::kSensitivity) > 0;
    any_free |= !row.is_kept(j);
  }
  if (__syncthreads_or(any_sensitive)) return Say::kSensitivity;
  return __syncthreads_or(any_free) ? Say::kNotKept : Say::kAll;
}

// Bits of a float, so that unsigned order is numeric order; and back.
__device__ __forceinline__ unsigned key_of(unsigned bits) {
  return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float value_of_key(unsigned key) {
  return __uint_as_float((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
}
__device__ __forceinline__ unsigned key_in(std::uint64_t pair) { return static_cast<unsigned>(pair >> 32); }
__device__ __forceinline__ float weight_in(std::uint64_t pair) {
  return __uint_as_float(static_cast<unsigned>(pair & 0xffffffffu));
}

// pairs[j] = key and weight of value j. Returns how many have a say; `used` is every bit that is set in one of them.
__device__ inline int make_pairs(const RowIn& row, std::uint64_t* pairs, unsigned* room, unsigned& used) {
  const Say say = choose_say(row);
  unsigned count = 0, bits_used = 0;
  for (int j = thread_index(); j < row.count; j += kThreads) {
    unsigned bits = __float_as_uint(row.weights[j]);
    if (bits == 0x80000000u) bits = 0;  // −0 and 0 are one value
    const float weight = say_of(row, j, say);
    if (weight > 0) {
      ++count;
      bits_used |= bits;
    }
    pairs[j] = static_cast<std::uint64_t>(weight > 0 ? key_of(bits) : kLeftOut) << 32 | __float_as_uint(weight);
  }
  used = block_reduce(bits_used, room, 0u, [](unsigned v) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) v |= __shfl_xor_sync(kWholeWarp, v, step);
    return v;
  });
  return static_cast<int>(block_sum(count, room));
}

// One pass of a stable radix sort, by the 8 bits of the key from `shift` on. counts: [kWarps][kDigits], shared. Each
// warp takes a stretch of the row.
__device__ inline void sort_by_digit(const std::uint64_t* in, std::uint64_t* out, int count, int shift,
                                     unsigned* counts, unsigned* room) {
  const int lane = thread_index() % 32, warp = thread_index() / 32;
  const int stretch = (count + kWarps * 32 - 1) / (kWarps * 32) * 32;
  const int begin = min(count, warp * stretch), end = min(count, begin + stretch);
  const auto digit_in = [shift](std::uint64_t pair) { return key_in(pair) >> shift & (kDigits - 1); };
  for (int w = 0; w < kWarps; ++w) counts[w * kDigits + thread_index()] = 0;
  __syncthreads();
  unsigned* own = counts + warp * kDigits;
  for (int i = begin + lane; i < end; i += 32) atomicAdd(&own[digit_in(in[i])], 1u);
  __syncthreads();

  // Where each digit of each warp begins: thread t takes digit t.
  unsigned of_digit = 0, total;
  for (int w = 0; w < kWarps; ++w) of_digit += counts[w * kDigits + thread_index()];
  unsigned place = sum_before(of_digit, room, total);
  for (int w = 0; w < kWarps; ++w) {
    const unsigned size = counts[w * kDigits + thread_index()];
    counts[w * kDigits + thread_index()] = place;
    place += size;
  }
  __syncthreads();

  for (int first = begin; first < end; first += 32) {
    const bool active = first + lane < end;
    const std::uint64_t pair = active ? in[first + lane] : 0;
    const unsigned digit = digit_in(pair);
    unsigned peers = __ballot_sync(kWholeWarp, active);  // lanes with the same digit
#pragma unroll
    for (int bit = 0; bit < 8; ++bit) {
      const unsigned votes = __ballot_sync(kWholeWarp, (digit >> bit & 1u) != 0);
      peers &= (digit >> bit & 1u) != 0 ? votes : ~votes;
    }
    const unsigned before = peers & ((1u << lane) - 1);
    if (active) out[own[digit] + static_cast<unsigned>(__popc(before))] = pair;
    __syncwarp();
    if (active && before == 0) own[digit] += static_cast<unsigned>(__popc(peers));
    __syncwarp();
  }
  __syncthreads();
}

// Sorts by value, equal ones in their order; gives the array where the result is. Bits that no value uses need no pass:
// two are enough for bfloat16, three for binary16. The upper two are always made, for the values left out.
__device__ inline const std::uint64_t* sort_pairs(std::uint64_t* pairs, std::uint64_t* other, int count, unsigned used,
                                                  unsigned* counts, unsigned* room) {
  for (int shift = 0; shift < 32; shift += 8) {
    if (shift < 16 && (used >> shift & (kDigits - 1)) == 0) continue;
    sort_by_digit(pairs, other, count, shift, counts, room);
    std::uint64_t* const swapped = pairs;
    pairs = other;
    other = swapped;
  }
  return pairs;
}

// Distinct values and what each weighs; returns how many there are.
__device__ inline int merge_equal(const std::uint64_t* pairs, int count, double* values, double* mass, unsigned* room) {
  unsigned distinct = 0;
  for (int base = 0; base < count; base += kThreads) {
    const int i = base + thread_index();
    const bool begins = i < count && (i == 0 || key_in(pairs[i]) != key_in(pairs[i - 1]));
    unsigned here;
    const unsigned place = distinct + sum_before(begins ? 1u : 0u, room, here);
    distinct += here;
    if (!begins) continue;
    const unsigned key = key_in(pairs[i]);
    double sum = 0;
    for (int e = i; e < count && key_in(pairs[e]) == key; ++e)
      sum = __dadd_rn(sum, static_cast<double>(weight_in(pairs[e])));
    values[place] = static_cast<double>(value_of_key(key));
    mass[place] = sum;
  }
  __syncthreads();
  return static_cast<int>(distinct);
}

// weight and moment [count + 1 + kPadding] as SortedRow's; returns the mean. Raises the least of `mass`.
__device__ inline double accumulate(const double* values, double* mass, int count, double* weight, double* moment,
                                    RunningSums& room) {
  constexpr double kLeastShare = 0x1p-48;
  sum_in_order<1>(
      room, count, [=](int i, int) { return mass[i]; }, [](int, const double*) {});
  const double total = room.totals[0], least = __dmul_rn(total, kLeastShare);
  __syncthreads();
  sum_in_order<1>(
      room, count,
      [=](int i, int) {
        if (mass[i] < least) mass[i] = least;
        return __dmul_rn(mass[i], values[i]);
      },
      [](int, const double*) {});
  const double mean = total > 0 ? __ddiv_rn(room.totals[0], total) : 0.0;
  __syncthreads();
  sum_in_order<2>(
      room, count,
      [=](int i, int series) { return series == 0 ? mass[i] : __dmul_rn(mass[i], __dsub_rn(values[i], mean)); },
      [=](int i, const double* sums) {
        weight[i + 1] = sums[0];
        moment[i + 1] = sums[1];
      });
  if (thread_index() == 0) weight[0] = moment[0] = 0;
  if (thread_index() < kPadding) {
    weight[count + 1 + thread_index()] = infinity();
    moment[count + 1 + thread_index()] = 0;
  }
  __syncthreads();
  return mean;
}

}  // namespace squeeze::kmeans1d_device
