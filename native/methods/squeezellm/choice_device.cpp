#include "methods/squeezellm/choice_device.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/threads.hpp"
#include "methods/squeezellm/codebooks.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kPieceOnDevice = std::int64_t{1} << 30;  // weights, where nothing has to be copied
constexpr std::int64_t kForClustering = std::int64_t{5} << 29;  // bytes that rows need, or about

class DeviceChoice final : public WeightChoice {
 public:
  DeviceChoice(ChoiceRoom& room, const MatrixInput& from) : WeightChoice(from), room_(room) {}

  // Makes room; no marks.
  Result<void> open() {
    SQUEEZE_TRY(room_.stream.finish());  // what a choice before has handed in
    SQUEEZE_TRY(check_room(bytes_of_marks()));
    held_bytes_ = bytes_of_marks();
    stays_if_spared(kForClustering);
    take_marks(room_.now.marks);
    room_.stream.fill(marks(), 0, size());
    take_marks(room_.next);
    return named(room_.stream.finish());
  }

  Result<std::array<float, 2>> weights_of_ranks(std::array<std::int64_t, 2> ranks) override {
    return named(room_.selection.values_of_ranks(room_.stream, each(kWeights), {.by = WeightOrder::kValue}, ranks));
  }

  Result<WeightSums> sums() override { return named(room_.selection.sums(room_.stream, each(kWeights))); }

  Result<float> largest_sensitivity() override {
    if (input().sensitivity.data == nullptr || size() == 0) return 0.0f;
    SQUEEZE_ASSIGN(const auto values,
                   named(room_.selection.values_of_ranks(room_.stream, each(kSensitivity),
                                                         {.by = WeightOrder::kSensitivity}, {size() - 1, size() - 1})));
    return values[0];
  }

  Result<void> count_ranges(const Fence& fence, std::span<std::int64_t> counts) override {
    return named(room_.selection.count_ranges(room_.stream, each(kWeights), fence, marks(), counts));
  }

  Result<void> mark_sensitive(std::int64_t count) override {
    if (count == 0) {
      room_.stream.fill(marks(), 0, size());
      return {};
    }
    return named(room_.selection.mark_largest(room_.stream, each(kSensitivity), {.by = WeightOrder::kSensitivity},
                                              size(), count, marks()));
  }

  Result<void> mark_from_bin(const Fence& fence, std::size_t bin) override {
    room_.selection.mark_from_bin(room_.stream, each(kWeights), fence, bin, marks());
    return {};
  }

  Result<void> mark_largest(std::int64_t count) override {
    SQUEEZE_TRY(mark_next({.by = WeightOrder::kSize, .marked = marks()}, kWeights, count));
    std::swap(room_.now.marks, room_.next);
    return {};
  }

  Result<void> read_marks(std::span<std::uint8_t> to) override {
    room_.stream.download(to.data(), view_of(room_.now.marks));
    return named(room_.stream.finish());
  }

  Result<void> cluster(const MethodOptions& options, std::span<const RowCodebooks> widths,
                       RunContext& context) override {
    BlockWork work = work_for(options);
    for (const RowCodebooks& width : widths) work.widths.push_back(BlockWidth::on_host(width));
    return run(work, every_block(grid_of(input(), options)), context);
  }

  Result<double> begin_rounds(const MethodOptions& options, RunContext& context) override {
    options_ = options;
    grid_ = grid_of(input(), options);
    entries_ = std::int64_t{1} << options.bits;
    SQUEEZE_TRY(check_room(bytes_of_marks() + bytes_of_rounds()));
    held_bytes_ = bytes_of_marks() + bytes_of_rounds();
    for (MarkedCodebooks* each : {&room_.now, &room_.aside}) {
      each->indices.vector(room_.stream, size());
      each->tables.matrix(room_.stream, grid_.count(), entries_);
    }
    take_marks(room_.aside.marks);
    room_.objective.vector(room_.stream, grid_.count());
    return cluster_blocks(every_block(grid_), context);
  }

  Result<bool> mark_costliest(std::int64_t count, float unit) override {
    assert(entries_ > 0);
    const bool weighted = options_.weighting == Weighting::kFisher;
    SQUEEZE_TRY(mark_next({.by = WeightOrder::kLoss,
                           .tables = room_.now.tables.data(),
                           .indices = room_.now.indices.data(),
                           .entries = entries_,
                           .block_rows = grid_.block_rows,
                           .block_cols = grid_.block_cols,
                           .weighted = weighted,
                           .unit = unit},
                          weighted ? kBoth : kWeights, count));
    const DeviceView<std::uint8_t> changed = room_.changed.vector(room_.stream, grid_.count());
    room_.selection.compare_blocks(room_.stream, marks(), room_.next.data(), grid_.rows, grid_.cols, grid_.block_rows,
                                   grid_.block_cols, changed);
    std::swap(room_.now.marks, room_.next);
    std::vector<std::uint8_t> flags(static_cast<std::size_t>(grid_.count()));
    room_.stream.download(flags.data(), changed);
    SQUEEZE_TRY(named(room_.stream.finish()));
    changed_.clear();
    for (std::size_t block = 0; block < flags.size(); ++block)
      if (flags[block]) changed_.push_back(static_cast<std::int64_t>(block));
    return !changed_.empty();
  }

  Result<double> follow_marks(RunContext& context) override { return cluster_blocks(changed_, context); }

  Result<void> set_aside() override {
    MarkedCodebooks &from = room_.now, &to = room_.aside;
    room_.stream.copy(to.marks.data(), from.marks.data(), size());
    room_.stream.copy(to.indices.data(), from.indices.data(), size());
    room_.stream.copy(to.tables.data(), from.tables.data(), table_bytes());
    to.objective = from.objective;
    return {};
  }

  Result<void> read_set_aside(std::span<std::uint8_t> marks, const RowCodebooks& to) override {
    MarkedCodebooks& from = room_.aside;
    room_.stream.copy(marks.data(), from.marks.data(), size());
    room_.stream.copy(to.indices.data, from.indices.data(), size());
    room_.stream.copy(to.tables.data, from.tables.data(), table_bytes());
    std::ranges::copy(from.objective, to.objective.begin());
    return named(room_.stream.finish());
  }

 private:
  // Which of the matrix's two arrays kernels are to read.
  enum Wanted { kWeights = 1, kSensitivity = 2, kBoth = 3 };

  std::int64_t size() const { return input().weights.size(); }
  std::int64_t matrix_bytes() const { return size() * (input().sensitivity.data != nullptr ? 8 : 4); }
  std::int64_t bytes_of_marks() const { return 2 * size(); }
  std::int64_t table_bytes() const { return grid_.count() * entries_ * static_cast<std::int64_t>(sizeof(Half)); }
  std::int64_t bytes_of_rounds() const { return 3 * size() + 2 * table_bytes() + 9 * grid_.count(); }

  std::uint8_t* marks() const { return room_.now.marks.data(); }
  void take_marks(DeviceArray<std::uint8_t>& marks) { marks.vector(room_.stream, size()); }
  DeviceView<std::uint8_t> view_of(const DeviceArray<std::uint8_t>& marks) const { return {marks.data(), 1, size()}; }

  // What has to be there in any case.
  Result<void> check_room(std::int64_t bytes) const {
    if (bytes <= room_.within_reach()) return {};
    const auto megabytes = [](std::int64_t some) { return std::to_string(some / 1'000'000) + " MB"; };
    return Error{.code = ErrorCode::kOutOfMemory,
                 .message = input().name + ": choosing which weights are kept, and clustering, take " +
                            megabytes(bytes) + " of the GPU's memory, and " + megabytes(room_.within_reach()) +
                            " are free.",
                 .tensor = input().name + ".weight",
                 .hint = "Squeeze it on the processor, or keep no weights of it."};
  }

  // The matrix is there only where it leaves so much for clustering.
  void stays_if_spared(std::int64_t clustering) {
    stays_ =
        stays_ && matrix_bytes() + held_bytes_ <= std::min(room_.within_reach() - clustering, room_.options.most_bytes);
    if (stays_) return;
    room_.weights = {};
    room_.sensitivity = {};
    have_ = 0;
  }

  // All of the matrix there, unless it is already.
  Result<void> bring(Wanted wanted) {
    const int missing = wanted & ~have_;
    for (const auto& [which, from, to] : {std::tuple(kWeights, input().weights, &room_.weights),
                                          std::tuple(kSensitivity, input().sensitivity, &room_.sensitivity)}) {
      if ((missing & which) == 0) continue;
      float* const memory = to->vector(room_.stream, size()).data;
      if (memory == nullptr) return room_.stream.finish();
      SQUEEZE_TRY(room_.pinned.upload(from.flat(), memory));
      have_ |= which;
    }
    return {};
  }

  // The pieces of the matrix, where it stays in one go, else one behind the other through the same memory.
  ForEachPiece each(Wanted wanted) {
    return [this, wanted](const std::function<void(const WeightPiece&)>& use) {
      const std::int64_t rows = input().weights.rows, cols = input().weights.cols;
      if (size() == 0) return;
      if (stays_)
        if (auto there = bring(wanted); !there.ok()) return room_.stream.fail(std::move(there).error());
      const std::int64_t most =
          std::max<std::int64_t>(1, (stays_ ? kPieceOnDevice : room_.options.batch_weights) / cols);
      for (std::int64_t first = 0; first < rows; first += most) {
        WeightPiece piece{.first_row = first, .rows = std::min(most, rows - first), .cols = cols};
        if (wanted & kWeights) piece.weights = part(input().weights, room_.weights, piece);
        if (wanted & kSensitivity) piece.sensitivity = part(input().sensitivity, room_.sensitivity, piece);
        use(piece);
      }
    };
  }
  const float* part(MatrixView<const float> from, DeviceArray<float>& there, const WeightPiece& piece) {
    if (stays_) return there.data() + piece.first();
    const DeviceView<float> memory = there.vector(room_.stream, piece.size());
    room_.stream.upload(memory, from.data + piece.first());
    return memory.data;
  }

  Result<void> mark_next(const WeightScores& scores, Wanted wanted, std::int64_t count) {
    return named(room_.selection.mark_largest(room_.stream, each(wanted), scores, size(), count, room_.next.data()));
  }

  BlockWork work_for(const MethodOptions& options) {
    const CodebookGrid grid = grid_of(input(), options);
    BlockWork work{.cut = {grid.rows, grid.cols, grid.block_rows, grid.block_cols},
                   .exact = options.solver == ClusterSolver::kExact,
                   .weights = {.host = input().weights.data},
                   .kept = {.there = marks()}};
    if (options.weighting == Weighting::kFisher) work.sensitivity.host = input().sensitivity.data;
    return work;
  }

  static std::vector<std::int64_t> every_block(const CodebookGrid& grid) {
    std::vector<std::int64_t> blocks(static_cast<std::size_t>(grid.count()));
    std::iota(blocks.begin(), blocks.end(), std::int64_t{0});
    return blocks;
  }

  Result<void> run(BlockWork& work, std::span<const std::int64_t> blocks, RunContext& context) {
    const std::int64_t clustering = room_.lanes.bytes_for(work);
    SQUEEZE_TRY(check_room(held_bytes_ + clustering));
    stays_if_spared(clustering);
    if (stays_ && size() > 0) {
      SQUEEZE_TRY(named(bring(work.sensitivity.given() ? kBoth : kWeights)));
      work.weights = {.there = room_.weights.data()};
      if (work.sensitivity.given()) work.sensitivity = {.there = room_.sensitivity.data()};
    }
    SQUEEZE_TRY(named(room_.stream.finish()));  // marks that are being made
    return named(room_.lanes.run(work, blocks, context));
  }

  // Into the codebooks of now; gives the objective of all blocks, summed in their order.
  Result<double> cluster_blocks(std::span<const std::int64_t> blocks, RunContext& context) {
    BlockWork work = work_for(options_);
    work.widths.push_back({.entries = entries_,
                           .tables = {.there = room_.now.tables.data()},
                           .indices = {.there = room_.now.indices.data()},
                           .objective = {.there = room_.objective.data()}});
    SQUEEZE_TRY(run(work, blocks, context));
    room_.now.objective.resize(static_cast<std::size_t>(grid_.count()));
    room_.stream.copy(room_.now.objective.data(), room_.objective.data(),
                      grid_.count() * static_cast<std::int64_t>(sizeof(double)));
    SQUEEZE_TRY(named(room_.stream.finish()));
    return std::accumulate(room_.now.objective.begin(), room_.now.objective.end(), 0.0);
  }

  template <typename T>
  Result<T> named(Result<T> result) const {
    if (result.ok() || result.error().code == ErrorCode::kCancelled) return result;
    Error error = std::move(result).error();
    error.message = input().name + ": " + error.message;
    error.tensor = input().name + ".weight";
    return error;
  }

  ChoiceRoom& room_;
  bool stays_ = true;            // all of the matrix on the device, once it is asked for
  int have_ = 0;                 // what of it is there
  std::int64_t held_bytes_ = 0;  // of all else but clustering
  MethodOptions options_;
  CodebookGrid grid_;
  std::int64_t entries_ = 0;
  std::vector<std::int64_t> changed_;  // blocks
};

}  // namespace

Result<PinnedUpload> PinnedUpload::make(int device, std::int64_t at_once) {
  PinnedUpload upload;
  upload.at_once_ = at_once;
  for (int i = 0; i < 2; ++i) {
    SQUEEZE_ASSIGN(Stream stream, Stream::make(device));
    upload.sides_.push_back({std::move(stream), {}});
  }
  return upload;
}

Result<void> PinnedUpload::upload(std::span<const float> from, float* to) {
  const auto size = static_cast<std::int64_t>(from.size());
  std::size_t turn = 0;
  for (std::int64_t first = 0; first < size; first += at_once_, ++turn) {
    Side& side = sides_[turn % 2];
    SQUEEZE_TRY(side.stream.finish());  // its memory is free again
    const std::int64_t count = std::min(at_once_, size - first);
    if (side.memory.size() < count) {
      SQUEEZE_ASSIGN(side.memory, PinnedArray<float>::make(count));
    }
    parallel_for(count, std::int64_t{1} << 18, [&](std::int64_t begin, std::int64_t end) {
      std::copy_n(from.data() + first + begin, end - begin, side.memory.data() + begin);
    });
    side.stream.copy(to + first, side.memory.data(), count * static_cast<std::int64_t>(sizeof(float)));
  }
  for (Side& side : sides_) SQUEEZE_TRY(side.stream.finish());
  return {};
}

Result<ChoiceRoom> ChoiceRoom::make(int device, const DeviceEngineOptions& options) {
  SQUEEZE_ASSIGN(Stream stream, Stream::make(device));
  SQUEEZE_ASSIGN(BlockLanes lanes, BlockLanes::make(device, options.batch_weights));
  SQUEEZE_ASSIGN(PinnedUpload pinned, PinnedUpload::make(device, options.upload_weights));
  return ChoiceRoom{
      .options = options, .stream = std::move(stream), .lanes = std::move(lanes), .pinned = std::move(pinned)};
}

std::int64_t ChoiceRoom::within_reach() const {
  return stream.free_bytes() + weights.size_bytes() + sensitivity.size_bytes() + now.size_bytes() + aside.size_bytes() +
         objective.size_bytes() + next.size_bytes() + changed.size_bytes() + lanes.size_bytes();
}

Result<std::unique_ptr<WeightChoice>> open_device_choice(ChoiceRoom& room, const MatrixInput& input) {
  auto choice = std::make_unique<DeviceChoice>(room, input);
  SQUEEZE_TRY(choice->open());
  return std::unique_ptr<WeightChoice>(std::move(choice));
}

}  // namespace squeeze
