#pragma once
// What a list of measurements says.

#include <algorithm>
#include <vector>

#include "jobs/contract.gen.hpp"

namespace squeeze {

// Of at least one value; of an even number of them the median is the mean of the middle two.
inline contract::Spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return {.median = median, .min = values.front(), .max = values.back()};
}

// Of amount / values[i]: speeds from times, or the reverse.
inline contract::Spread spread_of_quotients(double amount, const std::vector<double>& values) {
  std::vector<double> quotients;
  for (const double value : values) quotients.push_back(amount / value);
  return spread_of(std::move(quotients));
}

// Of part[i] · factor / whole[i], measured in the same rounds.
inline contract::Spread spread_of_shares(double factor, const std::vector<double>& part,
                                         const std::vector<double>& whole) {
  std::vector<double> shares;
  for (std::size_t i = 0; i < part.size(); ++i) shares.push_back(part[i] * factor / whole[i]);
  return spread_of(std::move(shares));
}

}  // namespace squeeze
