#include "methods/squeezellm/block_lanes_device.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <memory>
#include <utility>

#include "base/threads.hpp"
#include "ops/kmeans1d/kmeans1d_cuda.hpp"

namespace squeeze {

namespace {

// Calls body(offset in the matrix, offset in the rows made of blocks, count) for every row of every block.
template <typename Body>
void for_each_piece(const BlockCut& cut, std::span<const std::int64_t> blocks, const Body& body) {
  const std::int64_t width = cut.width(), across = cut.across();
  parallel_for(static_cast<std::int64_t>(blocks.size()), (1 << 17) / std::max<std::int64_t>(1, width),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const std::int64_t first = blocks[i] / across * cut.block_rows;
                   const std::int64_t last = std::min(cut.rows, first + cut.block_rows);
                   const std::int64_t col = blocks[i] % across * cut.block_cols;
                   const std::int64_t count = std::min(cut.block_cols, cut.cols - col);
                   for (std::int64_t row = first; row < last; ++row)
                     body(row * cut.cols + col, i * width + (row - first) * cut.block_cols, count);
                 }
               });
}

template <typename T>
void copy_values(T* to, const T* from, std::int64_t count) {
  std::memcpy(static_cast<void*>(to), from, static_cast<std::size_t>(count) * sizeof(T));
}

// Rows made of blocks, for one batch after the other, on the device and, where they come from or go to the host, there,
// too; grows to the largest.
template <typename T>
class Batch {
 public:
  DeviceView<T> view() const { return view_; }
  std::int64_t size_bytes() const { return there_.size_bytes(); }

  Result<void> take_in(Stream& stream, Place<const T> from, const BlockCut& cut, std::span<const std::int64_t> blocks,
                       DeviceView<const std::int64_t> numbers, T filling) {
    SQUEEZE_TRY(make_room(stream, from.there == nullptr, static_cast<std::int64_t>(blocks.size()), cut.width()));
    if (from.there != nullptr) {
      gather_blocks(stream, from.there, cut, numbers, filling, view_.data);
      return {};
    }
    if (cut.rows % cut.block_rows != 0 || cut.cols % cut.block_cols != 0)
      std::fill_n(host_.data(), view_.size(), filling);
    for_each_piece(cut, blocks, [&](std::int64_t at, std::int64_t place, std::int64_t count) {
      copy_values(host_.data() + place, from.host + at, count);
    });
    stream.upload(view_, host_.data());
    return {};
  }

  Result<void> make_room(Stream& stream, bool on_host, std::int64_t rows, std::int64_t cols) {
    if (on_host && host_.size() < rows * cols) {
      SQUEEZE_ASSIGN(host_, PinnedArray<T>::make(rows * cols));
    }
    view_ = there_.matrix(stream, rows, cols);
    return {};
  }

  // Sends the rows on their way, which ends in place() where it leads to the host.
  void give_back(Stream& stream, Place<T> to, const BlockCut& cut, DeviceView<const std::int64_t> numbers) {
    if (to.there != nullptr)
      scatter_blocks(stream, std::as_const(view_.data), cut, numbers, to.there);
    else
      stream.download(host_.data(), view_);
  }
  void place(Place<T> to, const BlockCut& cut, std::span<const std::int64_t> blocks) const {
    if (to.host == nullptr) return;
    for_each_piece(cut, blocks, [&](std::int64_t at, std::int64_t place, std::int64_t count) {
      copy_values(to.host + at, host_.data() + place, count);
    });
  }

 private:
  PinnedArray<T> host_;
  DeviceArray<T> there_;
  DeviceView<T> view_;
};

// Something of `cols` values for each block, as if these were rows of a matrix.
BlockCut one_each(const BlockCut& blocks, std::int64_t cols) {
  const std::int64_t down = (blocks.rows + blocks.block_rows - 1) / blocks.block_rows;
  return {down * blocks.across(), cols, 1, cols};
}

bool uses_device(const BlockWork& work) {
  return work.weights.there || work.sensitivity.there || work.kept.there || work.widths.front().tables.there;
}

}  // namespace

struct BlockLane::State {
  struct Results {
    Batch<Half> tables;
    Batch<std::uint8_t> indices;
    Batch<double> objective;
  };
  explicit State(Stream own) : stream(std::move(own)) {}

  Batch<float> weights, sensitivity;
  Batch<std::uint8_t> kept;
  std::vector<Results> results;  // one a width
  DeviceArray<std::int64_t> numbers;
  DeviceKmeans1d kmeans;
  std::span<const std::int64_t> blocks;  // under way
  Stream stream;
};

BlockLane::BlockLane(Stream stream) : state_(std::make_unique<State>(std::move(stream))) {}
BlockLane::BlockLane(BlockLane&&) noexcept = default;
BlockLane::~BlockLane() = default;

Result<void> BlockLane::begin(const BlockWork& work, std::span<const std::int64_t> blocks) {
  State& own = *state_;
  assert(own.blocks.empty());
  const auto count = static_cast<std::int64_t>(blocks.size());
  DeviceView<const std::int64_t> numbers;
  if (uses_device(work)) numbers = own.numbers.assign(own.stream, blocks);
  SQUEEZE_TRY(own.weights.take_in(own.stream, work.weights, work.cut, blocks, numbers, 0.0f));
  const bool weighted = work.sensitivity.given();
  if (weighted) SQUEEZE_TRY(own.sensitivity.take_in(own.stream, work.sensitivity, work.cut, blocks, numbers, 0.0f));
  SQUEEZE_TRY(own.kept.take_in(own.stream, work.kept, work.cut, blocks, numbers, std::uint8_t{1}));

  own.results.resize(std::max(own.results.size(), work.widths.size()));
  std::vector<DeviceCodebooks> books;
  for (std::size_t w = 0; w < work.widths.size(); ++w) {
    const BlockWidth& width = work.widths[w];
    State::Results& to = own.results[w];
    SQUEEZE_TRY(to.tables.make_room(own.stream, width.tables.host != nullptr, count, width.entries));
    SQUEEZE_TRY(to.indices.make_room(own.stream, width.indices.host != nullptr, count, work.cut.width()));
    SQUEEZE_TRY(to.objective.make_room(own.stream, width.objective.host != nullptr, count, 1));
    books.push_back({to.tables.view(), to.indices.view(), to.objective.view().data});
  }
  own.kmeans.cluster(own.stream, own.weights.view(), weighted ? own.sensitivity.view().data : nullptr,
                     own.kept.view().data, work.exact, books);
  for (std::size_t w = 0; w < work.widths.size(); ++w) {
    const BlockWidth& width = work.widths[w];
    own.results[w].tables.give_back(own.stream, width.tables, one_each(work.cut, width.entries), numbers);
    own.results[w].indices.give_back(own.stream, width.indices, work.cut, numbers);
    own.results[w].objective.give_back(own.stream, width.objective, one_each(work.cut, 1), numbers);
  }
  own.blocks = blocks;
  return {};
}

Result<void> BlockLane::collect(const BlockWork& work) {
  State& own = *state_;
  if (own.blocks.empty()) return {};
  const auto blocks = std::exchange(own.blocks, {});
  SQUEEZE_TRY(own.stream.finish());
  for (std::size_t w = 0; w < work.widths.size(); ++w) {
    const BlockWidth& width = work.widths[w];
    own.results[w].tables.place(width.tables, one_each(work.cut, width.entries), blocks);
    own.results[w].indices.place(width.indices, work.cut, blocks);
    own.results[w].objective.place(width.objective, one_each(work.cut, 1), blocks);
  }
  return {};
}

void BlockLane::abandon() {
  state_->blocks = {};
  static_cast<void>(state_->stream.finish());  // of blocks that were handed in only in part, too
}

const DeviceProperties& BlockLane::device() const { return state_->stream.device(); }

std::int64_t BlockLane::size_bytes() const {
  const State& own = *state_;
  std::int64_t bytes = own.weights.size_bytes() + own.sensitivity.size_bytes() + own.kept.size_bytes() +
                       own.numbers.size_bytes() + own.kmeans.size_bytes();
  for (const State::Results& to : own.results)
    bytes += to.tables.size_bytes() + to.indices.size_bytes() + to.objective.size_bytes();
  return bytes;
}

Result<BlockLanes> BlockLanes::make(int device, std::int64_t batch_weights) {
  BlockLanes lanes;
  lanes.batch_weights_ = batch_weights;
  for (int i = 0; i < 2; ++i) {
    SQUEEZE_ASSIGN(Stream stream, Stream::make(device));
    lanes.lanes_.emplace_back(std::move(stream));
  }
  return lanes;
}

std::int64_t BlockLanes::blocks_at_once(const BlockWork& work) const {
  return std::max<std::int64_t>(1, batch_weights_ / std::max<std::int64_t>(1, work.cut.width()));
}

std::int64_t BlockLanes::size_bytes() const {
  std::int64_t bytes = 0;
  for (const BlockLane& lane : lanes_) bytes += lane.size_bytes();
  return bytes;
}

std::int64_t BlockLanes::bytes_for(const BlockWork& work) const {
  const std::int64_t rows = blocks_at_once(work), width = work.cut.width();
  std::int64_t most_entries = 1, bytes = rows * width * 9;  // weights, sensitivities and marks
  for (const BlockWidth& of : work.widths) {
    bytes += rows * (width + 2 * of.entries + 16);
    most_entries = std::max(most_entries, of.entries);
  }
  bytes += DeviceKmeans1d::work_bytes(lanes_.front().device(), rows, width, most_entries, work.exact);
  return static_cast<std::int64_t>(lanes_.size()) * bytes;
}

Result<void> BlockLanes::run(const BlockWork& work, std::span<const std::int64_t> blocks, RunContext& context) {
  if (work.widths.empty()) return {};
  auto done = run_batches(work, blocks, context);
  for (BlockLane& lane : lanes_) lane.abandon();
  return done;
}

Result<void> BlockLanes::run_batches(const BlockWork& work, std::span<const std::int64_t> blocks, RunContext& context) {
  const auto batch = static_cast<std::size_t>(blocks_at_once(work));
  std::size_t turn = 0;
  for (std::size_t first = 0; first < blocks.size(); first += batch, ++turn) {
    SQUEEZE_TRY(context.check_cancelled());
    BlockLane& lane = lanes_[turn % 2];
    SQUEEZE_TRY(lane.collect(work));
    SQUEEZE_TRY(lane.begin(work, blocks.subspan(first, std::min(batch, blocks.size() - first))));
  }
  for (std::size_t i = 0; i < 2; ++i) SQUEEZE_TRY(lanes_[(turn + i) % 2].collect(work));
  return context.check_cancelled();
}

}  // namespace squeeze
