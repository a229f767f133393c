#pragma once
// The finished matrices of an unfinished quantization, one file each.

#include <filesystem>
#include <optional>
#include <string>

#include "methods/method.hpp"
#include "tensor/safetensors.hpp"

namespace squeeze {

// A finished matrix, with its tensors mapped from the journal.
struct JournalEntry {
  SafetensorsFile file;
  std::int64_t sparse_count = 0;
  double objective = 0;
  double relative_error = 0;
};

class QuantizationJournal {
 public:
  // `inputs` names everything that the matrices depend on; an entry of other inputs is not taken up.
  QuantizationJournal(std::filesystem::path folder, std::string inputs);

  // The entry of matrix number `index`, when there is a whole one of the same inputs.
  std::optional<JournalEntry> find(std::size_t index, const std::string& name) const;
  // Writes the entry, whole or not at all, and gives it back as it stands on the disk.
  Result<JournalEntry> add(std::size_t index, const std::string& name, const MatrixOutput& output) const;

 private:
  std::filesystem::path path_of(std::size_t index) const;

  std::filesystem::path folder_;
  std::string inputs_;
};

}  // namespace squeeze
