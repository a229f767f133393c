#pragma once
// Text generation: the prompt in large passes, then token by token, with a key/value cache.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "archs/model.hpp"
#include "base/progress.hpp"
#include "eval/text_reader.hpp"
#include "ops/matmul/precision.hpp"
#include "ops/sample/sample.hpp"

namespace squeeze {

struct GenerationRequest {
  std::vector<std::int32_t> prompt;
  std::int64_t max_tokens = 128;
  std::vector<std::int32_t> stop_tokens;
  Sampling sampling;
};

enum class StopReason { kLength, kStopToken, kContextFull };

struct GenerationOutcome {
  std::int64_t prompt_tokens = 0, reused_tokens = 0, generated_tokens = 0;
  StopReason stop = StopReason::kLength;
  double prompt_ms = 0, generation_ms = 0;
};

// Called for each token as it is chosen; a stop token is not handed on. logprob: natural log of its probability before
// any sampling setting.
using OnToken = std::function<void(std::int32_t token, float logprob)>;

struct GeneratorOptions {
  std::int64_t context = 0;  // tokens that the cache holds
  DecodePath path = {};
  Precision prompt = fastest_precision();  // of a prompt's matrix products
};

// A model with a cache. One generation at a time; the cache stays between them, and a prompt that
// begins with what is in it pays only for the rest.
class Generator {
 public:
  // On the processor. Weights whose layout has a form for products with few vectors are copied into it; the model's
  // files are then let go of.
  static Result<std::unique_ptr<Generator>> make(std::shared_ptr<const Model> model, const GeneratorOptions& options);
  // With another way to compute: see device_reader.hpp.
  static std::unique_ptr<Generator> make(std::unique_ptr<TextReader> reader);
  ~Generator();

  std::int64_t context() const;
  std::int64_t vocabulary() const;
  std::int64_t memory_bytes() const;  // weights as they are used, and the whole cache
  Result<GenerationOutcome> generate(const GenerationRequest& request, const OnToken& on_token, RunContext& run);
  // Logits [count, V] of the distributions that tokens[first] .. tokens[first + count - 1] are taken from, each given
  // all tokens before it; first >= 1. The tokens before `first` are taken from the cache where they are in it, and the
  // cache then holds what was read. Valid until the next call.
  Result<MatrixView<const float>> predict(std::span<const std::int32_t> tokens, std::int64_t first, std::int64_t count,
                                          RunContext& run);

 private:
  struct State;
  explicit Generator(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace squeeze
