#pragma once
// What a long computation is handed: a place to say how far it is, and a way to be told to stop.

#include <string>

#include "base/result.hpp"

namespace squeeze {

struct Progress {
  double fraction = 0;   // of the current stage, 0..1
  double work_done = 0;  // in `unit`, within the stage; the reporter makes the rate from it
  const char* unit = "";
  std::string detail = {};
};

class RunContext {
 public:
  virtual ~RunContext() = default;
  // Begins a stage that makes up `weight` of the job; the weights of a job's stages add up to about 1.
  virtual void stage(const std::string& name, double weight) = 0;
  virtual void report(const Progress& progress) = 0;
  virtual bool cancelled() const = 0;

  Result<void> check_cancelled() const {
    if (cancelled()) return Error{.code = ErrorCode::kCancelled, .message = "Cancelled."};
    return {};
  }
};

// For tests, benches, and what is over at once: reports to nobody, never cancelled.
class SilentContext final : public RunContext {
 public:
  void stage(const std::string&, double) override {}
  void report(const Progress&) override {}
  bool cancelled() const override { return false; }
};

}  // namespace squeeze
