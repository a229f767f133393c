#pragma once
// Jobs: one after the other on one thread, in the order they were started.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "base/progress.hpp"
#include "jobs/contract.gen.hpp"

namespace squeeze {

contract::ErrorInfo to_info(const Error& error);

// What a job is: reports into the context, watches its cancel flag, gives a result or an error.
using Job = std::function<Result<contract::JobResult>(RunContext& context)>;

// Turns the stages and fractions of one job into job.progressed: at most ten a second, a fraction that never falls,
// rate and remaining time measured from the job's own reports. Safe to report to from any thread.
class JobReporter final : public RunContext {
 public:
  using Clock = std::chrono::steady_clock;
  JobReporter(std::int64_t job_id, contract::Events& events, const std::atomic<bool>& cancelled);

  void stage(const std::string& name, double weight) override;
  void report(const Progress& progress) override;
  bool cancelled() const override { return cancelled_.load(std::memory_order_relaxed); }
  std::string current_stage() const;

 private:
  const std::int64_t job_id_;
  contract::Events& events_;
  const std::atomic<bool>& cancelled_;
  mutable std::mutex mutex_;
  std::string stage_;
  double stage_begin_ = 0, stage_weight_ = 0;  // within the job, 0..1
  double fraction_ = 0;
  std::int64_t seq_ = 0;
  const Clock::time_point begun_ = Clock::now();
  Clock::time_point last_sent_ = {};
  Clock::time_point stage_begun_ = begun_;
  // Where the first report stood: work that an earlier run had done says nothing about speed.
  std::optional<double> first_fraction_, first_work_;
};

class JobRunner {
 public:
  explicit JobRunner(contract::Events& events);
  // Cancels everything and waits for the running job.
  ~JobRunner();

  // The job is held until release(), so that its first event cannot overtake the answer that names it.
  std::int64_t submit(Job job);
  void release();
  // True when the job had not ended yet. A job that has not begun ends at once.
  bool cancel(std::int64_t job_id);
  void cancel_all();
  // Waits until nothing runs or waits; false when the time is up.
  bool wait_idle(std::chrono::milliseconds limit);

 private:
  struct Entry {
    std::int64_t id = 0;
    Job job;
    std::atomic<bool> cancelled = false;
  };
  void work();
  void run(Entry& entry);
  void end(std::int64_t id, contract::JobEnded ended);

  contract::Events& events_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Entry>> held_, queue_;
  std::shared_ptr<Entry> running_;
  std::int64_t last_id_ = 0;
  bool stopping_ = false;
  std::thread worker_;
};

}  // namespace squeeze
