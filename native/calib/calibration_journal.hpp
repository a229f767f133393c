#pragma once
// What a calibration keeps on the disk: while it runs, "<out>.partial" with a file for each finished layer and the
// gradient that the next one begins with; at the end the folder that calibrate.hpp describes.
//
// gradient.safetensors is the journal's last word: it names the layers that are finished, and is replaced only after
// the layer's own file is in place. Every file carries the fingerprint of the inputs; files of other inputs are thrown
// away.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/matrix.hpp"
#include "calib/calibrate.hpp"

namespace squeeze {

class CalibrationJournal {
 public:
  // Takes up the folder beside `out`, or makes it. kOutputExists when `out` is there, kOutputUnwritable or kDiskFull.
  static Result<CalibrationJournal> open(const std::filesystem::path& out, const std::string& fingerprint,
                                         const Model& model);

  const std::filesystem::path& folder() const { return folder_; }
  // Layers [first_finished, layers) need no computing; equals `layers` at the beginning.
  std::int64_t first_finished() const { return first_finished_; }
  double loss() const { return loss_; }  // of the run that finished them
  const std::vector<MatrixSensitivity>& finished(std::int64_t layer) const { return statistics_[layer]; }
  // Reads the gradient [tokens, hidden] that the next layer begins with.
  Result<void> read_gradient(MatrixView<float> gradient) const;

  // Keeps F of one layer, matrix by matrix as in `statistics`, and the gradient with respect to the layer's input.
  Result<void> finish_layer(std::int64_t layer, std::span<const MatrixView<const float>> values,
                            std::vector<MatrixSensitivity> statistics, MatrixView<const float> gradient, double loss);
  // For a run that ends early: removes the folder when no layer was finished.
  void leave() const;
  // Writes the final files from those of the layers and renames the folder. Gives the bytes of the folder.
  Result<std::int64_t> publish(const std::string& checkpoint_fingerprint, const CalibrationOptions& options,
                               MatrixView<const std::int32_t> tokens);

 private:
  CalibrationJournal() = default;
  std::filesystem::path layer_path(std::int64_t layer) const;
  bool take_up(const Model& model);

  std::filesystem::path out_, folder_;
  std::string fingerprint_;
  std::int64_t first_finished_ = 0;
  double loss_ = 0;
  std::vector<std::vector<MatrixSensitivity>> statistics_;
};

}  // namespace squeeze
