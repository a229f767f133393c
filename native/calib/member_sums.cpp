#include "calib/member_sums.hpp"

#include <algorithm>
#include <cassert>
#include <vector>

#include "base/threads.hpp"

namespace squeeze {

void sum_members(const LutWeight& stored, MatrixView<const float> dw, MatrixView<float> sums) {
  assert(dw.rows == stored.rows() && dw.cols == stored.cols());
  assert(sums.rows == dw.rows && sums.cols == std::int64_t{1} << stored.bits());
  parallel_for(dw.rows, 16, [&](std::int64_t first, std::int64_t last) {
    std::vector<std::uint8_t> indices(static_cast<std::size_t>(dw.cols));
    std::vector<double> own(static_cast<std::size_t>(sums.cols));
    for (std::int64_t r = first; r < last; ++r) {
      stored.indices(r, indices);
      const std::span<const float> members = dw.row(r);
      std::ranges::fill(own, 0.0);
      for (std::size_t j = 0; j < members.size(); ++j) own[indices[j]] += static_cast<double>(members[j]);
      std::ranges::transform(own, sums.row(r).begin(), [](double sum) { return static_cast<float>(sum); });
    }
  });
}

}  // namespace squeeze
