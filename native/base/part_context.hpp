#pragma once
// A share of a stage, seen as a whole run: what one matrix reports becomes progress of all of them.

#include <string>

#include "base/progress.hpp"

namespace squeeze {

class PartContext final : public RunContext {
 public:
  // The part covers work [done, done + size) of `total`, counted in `unit`.
  PartContext(RunContext& whole, double done, double size, double total, const char* unit, std::string detail)
      : whole_(whole), done_(done), size_(size), total_(total), unit_(unit), detail_(std::move(detail)) {}

  void stage(const std::string&, double) override {}
  void report(const Progress& progress) override {
    const double work = done_ + size_ * progress.fraction;
    whole_.report({.fraction = work / total_, .work_done = work, .unit = unit_, .detail = detail_});
  }
  bool cancelled() const override { return whole_.cancelled(); }

 private:
  RunContext& whole_;
  double done_, size_, total_;
  const char* unit_;
  std::string detail_;
};

}  // namespace squeeze
