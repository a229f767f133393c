#include "jobs/job_runner.hpp"

#include <algorithm>
#include <iostream>

#include "jobs/guard.hpp"

namespace squeeze {

namespace {

constexpr auto kReportEvery = std::chrono::milliseconds(100);
// An estimate from less than this swings too much to be shown.
constexpr double kLeastSeconds = 0.5;

double seconds(JobReporter::Clock::duration span) { return std::chrono::duration<double>(span).count(); }

template <typename T>
std::optional<T> unless_empty(const T& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

contract::ErrorInfo to_info(const Error& error) {
  return {.code = error.code,
          .message = error.message,
          .stage = unless_empty(error.stage),
          .layer = error.layer,
          .tensor = unless_empty(error.tensor),
          .retryable = error.retryable,
          .hint = unless_empty(error.hint)};
}

JobReporter::JobReporter(std::int64_t job_id, contract::Events& events, const std::atomic<bool>& cancelled)
    : job_id_(job_id), events_(events), cancelled_(cancelled) {}

void JobReporter::stage(const std::string& name, double weight) {
  {
    const std::lock_guard lock(mutex_);
    stage_begin_ = std::min(1.0, stage_begin_ + stage_weight_);
    stage_weight_ = std::min(weight, 1.0 - stage_begin_);
    stage_ = name;
    stage_begun_ = Clock::now();
    first_work_.reset();
  }
  report({});
}

void JobReporter::report(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (!first_work_ && progress.work_done > 0) {
    first_work_ = progress.work_done;
    stage_begun_ = now;
  }
  const double within = std::clamp(progress.fraction, 0.0, 1.0);
  fraction_ = std::clamp(stage_begin_ + stage_weight_ * within, fraction_, 1.0);
  if (!first_fraction_ && within > 0) first_fraction_ = fraction_;
  if (seq_ > 0 && now - last_sent_ < kReportEvery) return;
  last_sent_ = now;

  contract::JobProgressed event;
  event.job_id = job_id_;
  event.seq = seq_++;
  event.stage = stage_;
  event.fraction = fraction_;
  event.detail = unless_empty(progress.detail);
  const double stage_seconds = seconds(now - stage_begun_);
  if (first_work_ && progress.work_done > *first_work_ && stage_seconds >= kLeastSeconds) {
    event.rate = (progress.work_done - *first_work_) / stage_seconds;
    if (*progress.unit != '\0') event.rate_unit = std::string(progress.unit) + "/s";
  }
  const double job_seconds = seconds(now - begun_);
  if (first_fraction_ && fraction_ > *first_fraction_ && job_seconds >= kLeastSeconds)
    event.remaining_ms = 1000 * job_seconds * (1 - fraction_) / (fraction_ - *first_fraction_);
  // Under the lock, so that seq and fraction reach the host in order.
  events_.job_progressed(event);
}

std::string JobReporter::current_stage() const {
  const std::lock_guard lock(mutex_);
  return stage_;
}

JobRunner::JobRunner(contract::Events& events) : events_(events), worker_([this] { work(); }) {}

JobRunner::~JobRunner() {
  cancel_all();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  worker_.join();
}

std::int64_t JobRunner::submit(Job job) {
  auto entry = std::make_shared<Entry>();
  entry->job = std::move(job);
  const std::lock_guard lock(mutex_);
  entry->id = ++last_id_;
  held_.push_back(entry);
  return entry->id;
}

void JobRunner::release() {
  {
    const std::lock_guard lock(mutex_);
    for (auto& entry : held_) queue_.push_back(std::move(entry));
    held_.clear();
  }
  changed_.notify_all();
}

bool JobRunner::cancel(std::int64_t job_id) {
  std::shared_ptr<Entry> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (running_ && running_->id == job_id) {
      running_->cancelled = true;
      return true;
    }
    for (auto* list : {&held_, &queue_}) {
      const auto found = std::ranges::find_if(*list, [&](const auto& entry) { return entry->id == job_id; });
      if (found == list->end()) continue;
      waiting = *found;
      list->erase(found);
      break;
    }
  }
  if (!waiting) return false;
  end(job_id, {.outcome = contract::JobEndedOutcome::kCancelled});
  changed_.notify_all();
  return true;
}

void JobRunner::cancel_all() {
  std::deque<std::shared_ptr<Entry>> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (running_) running_->cancelled = true;
    for (auto* list : {&held_, &queue_}) {
      waiting.insert(waiting.end(), list->begin(), list->end());
      list->clear();
    }
  }
  for (const auto& entry : waiting) end(entry->id, {.outcome = contract::JobEndedOutcome::kCancelled});
  changed_.notify_all();
}

bool JobRunner::wait_idle(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, limit, [this] { return !running_ && queue_.empty(); });
}

void JobRunner::work() {
  while (true) {
    std::shared_ptr<Entry> entry;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      entry = queue_.front();
      queue_.pop_front();
      running_ = entry;
    }
    run(*entry);
  }
}

void JobRunner::run(Entry& entry) {
  JobReporter reporter(entry.id, events_, entry.cancelled);
  Result<contract::JobResult> result = guarded([&] { return entry.job(reporter); });
  entry.job = nullptr;  // what it holds, such as a model, goes before the host hears that it ended
  {
    const std::lock_guard lock(mutex_);
    running_.reset();
  }
  contract::JobEnded ended;
  if (result.ok()) {
    ended.outcome = contract::JobEndedOutcome::kDone;
    ended.result = std::move(result).value();
  } else if (result.error().code == ErrorCode::kCancelled) {
    ended.outcome = contract::JobEndedOutcome::kCancelled;
  } else {
    ended.outcome = contract::JobEndedOutcome::kFailed;
    Error error = std::move(result).error();
    if (error.stage.empty()) error.stage = reporter.current_stage();
    std::cerr << "job " << entry.id << " failed: " << error.message << std::endl;
    ended.error = to_info(error);
  }
  end(entry.id, std::move(ended));
  changed_.notify_all();
}

void JobRunner::end(std::int64_t id, contract::JobEnded ended) {
  ended.job_id = id;
  events_.job_ended(ended);
}

}  // namespace squeeze
