#include "eval/benchmark.hpp"

#include <doctest/doctest.h>

#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"

using namespace squeeze;

namespace {

// Cancelled from the given report on.
class CancelledContext final : public RunContext {
 public:
  explicit CancelledContext(int reports) : left_(reports) {}
  void stage(const std::string&, double) override {}
  void report(const Progress&) override { --left_; }
  bool cancelled() const override { return left_ <= 0; }

 private:
  int left_;
};

}  // namespace

TEST_CASE("a benchmark measures every model once a round, at every context") {
  const TestFolder folder;
  std::vector<std::shared_ptr<const Model>> models;
  for (const char* family : {"llama", "qwen3"}) {
    write_tiny_checkpoint(folder / family, family);
    const auto model = Model::open(folder / family);
    REQUIRE(model.ok());
    models.push_back(model.value());
  }
  const BenchmarkPlan plan{.prompt_tokens = 9, .generate_tokens = 3, .contexts = {4, 20}, .rounds = 2};
  const auto machine = processor_machine({}, std::int64_t{1} << 33);
  SilentContext silent;
  const auto times = benchmark(models, plan, *machine, 1, silent);
  REQUIRE(times.ok());
  CHECK(times.value().all_threads.size() == 2);
  CHECK(times.value().one_thread.size() == 2);
  REQUIRE(times.value().models.size() == 2);
  for (const ModelTimes& model : times.value().models) {
    CHECK(model.memory_bytes > 0);
    REQUIRE(model.first_token_ms.size() == 2);
    for (const double ms : model.first_token_ms) CHECK(ms > 0);
    REQUIRE(model.generation.size() == 2);
    CHECK(model.generation[1].context == 20);
    for (const GenerationTimes& at : model.generation) {
      REQUIRE(at.tokens_per_second.size() == 2);
      for (const double speed : at.tokens_per_second) CHECK(speed > 0);
    }
  }
  CancelledContext cancelled(4);
  const auto stopped = benchmark(models, plan, *machine, 1, cancelled);
  REQUIRE_FALSE(stopped.ok());
  CHECK(stopped.error().code == ErrorCode::kCancelled);
}
