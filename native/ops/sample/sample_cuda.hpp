#pragma once
// Choosing the next token on a GPU: the filters of sample.hpp, in the same order and with the same meaning. All that a
// choice needs lies in memory of the device at fixed places, so that a recorded choice is good for every token.
//
// Probabilities are float64, and their sums 62-bit integers: exact, and the same every time. So the same numbers give
// the tokens that the processor chooses from the same logits, but for draws and limits of top-p that fall within about
// 1e-10 of the edge between two tokens, and for tokens whose probability is below about 1e-13 of the likeliest's (2^-45
// at a vocabulary of 2^17), which are never drawn.

#include <cstdint>
#include <span>

#include "device/device.hpp"
#include "ops/sample/sample.hpp"

namespace squeeze {

struct SampleSettings;
struct ChunkOfLogits;
struct ListOfCandidates;

class DeviceSampler {
 public:
  // `places`: of how many places in a text the random numbers can be held at once.
  DeviceSampler(Stream& stream, std::int64_t vocabulary, std::int64_t places);

  // From here on choices are made as `sampling` says. `seen`: tokens that the penalty falls on, beside those chosen
  // from now on. `uniforms`, in [0, 1): the random numbers of the places first, first + 1, …
  void begin(Stream& stream, const Sampling& sampling, std::span<const std::int32_t> seen, std::int64_t first,
             std::span<const double> uniforms);

  // One choice from logits [1, V], fp32, by the number of place *place + offset: *token, and the natural log of its
  // probability before any sampling setting. Where the logits are not finite (NaN, +Inf, or nothing but −Inf) the token
  // is 0, and *logprob is not finite. Allocates nothing. place, token and logprob: memory of the device.
  void choose(Stream& stream, DeviceView<const float> logits, const std::int32_t* place, std::int32_t offset,
              std::int32_t* token, float* logprob);

  std::int64_t size_bytes() const;

 private:
  std::int64_t vocabulary_;
  DeviceArray<SampleSettings> settings_;
  DeviceArray<std::uint8_t> seen_;        // [V]
  DeviceArray<double> uniforms_;          // [places]
  DeviceArray<ChunkOfLogits> chunks_;     // what is known of each piece of the vocabulary
  DeviceArray<ListOfCandidates> list_;    // how many candidates there are, by how likely they are
  DeviceArray<std::uint32_t> ranks_;      // [V], of the listed candidates: how far behind the likeliest
  DeviceArray<std::int32_t> ids_;         // [V]
  DeviceArray<unsigned long long> mass_;  // [V]
};

}  // namespace squeeze
