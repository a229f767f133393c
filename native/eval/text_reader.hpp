#pragma once
// A model that reads one text and says how it may go on, wherever it computes: on the processor (cpu_reader.hpp) or on
// a GPU (device_reader.hpp). Keeps the keys and values of what it has read.

#include <cstdint>
#include <span>

#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"
#include "ops/sample/sample.hpp"

namespace squeeze {

// Tokens of a prompt that go through the layers in one pass of matrix products.
inline constexpr std::int64_t kPromptRows = 512;

struct ChosenToken {
  std::int32_t token = 0;
  // Natural log of its probability before any sampling setting; NaN or infinite where the logits are not finite.
  double logprob = 0;
};

// What is handed in has been checked: ids within the vocabulary, positions within the context.
class TextReader {
 public:
  virtual ~TextReader() = default;
  virtual std::int64_t context() const = 0;  // positions that the cache holds
  virtual std::int64_t vocabulary() const = 0;
  virtual std::int64_t memory_bytes() const = 0;  // weights as they are used, and the whole cache

  // Begins to continue a text that ends with `prompt`: choose() then chooses up to `most` tokens behind it as
  // `sampling` says. Before anything of the prompt is read: a reader may choose as it reads. Until the first time, the
  // likeliest token is chosen.
  virtual void begin(const Sampling& sampling, std::span<const std::int32_t> prompt, std::int64_t most) = 0;
  // Takes up 1 to kPromptRows tokens from position `first` on; the positions before have been read, and those from
  // `first` on are forgotten. With `wants_next`, choose() can follow. Ends early, as kCancelled, where many tokens take
  // long; nothing from `first` on counts as read then.
  virtual Result<void> read(std::span<const std::int32_t> tokens, std::int64_t first, bool wants_next,
                            RunContext& run) = 0;
  // The token after the last that was read; once for each. With `goes_on` the reader may begin to read that token by
  // itself, ahead of the call that asks for it.
  virtual Result<ChosenToken> choose(bool goes_on) = 0;

  // As read, of any number of tokens; gives the logits [tokens, V] after each of them, until the next call.
  virtual Result<MatrixView<const float>> read_all(std::span<const std::int32_t> tokens, std::int64_t first,
                                                   RunContext& run) = 0;
};

}  // namespace squeeze
