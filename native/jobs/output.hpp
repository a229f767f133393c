#pragma once
// Where a job puts its folder: nothing stands under the final name before all of it does.

#include <filesystem>
#include <span>
#include <string>

#include "base/result.hpp"

namespace squeeze {

// Refuses an output that exists (kOutputExists), or that could not be made (kOutputUnwritable). Makes nothing.
Result<void> check_output(const std::filesystem::path& out);

// The right to write `out`, held until it is let go: a second process that is to write the same is refused with kBusy
// and cannot take the unfinished work from under the first. Lies as a locked file beside `out`.
class OutputClaim {
 public:
  // As check_output, and makes the folder above `out`.
  static Result<OutputClaim> take(const std::filesystem::path& out);
  OutputClaim(OutputClaim&& other) noexcept;
  OutputClaim& operator=(OutputClaim&&) = delete;
  ~OutputClaim();

 private:
  OutputClaim(std::filesystem::path path, int file) : path_(std::move(path)), file_(file) {}

  std::filesystem::path path_;
  int file_;
};

// "<out>.partial", where unfinished work lives.
std::filesystem::path partial_of(const std::filesystem::path& out);

// Makes a folder and those above it.
Result<void> make_folder(const std::filesystem::path& folder);

// Renames the finished `folder` to `out`. kOutputExists when something came to stand there meanwhile.
Result<void> publish(const std::filesystem::path& folder, const std::filesystem::path& out);

Result<void> write_text(const std::filesystem::path& path, const std::string& text);
Result<std::string> read_text(const std::filesystem::path& path);

// Copies what makes a folder usable besides weights and config: tokenizer, generation defaults, chat template. By a
// list of known names, so that no code and no second copy of the weights comes along.
Result<void> copy_companions(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace squeeze
