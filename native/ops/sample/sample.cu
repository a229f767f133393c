#include <algorithm>
#include <bit>
#include <cassert>
#include <cfloat>
#include <cmath>
#include <vector>

#include "device/kernel.hpp"
#include "ops/sample/sample_cuda.hpp"
#include "ops/sample/search.cuh"

namespace squeeze {

using namespace sample_device;

// A choice takes four launches. Each piece of the vocabulary is looked at (1) for the likeliest token, then weighed
// (2): probabilities as shares of the likeliest's. All that can be chosen at all is listed (3), most often a few
// hundred tokens. One block (4) finds in the list where top-k and top-p end and where the draw falls. Whatever the
// filters keep is a run of the tokens from the likeliest on, so a run's mass is all that has to be known of it: min-p
// is a smaller mass, and a draw below it is within the run.

namespace {

constexpr int kThreads = 256, kEach = 4, kChunk = kThreads * kEach;
constexpr int kDrawThreads = 512;
// Coarse steps of likelihood, from the likeliest on: of 1/16 nat.
constexpr int kSteps = 1024;
constexpr float kStepsPerNat = 16;
constexpr double kNothing = 45;  // nats behind the likeliest where no mass is left at any vocabulary

}  // namespace

struct SampleSettings {
  double temperature, top_p, min_p, penalty;
  std::int32_t top_k;      // 0: all
  std::int32_t is_ranked;  // the draw walks from the likeliest on, else in the order of ids
};

struct ChunkOfLogits {
  Mass best;   // of the penalised logits: see packed()
  double sum;  // Σ e^(logit − most) of the logits as they came
  float most;
  Mass mass, eligible;  // of all, and of those that min-p leaves
};

struct ListOfCandidates {
  unsigned count;
  unsigned steps[kSteps];  // tokens in each
};

namespace {

// Memory of the device.
struct Input {
  const float* logits;
  int count;    // V
  int chunks;   // pieces of kChunk
  double unit;  // mass of the likeliest token
  const SampleSettings* settings;
  std::uint8_t* seen;
  const double* uniforms;
  ChunkOfLogits* chunk;
  ListOfCandidates* list;
  std::uint32_t* ranks;
  std::int32_t* ids;
  Mass* mass;
};

// --- logits as they are ranked and weighed

// Unsigned numbers in the order of the logits; both zeros are one.
__device__ __forceinline__ unsigned ordered(float logit) {
  const unsigned bits = __float_as_uint(logit + 0.0f);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ __forceinline__ float from_ordered(unsigned key) {
  return __uint_as_float(key & 0x80000000u ? key & 0x7fffffffu : ~key);
}

// The larger of two is the likelier token, of equals that with the lower id.
__device__ __forceinline__ Mass packed(float logit, int id) {
  return static_cast<Mass>(ordered(logit)) << 32 | ~static_cast<unsigned>(id);
}

// As penalised() in sample.cpp, to the bit.
__device__ __forceinline__ float logit_at(const Input& in, const SampleSettings& s, int id) {
  const float logit = in.logits[id];
  if (s.penalty == 1 || in.seen[id] == 0 || fabsf(logit) == INFINITY) return logit;
  const double changed = logit > 0 ? logit / s.penalty : logit * s.penalty;
  return static_cast<float>(fmin(fmax(changed, -static_cast<double>(FLT_MAX)), static_cast<double>(FLT_MAX)));
}

// What is known once the likeliest token is.
struct Scale {
  SampleSettings s;
  double unit;
  unsigned key;  // of the likeliest
  double most;

  // Nats that a logit lies behind the likeliest.
  __device__ double behind(float logit) const { return (most - logit) / s.temperature; }
  __device__ static double share(double behind) { return behind > kNothing ? 0.0 : exp(-behind); }
  __device__ Mass mass(double share) const { return __double2ull_rn(share * unit); }
  __device__ Mass mass_of_rank(unsigned rank) const { return mass(share(behind(from_ordered(key - rank)))); }
  __device__ static int step(double behind) {
    return static_cast<int>(fminf(static_cast<float>(behind) * kStepsPerNat, kSteps - 1));
  }
  // At least what a token of this step, or of one behind it, has.
  __device__ Mass most_in(int step) const {
    return mass(fmin(1.0, 1.0001 * expf(static_cast<float>(-step) / kStepsPerNat))) + 1;
  }
};

__device__ __forceinline__ Mass likeliest(const Input& in, Room& room) {
  Mass best = 0;
  for (int i = static_cast<int>(threadIdx.x); i < in.chunks; i += static_cast<int>(blockDim.x))
    best = max(best, in.chunk[i].best);
  return block_max(best, room.masses);
}

__device__ __forceinline__ Scale scale_of(const Input& in, const SampleSettings& s, Mass best) {
  const auto key = static_cast<unsigned>(best >> 32);
  return {.s = s, .unit = in.unit, .key = key, .most = from_ordered(key)};
}

// --- the launches

__global__ void __launch_bounds__(kThreads) look_kernel(Input in) {
  let_next_begin();
  wait_for_previous();
  __shared__ Room room;
  const SampleSettings s = *in.settings;
  if (blockIdx.x == 0) {
    for (int i = static_cast<int>(threadIdx.x); i < kSteps; i += kThreads) in.list->steps[i] = 0;
    if (threadIdx.x == 0) in.list->count = 0;
  }
  float logits[kEach], most = -INFINITY;
  Mass best = 0;
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    const int id = static_cast<int>(blockIdx.x) * kChunk + r * kThreads + static_cast<int>(threadIdx.x);
    logits[r] = id < in.count ? in.logits[id] : -INFINITY;
    most = fmaxf(most, logits[r]);
    if (id < in.count) best = max(best, packed(logit_at(in, s, id), id));
  }
  most = block_max(most, room.floats);
  const float shift = most == -INFINITY ? 0.0f : most;
  float sum = 0;
#pragma unroll
  for (int r = 0; r < kEach; ++r) sum += expf(logits[r] - shift);
  const double total = block_sum(static_cast<double>(sum), room.doubles);
  best = block_max(best, room.masses);
  if (threadIdx.x != 0) return;
  ChunkOfLogits& chunk = in.chunk[blockIdx.x];
  chunk.best = best;
  chunk.sum = total;
  chunk.most = most;
}

__global__ void __launch_bounds__(kThreads) weigh_kernel(Input in) {
  let_next_begin();
  wait_for_previous();
  __shared__ Room room;
  __shared__ unsigned steps[kSteps];
  const SampleSettings s = *in.settings;
  if (s.temperature <= 0) return;
  const Scale scale = scale_of(in, s, likeliest(in, room));
  for (int i = static_cast<int>(threadIdx.x); i < kSteps; i += kThreads) steps[i] = 0;
  __syncthreads();
  Mass all = 0, eligible = 0;
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    const int id = static_cast<int>(blockIdx.x) * kChunk + r * kThreads + static_cast<int>(threadIdx.x);
    if (id >= in.count) continue;
    const double behind = scale.behind(logit_at(in, s, id)), share = Scale::share(behind);
    const Mass mass = scale.mass(share);
    all += mass;
    if (share >= s.min_p) eligible += mass;
    if (s.is_ranked) atomicAdd(&steps[Scale::step(behind)], 1u);
  }
  all = block_sum(all, room.masses);
  eligible = block_sum(eligible, room.masses);
  if (threadIdx.x == 0) {
    in.chunk[blockIdx.x].mass = all;
    in.chunk[blockIdx.x].eligible = eligible;
  }
  for (int i = static_cast<int>(threadIdx.x); s.is_ranked && i < kSteps; i += kThreads)
    if (steps[i] != 0) atomicAdd(&in.list->steps[i], steps[i]);
}

// The step that the list ends with: all top-k are in it, or where there is no top-k, top-p of everything.
__device__ __forceinline__ int last_step(const Input& in, const Scale& scale, Room& room) {
  const unsigned* steps = in.list->steps;
  if (scale.s.top_k > 0)
    return static_cast<int>(
        find(kSteps, static_cast<Mass>(scale.s.top_k) - 1, room, [&](int i) { return Mass(steps[i]); }).value);
  // From the other end: what may be left out, a little less for the roundings of both sides.
  const auto all = static_cast<double>(sum_of(in.chunks, room, [&](int i) { return in.chunk[i].mass; }));
  const Mass spare = __double2ull_rn(fmax(0.0, (1 - scale.s.top_p) * all - 0x1p-48 * all));
  const auto behind = find(kSteps, spare, room, [&](int i) {
    const int step = kSteps - 1 - i;
    return steps[step] * scale.most_in(step);
  });
  return kSteps - 1 - static_cast<int>(behind.value);
}

__global__ void __launch_bounds__(kThreads) list_kernel(Input in) {
  let_next_begin();
  wait_for_previous();
  __shared__ Room room;
  __shared__ unsigned shared_first;
  const SampleSettings s = *in.settings;
  if (s.temperature <= 0 || !s.is_ranked) return;
  const Scale scale = scale_of(in, s, likeliest(in, room));
  const int last = last_step(in, scale, room);
  float logits[kEach];
  unsigned own = 0;
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    const int id = static_cast<int>(blockIdx.x) * kChunk + r * kThreads + static_cast<int>(threadIdx.x);
    logits[r] = id < in.count ? logit_at(in, s, id) : 0;
    if (id < in.count && Scale::step(scale.behind(logits[r])) <= last) own |= 1u << r;
  }
  const auto before = static_cast<unsigned>(sum_before(__popc(own), room));
  // Blocks come in any order: nothing that follows depends on where in the list a token stands.
  if (threadIdx.x == kThreads - 1) shared_first = atomicAdd(&in.list->count, before + __popc(own));
  __syncthreads();
  unsigned at = shared_first + before;
#pragma unroll
  for (int r = 0; r < kEach; ++r) {
    if ((own >> r & 1u) == 0) continue;
    in.ranks[at] = scale.key - ordered(logits[r]);
    in.ids[at] = static_cast<int>(blockIdx.x) * kChunk + r * kThreads + static_cast<int>(threadIdx.x);
    in.mass[at] = scale.mass(Scale::share(scale.behind(logits[r])));
    ++at;
  }
}

// log Σ e^logit of the logits as they came; not finite where they are not.
__device__ __forceinline__ double log_total(const Input& in, Room& room) {
  float most = -INFINITY;
  for (int i = static_cast<int>(threadIdx.x); i < in.chunks; i += kDrawThreads) most = fmaxf(most, in.chunk[i].most);
  most = block_max(most, room.floats);
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < in.chunks; i += kDrawThreads) {
    const ChunkOfLogits& chunk = in.chunk[i];
    sum += chunk.most == -INFINITY ? chunk.sum : chunk.sum * exp(static_cast<double>(chunk.most) - most);
  }
  return most + log(block_sum(sum, room.doubles));
}

// The part `fraction` / 2^64 of a mass, rounded down: less than the mass.
__device__ __forceinline__ Mass part_of(Mass mass, Mass fraction) { return __umul64hi(fraction, mass); }

__device__ __forceinline__ int draw_by_id(const Input& in, const Scale& scale, Mass fraction, Room& room) {
  const Mass eligible = sum_of(in.chunks, room, [&](int i) { return in.chunk[i].eligible; });
  const Mass target = part_of(eligible, fraction);
  const Found chunk = find(in.chunks, target, room, [&](int i) { return in.chunk[i].eligible; });
  const int first = static_cast<int>(chunk.value) * kChunk;
  const Found found = find(min(kChunk, in.count - first), target - chunk.before, room, [&](int i) {
    const double share = Scale::share(scale.behind(logit_at(in, scale.s, first + i)));
    return share >= scale.s.min_p ? scale.mass(share) : Mass(0);
  });
  return first + static_cast<int>(found.value);
}

__device__ __forceinline__ int draw_by_rank(const Input& in, const Scale& scale, Mass fraction, Room& room,
                                            Digits& digits) {
  const auto count = static_cast<int>(in.list->count);
  const SampleSettings& s = scale.s;
  unsigned farthest = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kDrawThreads) farthest = max(farthest, in.ranks[i]);
  const int bits = bits_of(block_max(farthest, room.uints));
  const auto rank = [&](int i) { return in.ranks[i]; };
  const auto mass = [&](int i) { return in.mass[i]; };

  Mass run;
  if (s.top_k > 0) {
    const Found end = descend(count, bits, static_cast<Mass>(s.top_k) - 1, room, digits, rank, [](int) { return 1; });
    run = sum_of(count, room, [&](int i) { return in.ranks[i] < end.value ? in.mass[i] : Mass(0); });
    run += (static_cast<Mass>(s.top_k) - end.before) * scale.mass_of_rank(end.value);
  } else {
    run = sum_of(in.chunks, room, [&](int i) { return in.chunk[i].mass; });
  }
  if (s.top_p < 1) {
    const Mass wanted = min(max(__double2ull_ru(s.top_p * static_cast<double>(run)), Mass(1)), run);
    const Found end = descend(count, bits, wanted - 1, room, digits, rank, mass);
    const Mass each = max(scale.mass_of_rank(end.value), Mass(1));
    run = end.before + (wanted - end.before + each - 1) / each * each;
  }
  const Mass eligible = sum_of(in.chunks, room, [&](int i) { return in.chunk[i].eligible; });
  const Mass target = part_of(min(run, eligible), fraction);
  const Found drawn = descend(count, bits, target, room, digits, rank, mass);

  // Of those with this logit: most often there is one.
  const Mass nth = (target - drawn.before) / max(scale.mass_of_rank(drawn.value), Mass(1));
  if (threadIdx.x == 0) room.index = in.count - 1;
  __syncthreads();
  if (nth == 0) {
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kDrawThreads)
      if (in.ranks[i] == drawn.value) atomicMin(&room.index, in.ids[i]);
    __syncthreads();
    return room.index;
  }
  const auto found = descend(
      count, bits_of(static_cast<unsigned>(in.count - 1)), nth, room, digits, [&](int i) { return in.ids[i]; },
      [&](int i) { return Mass(in.ranks[i] == drawn.value); });
  return static_cast<int>(found.value);
}

__global__ void __launch_bounds__(kDrawThreads)
    draw_kernel(Input in, const std::int32_t* place, std::int32_t offset, std::int32_t* token, float* logprob) {
  let_next_begin();
  wait_for_previous();
  __shared__ Room room;
  __shared__ Digits digits;
  const SampleSettings s = *in.settings;
  const Mass best = likeliest(in, room);
  const double total = log_total(in, room);
  int id = 0;
  if (fabs(total) < INFINITY) {  // else nothing that follows would have a sense
    const Scale scale = scale_of(in, s, best);
    const auto fraction = static_cast<Mass>(in.uniforms[*place + offset] * 0x1p64);
    if (s.temperature <= 0)
      id = static_cast<int>(~static_cast<unsigned>(best));
    else if (s.is_ranked)
      id = draw_by_rank(in, scale, fraction, room, digits);
    else
      id = draw_by_id(in, scale, fraction, room);
  }
  if (threadIdx.x != 0) return;
  *token = id;
  *logprob = static_cast<float>(in.logits[id] - total);
  in.seen[id] = 1;
}

}  // namespace

DeviceSampler::DeviceSampler(Stream& stream, std::int64_t vocabulary, std::int64_t places) : vocabulary_(vocabulary) {
  settings_.vector(stream, 1);
  seen_.vector(stream, vocabulary);
  uniforms_.vector(stream, places);
  stream.fill(uniforms_.data(), 0, uniforms_.size_bytes());
  chunks_.vector(stream, blocks_for(vocabulary, kChunk));
  list_.vector(stream, 1);
  ranks_.vector(stream, vocabulary);
  ids_.vector(stream, vocabulary);
  mass_.vector(stream, vocabulary);
  begin(stream, {}, {}, 0, {});
}

std::int64_t DeviceSampler::size_bytes() const {
  return settings_.size_bytes() + seen_.size_bytes() + uniforms_.size_bytes() + chunks_.size_bytes() +
         list_.size_bytes() + ranks_.size_bytes() + ids_.size_bytes() + mass_.size_bytes();
}

void DeviceSampler::begin(Stream& stream, const Sampling& sampling, std::span<const std::int32_t> seen,
                          std::int64_t first, std::span<const double> uniforms) {
  assert(first >= 0 && first + static_cast<std::int64_t>(uniforms.size()) <= uniforms_.capacity());
  const bool has_top_k = sampling.top_k > 0 && sampling.top_k < vocabulary_;
  const SampleSettings settings{.temperature = sampling.temperature,
                                .top_p = sampling.top_p,
                                .min_p = sampling.min_p,
                                .penalty = sampling.repetition_penalty,
                                .top_k = has_top_k ? static_cast<std::int32_t>(sampling.top_k) : 0,
                                .is_ranked = has_top_k || sampling.top_p < 1};
  std::vector<std::uint8_t> flags(static_cast<std::size_t>(vocabulary_));
  for (const std::int32_t id : seen) flags[static_cast<std::size_t>(id)] = 1;
  stream.copy(settings_.data(), &settings, sizeof settings);
  stream.copy(seen_.data(), flags.data(), vocabulary_);
  stream.copy(uniforms_.data() + first, uniforms.data(), static_cast<std::int64_t>(uniforms.size_bytes()));
}

void DeviceSampler::choose(Stream& stream, DeviceView<const float> logits, const std::int32_t* place,
                           std::int32_t offset, std::int32_t* token, float* logprob) {
  assert(logits.size() == vocabulary_);
  const auto vocabulary = static_cast<std::uint64_t>(vocabulary_);
  const Input in{.logits = logits.data,
                 .count = static_cast<int>(vocabulary_),
                 .chunks = static_cast<int>(blocks_for(vocabulary_, kChunk)),
                 // All tokens together have at most 2^62 units.
                 .unit = std::ldexp(1.0, 62 - static_cast<int>(std::bit_width(vocabulary))),
                 .settings = settings_.data(),
                 .seen = seen_.data(),
                 .uniforms = uniforms_.data(),
                 .chunk = chunks_.data(),
                 .list = list_.data(),
                 .ranks = ranks_.data(),
                 .ids = ids_.data(),
                 .mass = mass_.data()};
  const auto chunks = static_cast<unsigned>(in.chunks);
  launch(stream, {.grid = {chunks}, .block = {kThreads}, .early = true}, look_kernel, in);
  launch(stream, {.grid = {chunks}, .block = {kThreads}, .early = true}, weigh_kernel, in);
  launch(stream, {.grid = {chunks}, .block = {kThreads}, .early = true}, list_kernel, in);
  launch(stream, {.grid = {1}, .block = {kDrawThreads}, .early = true}, draw_kernel, in, place, offset, token, logprob);
}

}  // namespace squeeze
