#pragma once
// Where an unfinished refinement stands, in one file that is replaced as a whole: "refinement.safetensors".

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/half.hpp"
#include "base/matrix.hpp"
#include "base/result.hpp"

namespace squeeze {

struct RefinementState {
  std::int64_t step = 0;     // done
  std::int64_t judged = -1;  // the last one that was measured on the held-out samples
  std::int64_t best_step = 0;
  std::int64_t cuts = 0, begun = 0;  // returns to the best step, and the step at which the last one happened
  double before = 0, best = 0;       // loss on the held-out samples, at the beginning and at best_step
  // By linear: what is being moved, as RefinedCodebooks::state gives it, and the codebooks of best_step.
  std::map<std::string, std::vector<MatrixView<float>>> moving;
  std::map<std::string, std::vector<Half>> best_tables;
};

class RefinementJournal {
 public:
  // `inputs` names everything that the state depends on; a state of other inputs is not taken up.
  RefinementJournal(const std::filesystem::path& folder, std::string inputs);

  Result<void> write(const RefinementState& state) const;
  // Fills the state, whose matrices say what has to be there. False, and nothing is changed, when there is no whole
  // state of these inputs.
  bool read(RefinementState& state) const;

 private:
  std::filesystem::path path_;
  std::string inputs_;
};

}  // namespace squeeze
