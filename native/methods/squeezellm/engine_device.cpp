#include "methods/squeezellm/engine_device.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "methods/squeezellm/choice_device.hpp"

namespace squeeze {

namespace {

class DeviceEngine final : public MatrixEngine {
 public:
  explicit DeviceEngine(ChoiceRoom room) : room_(std::move(room)) {}

  Result<void> cluster(const MatrixInput& input, std::span<const std::uint8_t> kept, const MethodOptions& options,
                       std::span<const std::uint8_t> rows_wanted, std::span<const RowCodebooks> widths,
                       RunContext& context) override {
    std::vector<std::int64_t> rows;
    for (std::int64_t r = 0; r < input.weights.rows; ++r)
      if (rows_wanted.empty() || rows_wanted[static_cast<std::size_t>(r)]) rows.push_back(r);
    const std::int64_t cols = input.weights.cols;
    BlockWork work{.cut = {input.weights.rows, cols, 1, std::max<std::int64_t>(1, cols)},
                   .exact = options.solver == ClusterSolver::kExact,
                   .weights = {.host = input.weights.data},
                   .kept = {.host = kept.data()}};
    if (options.weighting == Weighting::kFisher) work.sensitivity.host = input.sensitivity.data;
    for (const RowCodebooks& width : widths) work.widths.push_back(BlockWidth::on_host(width));
    return room_.lanes.run(work, rows, context);
  }

  Result<std::unique_ptr<WeightChoice>> choose(const MatrixInput& input) override {
    return open_device_choice(room_, input);
  }

 private:
  ChoiceRoom room_;
};

}  // namespace

Result<std::unique_ptr<MatrixEngine>> make_device_matrix_engine(int device, const DeviceEngineOptions& options) {
  SQUEEZE_ASSIGN(ChoiceRoom room, ChoiceRoom::make(device, options));
  return std::unique_ptr<MatrixEngine>(std::make_unique<DeviceEngine>(std::move(room)));
}

}  // namespace squeeze
