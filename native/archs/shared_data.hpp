#pragma once
// For tests: models and golden values that are not part of the repository. They are looked for in $SQUEEZE_SHARED, then
// in a folder "shared" beside the repository; what needs them and finds none is a skip, printed and counted.

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/test_skip.hpp"

namespace squeeze {

inline std::filesystem::path shared_folder() {
  const char* named = std::getenv("SQUEEZE_SHARED");
  return named != nullptr ? std::filesystem::path(named) : std::filesystem::path(SQUEEZE_REPOSITORY) / ".." / "shared";
}

struct SkipCounter {
  int count = 0;
  ~SkipCounter() {
    if (count > 0) std::fprintf(stderr, "SKIPPED %d checks for want of shared data (set SQUEEZE_SHARED)\n", count);
  }
  static void skip(const std::string& what) {
    static SkipCounter counter;
    ++counter.count;
    say_skipped(what, "not in " + shared_folder().string());
  }
};

struct GoldenModel {
  std::string name;
  std::filesystem::path model;   // folder
  std::filesystem::path golden;  // without ".safetensors" or ".json"
};

// Runs body for each of the nine models with golden values, and skips those that are not there.
inline void for_each_golden(const std::function<void(const GoldenModel&)>& body) {
  static const std::vector<std::pair<std::string, std::string>> all = {
      {"random", "random-llama3-gqa"}, {"random", "random-mistral-window"},
      {"random", "random-qwen2-bias"}, {"random", "random-qwen3-qknorm"},
      {"random", "random-opt"},        {"real", "stories260K"},
      {"real", "TinyStories-656K"},    {"real", "tiny1m"},
      {"real", "stories15M"}};
  for (const auto& [kind, name] : all) {
    const GoldenModel found{name, shared_folder() / (kind == "random" ? "models-random" : "models") / name,
                            shared_folder() / "golden" / kind / name};
    std::filesystem::path values = found.golden;
    values += ".safetensors";
    std::error_code ignored;
    if (std::filesystem::exists(found.model, ignored) && std::filesystem::exists(values, ignored))
      body(found);
    else
      SkipCounter::skip("golden values of " + name);
  }
}

// Measured errors, printed when SQUEEZE_FIGURES is set.
template <typename... Values>
void print_figure(const char* format, Values... values) {
  if (std::getenv("SQUEEZE_FIGURES") != nullptr) std::printf(format, values...);
}

}  // namespace squeeze
