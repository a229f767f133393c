#include "jobs/job_runner.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace squeeze;
using namespace std::chrono_literals;

namespace {

struct Recorder final : contract::Events {
  void job_progressed(const contract::JobProgressed& event) override {
    const std::lock_guard lock(mutex);
    progress.push_back(event);
  }
  void job_ended(const contract::JobEnded& event) override {
    {
      const std::lock_guard lock(mutex);
      ended.push_back(event);
    }
    changed.notify_all();
  }
  void generation_produced(const contract::GenerationProduced&) override {}
  void errors_measured(const contract::ErrorsMeasured&) override {}
  void sweep_measured(const contract::SweepMeasured&) override {}

  contract::JobEnded wait_for(std::int64_t id) {
    std::unique_lock lock(mutex);
    contract::JobEnded found;
    const bool in_time = changed.wait_for(lock, 5s, [&] {
      for (const auto& event : ended)
        if (event.job_id == id) {
          found = event;
          return true;
        }
      return false;
    });
    REQUIRE(in_time);
    return found;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<contract::JobProgressed> progress;
  std::vector<contract::JobEnded> ended;
};

contract::JobResult done() { return contract::ExportResult{}; }

Result<contract::JobResult> until_cancelled(RunContext& context) {
  while (!context.cancelled()) std::this_thread::sleep_for(1ms);
  return Error{.code = ErrorCode::kCancelled, .message = "Cancelled."};
}

}  // namespace

TEST_CASE("jobs run one after the other, in order, and only once released") {
  Recorder events;
  JobRunner runner(events);
  std::vector<int> order;
  const auto first = runner.submit([&](RunContext&) -> Result<contract::JobResult> {
    std::this_thread::sleep_for(20ms);
    order.push_back(1);
    return done();
  });
  const auto second = runner.submit([&](RunContext&) -> Result<contract::JobResult> {
    order.push_back(2);
    return done();
  });
  CHECK(second > first);
  std::this_thread::sleep_for(20ms);
  CHECK(events.ended.empty());
  runner.release();
  CHECK(events.wait_for(first).outcome == contract::JobEndedOutcome::kDone);
  CHECK(events.wait_for(second).outcome == contract::JobEndedOutcome::kDone);
  CHECK(order == std::vector<int>{1, 2});
  CHECK(events.ended.size() == 2);
}

TEST_CASE("running and waiting jobs are cancelled, each with one end") {
  Recorder events;
  JobRunner runner(events);
  const auto running = runner.submit(until_cancelled);
  const auto waiting = runner.submit([](RunContext&) -> Result<contract::JobResult> { return done(); });
  runner.release();
  CHECK(runner.cancel(waiting));
  CHECK(runner.cancel(running));
  CHECK(events.wait_for(waiting).outcome == contract::JobEndedOutcome::kCancelled);
  CHECK(events.wait_for(running).outcome == contract::JobEndedOutcome::kCancelled);
  REQUIRE(runner.wait_idle(1s));
  CHECK(!runner.cancel(running));
  CHECK(!runner.cancel(4711));
  CHECK(events.ended.size() == 2);
}

TEST_CASE("what a job throws ends that job alone") {
  Recorder events;
  JobRunner runner(events);
  const auto memory = runner.submit([](RunContext&) -> Result<contract::JobResult> { throw std::bad_alloc(); });
  const auto odd = runner.submit([](RunContext&) -> Result<contract::JobResult> { throw std::runtime_error("odd"); });
  const auto fine = runner.submit([](RunContext&) -> Result<contract::JobResult> { return done(); });
  runner.release();
  CHECK(events.wait_for(memory).error->code == ErrorCode::kOutOfMemory);
  CHECK(events.wait_for(odd).error->code == ErrorCode::kInternal);
  CHECK(events.wait_for(odd).error->message.find("odd") != std::string::npos);
  CHECK(events.wait_for(fine).outcome == contract::JobEndedOutcome::kDone);
}

TEST_CASE("a failure says in which stage it came") {
  Recorder events;
  JobRunner runner(events);
  const auto job = runner.submit([](RunContext& context) -> Result<contract::JobResult> {
    context.stage("Reading", 0.5);
    context.stage("Clustering", 0.5);
    return Error{.code = ErrorCode::kValueNotFinite, .message = "NaN", .tensor = "w"};
  });
  runner.release();
  const auto ended = events.wait_for(job);
  CHECK(ended.outcome == contract::JobEndedOutcome::kFailed);
  CHECK(!ended.result);
  CHECK(ended.error->stage == "Clustering");
  CHECK(ended.error->tensor == "w");
}

TEST_CASE("progress is one monotone bar over weighted stages, at most ten a second") {
  Recorder events;
  const std::atomic<bool> cancelled = false;
  JobReporter reporter(9, events, cancelled);
  reporter.stage("one", 0.25);
  for (int i = 0; i <= 300; ++i) {
    // Falls back to 0 in the middle, as a second pass over the same work does.
    reporter.report({.fraction = (i % 200) / 200.0, .work_done = double(i), .unit = "tokens"});
    std::this_thread::sleep_for(2ms);
  }
  reporter.stage("two", 0.75);
  std::this_thread::sleep_for(110ms);
  reporter.report({.fraction = 0.5, .detail = "layer 3"});
  REQUIRE(events.progress.size() >= 4);
  CHECK(events.progress.size() <= 12);
  double last = 0;
  for (std::size_t i = 0; i < events.progress.size(); ++i) {
    CHECK(events.progress[i].job_id == 9);
    CHECK(events.progress[i].seq == static_cast<std::int64_t>(i));
    CHECK(events.progress[i].fraction >= last);
    last = events.progress[i].fraction;
  }
  CHECK(last == doctest::Approx(0.25 + 0.75 * 0.5));
  CHECK(events.progress.back().stage == "two");
  CHECK(events.progress.back().detail == "layer 3");
  const auto& late = events.progress[events.progress.size() - 2];
  CHECK(late.rate.value_or(0) > 0);
  CHECK(late.rate_unit == "tokens/s");
  CHECK(late.remaining_ms.value_or(-1) > 0);
}
