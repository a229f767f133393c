#pragma once
// A large array of floats, in memory or in a scratch file that is gone when the process is.

#include <cstdint>
#include <filesystem>
#include <span>

#include "base/matrix.hpp"
#include "base/result.hpp"

namespace squeeze {

// Bytes that programs can still take without swapping, and 0 where the system does not say.
std::int64_t free_memory_bytes();
// What activations may take of the memory: what is asked for, or half of what is free where that is 0.
std::int64_t usual_budget(std::int64_t asked_bytes);

// `slots` matrices [rows, cols] of fp32, zero at first.
class ActivationStore {
 public:
  // Anonymous memory up to `memory_limit` bytes; more goes to a file in `folder`, unlinked at once, whose space is
  // taken beforehand so that a full disk is an error here (kDiskFull) and no crash later.
  static Result<ActivationStore> make(std::int64_t slots, std::int64_t rows, std::int64_t cols,
                                      std::int64_t memory_limit, const std::filesystem::path& folder);

  ActivationStore(ActivationStore&& other) noexcept;
  ActivationStore& operator=(ActivationStore&&) = delete;
  ~ActivationStore();

  MatrixView<float> slot(std::int64_t index) const { return {values_.data() + index * rows_ * cols_, rows_, cols_}; }
  std::int64_t slots() const { return static_cast<std::int64_t>(values_.size()) / (rows_ * cols_); }
  bool in_file() const { return in_file_; }

 private:
  ActivationStore(std::span<float> values, std::int64_t rows, std::int64_t cols, bool in_file)
      : values_(values), rows_(rows), cols_(cols), in_file_(in_file) {}
  std::span<float> values_;
  std::int64_t rows_, cols_;
  bool in_file_;
};

}  // namespace squeeze
