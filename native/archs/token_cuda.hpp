#pragma once
// The two ends of a token's way through a model on a GPU: from its id to the first activations, and from the next one
// that was chosen to the state that the next step begins with. Where the text stands lies in memory of the device, so
// that a recorded step is good for every token.

#include "base/half.hpp"
#include "device/device.hpp"

namespace squeeze {

// What a text's next token is taken to be; 8 bytes.
struct ChosenOnDevice {
  std::int32_t token;
  float logprob;
};

// Memory of the device.
struct DeviceTextState {
  std::int32_t* position;  // of the first of `tokens`
  std::int32_t* tokens;    // what the next step reads
};

// x[T, hidden] = table[token] + positions[position]; a table of null data: the other one; positions of null data: none.
void embed_next(Stream& stream, DeviceView<const Half> halves, DeviceView<const BFloat16> bfloats,
                DeviceView<const float> positions, const DeviceTextState& state, DeviceView<float> x);

// After `count` tokens: writes down what was chosen as that of the last one's position, and makes it the next token.
// Of logits that are not finite there may be no likeliest: something outside the vocabulary. The next token is 0 then.
void take_chosen(Stream& stream, const std::int32_t* token, const float* logprob, std::int32_t count,
                 std::int64_t vocabulary, const DeviceTextState& state, ChosenOnDevice* chosen);

}  // namespace squeeze
