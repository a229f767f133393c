#pragma once
// How fast models read prompts and generate, side by side on one machine whose other work comes and goes: they take
// turns, and between the turns the machine's own limit is measured.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "archs/model.hpp"
#include "base/progress.hpp"
#include "eval/benchmark_machine.hpp"

namespace squeeze {

struct BenchmarkPlan {
  std::int64_t prompt_tokens = 512;
  std::int64_t generate_tokens = 128;       // at least 2
  std::vector<std::int64_t> contexts = {};  // ascending, at least one
  std::int64_t rounds = 5;
};

// Each list has an entry for every round.
struct GenerationTimes {
  std::int64_t context = 0;                    // tokens in the cache when generation begins
  std::vector<double> tokens_per_second = {};  // after the first token
};

struct ModelTimes {
  std::vector<double> first_token_ms = {};  // from the prompt's arrival on
  std::vector<GenerationTimes> generation = {};
  std::int64_t memory_bytes = 0;  // weights and cache, on a GPU with its scratch memory
};

struct BenchmarkTimes {
  // GB/s read from memory; of one thread: empty where that is nothing that can be measured.
  std::vector<double> all_threads, one_thread;
  std::vector<ModelTimes> models;
};

// Bytes that keys and values of one token take in the cache.
std::int64_t cache_bytes_per_position(const ModelConfig& config);

// Loads all models, warms each up, then measures them in turns. Greedy, without stop tokens; prompts are random tokens
// from a fixed seed and begin differently in every round, so that no cache is used again. `share` is the part of the
// whole job that this is.
Result<BenchmarkTimes> benchmark(std::span<const std::shared_ptr<const Model>> models, const BenchmarkPlan& plan,
                                 BenchmarkMachine& machine, double share, RunContext& context);

}  // namespace squeeze
