#pragma once
// A model that reads one text and says how it may go on, wherever it computes: on the processor (cpu_reader.hpp) or on
// a GPU (device_reader.hpp). Keeps the keys and values of what it has read.

#include <cstdint>
#include <span>

#include "base/matrix.hpp"
#include "base/progress.hpp"
#include "base/result.hpp"

namespace squeeze {

// Tokens of a prompt that go through the layers in one pass of matrix products.
inline constexpr std::int64_t kPromptRows = 512;

struct ChosenToken {
  std::int32_t token = 0;
  double logprob = 0;  // natural log; NaN or infinite where the logits are not finite
};

// What is handed in has been checked: ids within the vocabulary, positions within the context.
class TextReader {
 public:
  virtual ~TextReader() = default;
  virtual std::int64_t context() const = 0;  // positions that the cache holds
  virtual std::int64_t vocabulary() const = 0;
  virtual std::int64_t memory_bytes() const = 0;  // weights as they are used, and the whole cache

  // Takes up 1 to kPromptRows tokens from position `first` on; the positions before have been read, and those from
  // `first` on are forgotten. With `wants_next`, the next two can be asked for. Ends early, as kCancelled, where many
  // tokens take long; nothing from `first` on counts as read then.
  virtual Result<void> read(std::span<const std::int32_t> tokens, std::int64_t first, bool wants_next,
                            RunContext& run) = 0;
  // The token after the last that was read; of equals, the lowest id. With `goes_on` the reader may begin to read that
  // token by itself, ahead of the call that asks for it; then logits() are no longer those that this was taken from.
  virtual Result<ChosenToken> likeliest(bool goes_on) = 0;
  virtual Result<std::span<const float>> logits() = 0;  // [V], until the next call

  // As read, of any number of tokens; gives the logits [tokens, V] after each of them, until the next call.
  virtual Result<MatrixView<const float>> read_all(std::span<const std::int32_t> tokens, std::int64_t first,
                                                   RunContext& run) = 0;
};

}  // namespace squeeze
