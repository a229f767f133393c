#include "methods/squeezellm/cluster_device.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>
#include <vector>

#include "base/threads.hpp"
#include "device/device.hpp"
#include "ops/kmeans1d/kmeans1d_cuda.hpp"

namespace squeeze {

namespace {

// Memory on both sides for one batch of rows after rows; grows to the largest.
template <typename T>
struct Mirror {
  PinnedArray<T> host;
  DeviceArray<T> there;
  DeviceView<T> view;

  Result<void> take(Stream& stream, std::int64_t rows, std::int64_t cols) {
    if (host.size() < rows * cols) {
      SQUEEZE_ASSIGN(host, PinnedArray<T>::make(rows * cols));
    }
    view = there.matrix(stream, rows, cols);
    return {};
  }
  void upload(Stream& stream) { stream.upload(view, host.data()); }
  void download(Stream& stream) { stream.download(host.data(), view); }
};

// Rows that are copied together, row after row; parallel.
template <typename Body>
void for_each_row(std::span<const std::int64_t> rows, std::int64_t cols, const Body& body) {
  parallel_for(static_cast<std::int64_t>(rows.size()),
               std::max<std::int64_t>(1, (1 << 17) / std::max<std::int64_t>(1, cols)),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t i = first; i < last; ++i) body(i, rows[i]);
               });
}

template <typename T>
void copy_row(T* to, const T* from, std::int64_t count) {
  std::memcpy(static_cast<void*>(to), from, static_cast<std::size_t>(count) * sizeof(T));
}

struct Work {
  const MatrixInput& input;
  std::span<const std::uint8_t> kept;
  bool weighted, exact;
  std::span<const RowCodebooks> widths;
};

// One of the two batches under way.
class Lane {
 public:
  explicit Lane(Stream stream) : stream_(std::move(stream)) {}

  // Hands the rows in. The batch before must have been collected.
  Result<void> begin(const Work& work, std::span<const std::int64_t> rows) {
    assert(rows_.empty());
    const auto count = static_cast<std::int64_t>(rows.size());
    const std::int64_t cols = work.input.weights.cols;
    SQUEEZE_TRY(weights_.take(stream_, count, cols));
    if (work.weighted) SQUEEZE_TRY(sensitivity_.take(stream_, count, cols));
    SQUEEZE_TRY(kept_.take(stream_, count, cols));
    results_.resize(std::max(results_.size(), work.widths.size()));
    std::vector<DeviceCodebooks> books;
    for (std::size_t w = 0; w < work.widths.size(); ++w) {
      Results& own = results_[w];
      SQUEEZE_TRY(own.tables.take(stream_, count, work.widths[w].tables.cols));
      SQUEEZE_TRY(own.indices.take(stream_, count, cols));
      SQUEEZE_TRY(own.objective.take(stream_, 1, count));
      books.push_back({own.tables.view, own.indices.view, own.objective.view.data});
    }
    for_each_row(rows, cols, [&](std::int64_t i, std::int64_t r) {
      copy_row(weights_.host.data() + i * cols, work.input.weights.row(r).data(), cols);
      if (work.weighted) copy_row(sensitivity_.host.data() + i * cols, work.input.sensitivity.row(r).data(), cols);
      copy_row(kept_.host.data() + i * cols, work.kept.data() + r * cols, cols);
    });
    weights_.upload(stream_);
    if (work.weighted) sensitivity_.upload(stream_);
    kept_.upload(stream_);
    kmeans_.cluster(stream_, weights_.view, work.weighted ? sensitivity_.view.data : nullptr, kept_.view.data,
                    work.exact, books);
    for (std::size_t w = 0; w < work.widths.size(); ++w) {
      results_[w].tables.download(stream_);
      results_[w].indices.download(stream_);
      results_[w].objective.download(stream_);
    }
    rows_ = rows;
    return {};
  }

  // Waits for the rows handed in, if there are any, and puts their results in place.
  Result<void> collect(const Work& work) {
    if (rows_.empty()) return {};
    const auto rows = std::exchange(rows_, {});
    SQUEEZE_TRY(stream_.finish());
    const std::int64_t cols = work.input.weights.cols;
    for (std::size_t w = 0; w < work.widths.size(); ++w) {
      const RowCodebooks& to = work.widths[w];
      const Results& own = results_[w];
      for_each_row(rows, cols, [&](std::int64_t i, std::int64_t r) {
        copy_row(to.tables.row(r).data(), own.tables.host.data() + i * to.tables.cols, to.tables.cols);
        copy_row(to.indices.row(r).data(), own.indices.host.data() + i * cols, cols);
        to.objective[static_cast<std::size_t>(r)] = own.objective.host.data()[i];
      });
    }
    return {};
  }

  // Waits without results.
  void abandon() {
    if (!std::exchange(rows_, {}).empty()) static_cast<void>(stream_.finish());
  }

 private:
  struct Results {
    Mirror<Half> tables;
    Mirror<std::uint8_t> indices;
    Mirror<double> objective;
  };
  Mirror<float> weights_, sensitivity_;
  Mirror<std::uint8_t> kept_;
  std::vector<Results> results_;  // one a width
  DeviceKmeans1d kmeans_;
  std::span<const std::int64_t> rows_;  // under way
  Stream stream_;
};

class DeviceClusterer final : public RowClusterer {
 public:
  DeviceClusterer(Stream first, Stream second, std::int64_t batch_weights) : batch_weights_(batch_weights) {
    lanes_.emplace_back(std::move(first));
    lanes_.emplace_back(std::move(second));
  }

  Result<void> cluster(const MatrixInput& input, std::span<const std::uint8_t> kept, const MethodOptions& options,
                       std::span<const std::uint8_t> rows_wanted, std::span<const RowCodebooks> widths,
                       RunContext& context) override {
    std::vector<std::int64_t> rows;
    for (std::int64_t r = 0; r < input.weights.rows; ++r)
      if (rows_wanted.empty() || rows_wanted[static_cast<std::size_t>(r)]) rows.push_back(r);
    const Work work{input, kept, options.weighting == Weighting::kFisher, options.solver == ClusterSolver::kExact,
                    widths};
    auto done = cluster(work, rows, context);
    for (Lane& lane : lanes_) lane.abandon();
    return done;
  }

 private:
  Result<void> cluster(const Work& work, std::span<const std::int64_t> rows, RunContext& context) {
    const auto batch = static_cast<std::size_t>(
        std::max<std::int64_t>(1, batch_weights_ / std::max<std::int64_t>(1, work.input.weights.cols)));
    std::size_t turn = 0;
    for (std::size_t first = 0; first < rows.size(); first += batch, ++turn) {
      SQUEEZE_TRY(context.check_cancelled());
      Lane& lane = lanes_[turn % 2];
      SQUEEZE_TRY(lane.collect(work));
      SQUEEZE_TRY(lane.begin(work, rows.subspan(first, std::min(batch, rows.size() - first))));
    }
    for (std::size_t i = 0; i < 2; ++i) SQUEEZE_TRY(lanes_[(turn + i) % 2].collect(work));
    return context.check_cancelled();
  }

  std::vector<Lane> lanes_;
  std::int64_t batch_weights_;
};

}  // namespace

Result<std::unique_ptr<RowClusterer>> make_device_clusterer(int device, std::int64_t batch_weights) {
  SQUEEZE_ASSIGN(Stream first, Stream::make(device));
  SQUEEZE_ASSIGN(Stream second, Stream::make(device));
  return std::unique_ptr<RowClusterer>(
      std::make_unique<DeviceClusterer>(std::move(first), std::move(second), batch_weights));
}

}  // namespace squeeze
