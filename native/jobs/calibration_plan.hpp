#pragma once
// What a calibration would take of memory, disk and time, and whether that is there.

#include <map>
#include <string>

#include "calib/calibration_needs.hpp"
#include "calib/pass_speed.hpp"
#include "jobs/contract.gen.hpp"
#include "jobs/devices.hpp"

namespace squeeze {

Estimator estimator_of(contract::Estimator estimator);

// Refuses what is no checkpoint as trained.
Result<std::shared_ptr<const Model>> open_for_calibration(const std::string& checkpoint);

// What `limit_bytes` leaves to the activations, at least one byte; 0, without a limit, lets calibrate() choose. Refuses
// a limit below what the rest needs (kInvalidRequest).
Result<std::int64_t> activation_budget(const CalibrationNeeds& needs, std::int64_t limit_bytes);

class CalibrationPlanner {
 public:
  Result<contract::CalibrationPlanResult> plan(const contract::CalibrationPlanParams& params, const Device& device);

 private:
  std::map<std::string, PassSpeed> speeds_;  // measured so far: by all that they depend on
};

}  // namespace squeeze
