#include <algorithm>
#include <array>
#include <cassert>

#include "formats/dense/dense_cuda.hpp"
#include "formats/device_weight.hpp"
#include "formats/layout_kernels.hpp"
#include "formats/lut/lut_cuda.hpp"

namespace squeeze {

namespace {

constexpr int kPrepareThreads = 512;
constexpr int kTurnThreads = 256, kTurnCols = 64;
constexpr std::int64_t kSeveral = few::PreparedVectors<Half>::kMost;
constexpr int kMostShares = 16;
constexpr std::int64_t kStaticBytes = 1 << 10;  // of shared memory, more than kernels declare besides the dynamic
// Vectors of more columns than fit beside the codebooks in what every GPU has of shared memory are made ready once.
constexpr std::int64_t kMostOwnBytes = 64 << 10;

// One block a vector.
template <typename Number>
__global__ void __launch_bounds__(kPrepareThreads)
    prepare_kernel(const float* x, const float* weight, const float* bias, float eps, int cols, int stride,
                   unsigned short* out) {
  let_next_begin();
  wait_for_previous();
  unsigned short* value = out + static_cast<std::int64_t>(blockIdx.x) * 2 * stride;
  few::split_vector<Number>(x + static_cast<std::int64_t>(blockIdx.x) * cols, weight, bias, eps, cols, stride, value,
                            value + stride);
}

const few::FewWeight& few_weight(const DeviceWeight& weight) { return static_cast<const few::FewWeight&>(weight); }

// x[columns, stride] the other way round, [cols, kColumns], zeros in columns behind the last. A block has 64 of cols.
template <int kColumns>
__global__ void __launch_bounds__(kTurnThreads)
    turn_kernel(const unsigned short* x, int stride, int columns, int cols, unsigned short* out) {
  __shared__ unsigned short tile[kTurnCols][kColumns + 2];
  const int first = static_cast<int>(blockIdx.x) * kTurnCols, thread = static_cast<int>(threadIdx.x);
  let_next_begin();
  wait_for_previous();
  for (int i = thread; i < kColumns * kTurnCols; i += kTurnThreads) {
    const int column = i / kTurnCols, col = i % kTurnCols;
    tile[col][column] = column < columns && first + col < cols
                            ? x[static_cast<std::int64_t>(column) * stride + first + col]
                            : static_cast<unsigned short>(0);
  }
  __syncthreads();
  for (int i = thread; i < kColumns * kTurnCols && first + i / kColumns < cols; i += kTurnThreads)
    out[static_cast<std::int64_t>(first) * kColumns + i] = tile[i / kColumns][i % kColumns];
}

int units_of(std::int64_t cols) { return static_cast<int>((cols + few::kUnitCols - 1) / few::kUnitCols); }

int stride_of(const FewInput& in) { return units_of(in.x.cols) * few::kUnitCols; }

// One vector that blocks make ready for themselves.
bool is_one(const FewInput& in, const few::Kernels& kernels) {
  return in.x.rows == 1 && kernels.one_bytes != nullptr && kernels.one_bytes(stride_of(in)) <= kMostOwnBytes;
}

few::Task task_for(const FewInput& in, const few::Kernels& kernels, const FewSpace& space) {
  few::Task task;
  task.vectors = static_cast<int>(in.x.rows);
  task.cols = static_cast<int>(in.x.cols);
  task.units = units_of(in.x.cols);
  task.stride = stride_of(in);
  if (is_one(in, kernels)) {
    task.own_x = in.x.data;
    task.norm_weight = in.norm_weight;
    task.norm_bias = in.norm_bias;
    task.eps = in.eps;
  } else {
    task.x = reinterpret_cast<const unsigned short*>(space.input.data());
  }
  return task;
}

void prepare(Stream& stream, const FewInput& in, bool bfloat16, FewSpace& space) {
  const int stride = stride_of(in);
  auto* out = reinterpret_cast<unsigned short*>(space.input.matrix(stream, 2 * in.x.rows, stride).data);
  launch(stream, {.grid = {blocks_for(in.x.rows, 1)}, .block = {kPrepareThreads}, .early = true},
         bfloat16 ? prepare_kernel<BFloat16> : prepare_kernel<Half>, in.x.data, in.norm_weight, in.norm_bias, in.eps,
         static_cast<int>(in.x.cols), stride, out);
}

// Numbers the steps of all targets, each of `rows` rows.
void number_steps(few::Task& task, int rows) {
  for (int i = 0; i < task.count; ++i) {
    task.targets[i].first_step = task.steps;
    task.steps += (task.targets[i].rows + rows - 1) / rows;
  }
}

std::int64_t codebook_bytes(const few::Task& task, const few::Kernels& kernels, int tiles) {
  int entries = 0;
  for (int i = 0; i < task.count; ++i) entries = std::max(entries, task.targets[i].entries);
  return std::int64_t{kernels.tile_shared_bytes} * entries * tiles;
}

// That are under way at a time: two a multiprocessor.
int most_blocks(const Stream& stream) { return 2 * stream.device().multiprocessors; }

void run_few(Stream& stream, few::Task& task, const few::Kernels& kernels, bool gated) {
  const bool one = task.own_x != nullptr;
  number_steps(task, few::kTileRows);
  // Those blocks stay, and each takes its steps one after another.
  const int wanted = gated ? task.steps / 2 : task.steps;
  launch(stream,
         {.grid = {static_cast<unsigned>(std::min(most_blocks(stream), wanted))},
          .block = {few::kThreads},
          .shared = one ? kernels.one_bytes(task.stride) : codebook_bytes(task, kernels, 1),
          .early = true},
         one ? kernels.one[gated] : kernels.several[gated], task);
}

// As many blocks as stay at a time, by sharing K where the rows are few.
int shares_of(const Stream& stream, const few::Task& task) {
  const int wanted = most_blocks(stream) / std::max(1, task.steps);
  return std::clamp(wanted, 1, std::min(kMostShares, std::max(1, task.units / columns::kWeightsAhead)));
}

// Dynamic shared memory of a block with so many columns.
std::int64_t column_bytes(const columns::Task& task, const few::Kernels& kernels) {
  return (task.columns <= 16   ? columns::room_bytes<16>()
          : task.columns <= 32 ? columns::room_bytes<32>()
                               : columns::room_bytes<64>()) +
         codebook_bytes(task.of, kernels, columns::kWarps);
}

template <int kColumns>
void run_columns(Stream& stream, columns::Task& task, const few::Kernels& kernels, FewSpace& space) {
  number_steps(task.of, columns::kBlockRows);
  const bool is_sparse = std::any_of(task.of.targets, task.of.targets + task.of.count,
                                     [](const few::Target& target) { return target.sparse.begin != nullptr; });
  if (is_sparse) {
    auto* turned = reinterpret_cast<unsigned short*>(space.turned.matrix(stream, task.of.cols, kColumns).data);
    launch(stream, {.grid = {blocks_for(task.of.cols, kTurnCols)}, .block = {kTurnThreads}, .early = true},
           turn_kernel<kColumns>, task.x, task.x_stride, task.columns, task.of.cols, turned);
    task.turned = turned;
  }
  const int shares = shares_of(stream, task.of);
  if (shares > 1) {
    task.partial =
        space.partial.matrix(stream, std::int64_t{task.of.steps} * shares, columns::kBlockRows * task.vectors()).data;
    const bool is_new = space.arrived.data() == nullptr;
    task.arrived = space.arrived.vector(stream, most_blocks(stream)).data;  // shared rows have no more steps
    if (is_new) stream.fill(task.arrived, 0, space.arrived.size_bytes());
  }
  constexpr int kSlot = kColumns == 16 ? 0 : kColumns == 32 ? 1 : 2;
  launch(stream,
         {.grid = {static_cast<unsigned>(task.of.steps), static_cast<unsigned>(shares)},
          .block = {columns::kThreads},
          .shared = column_bytes(task, kernels),
          .early = true},
         kernels.columns[kSlot], task);
}

void run_columns(Stream& stream, columns::Task& task, const few::Kernels& kernels, FewSpace& space) {
  assert(task.columns >= 1 && task.columns <= columns::kMostColumns);
  if (task.columns <= 16) return run_columns<16>(stream, task, kernels, space);
  if (task.columns <= 32) return run_columns<32>(stream, task, kernels, space);
  run_columns<64>(stream, task, kernels, space);
}

// Vectors that prepare() has made ready, in one way or the other.
void run(Stream& stream, few::Task& task, const few::Kernels& kernels, FewSpace& space) {
  if (task.vectors <= kSeveral) return run_few(stream, task, kernels, false);
  columns::Task columns{.of = task, .x = task.x, .x_stride = task.stride, .x_cols = task.stride};
  columns.columns = 2 * task.vectors;
  columns.pairs = true;
  run_columns(stream, columns, kernels, space);
}

few::Target target_of(const FewProduct& product, std::int64_t vectors) {
  assert(product.out.y.rows == vectors && product.out.y.cols == product.weight->rows());
  (void)vectors;
  few::Target target = few_weight(*product.weight).target();
  target.bias = product.out.bias;
  target.y = product.out.y.data;
  target.add = product.out.add;
  return target;
}

__global__ void gate_kernel(const float* gate, float* y, std::int64_t count) {
  wait_for_previous();
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) y[i] *= gate[i] / (1.0f + expf(-gate[i]));
}

}  // namespace

Result<std::unique_ptr<DeviceWeight>> upload_weight(Stream& stream, const LinearWeight& weight) {
  if (const auto* lut = dynamic_cast<const LutWeight*>(&weight)) return upload_lut(stream, *lut);
  return Result<std::unique_ptr<DeviceWeight>>(upload_dense(stream, weight));
}

void multiply_few(Stream& stream, const FewInput& in, std::span<const FewProduct> products, FewSpace& space) {
  // The vectors are made ready once for each kind of number, the products launched together where they share a kernel.
  std::array<bool, 16> done = {};
  assert(products.size() <= done.size());
  std::optional<bool> ready_as;
  for (std::size_t i = 0; i < products.size(); ++i) {
    if (done[i]) continue;
    const few::Kernels& kernels = few_weight(*products[i].weight).kernels();
    if (!is_one(in, kernels) && ready_as != kernels.bfloat16) {
      prepare(stream, in, kernels.bfloat16, space);
      ready_as = kernels.bfloat16;
    }
    few::Task task = task_for(in, kernels, space);
    for (std::size_t k = i; k < products.size() && task.count < few::kMostTargets; ++k) {
      if (done[k] || &few_weight(*products[k].weight).kernels() != &kernels) continue;
      assert(products[k].weight->cols() == in.x.cols);
      task.targets[task.count++] = target_of(products[k], in.x.rows);
      done[k] = true;
    }
    run(stream, task, kernels, space);
  }
}

bool multiply_rounded(Stream& stream, DeviceView<const Half> x, const FewProduct& product, FewSpace& space) {
  const few::Kernels& kernels = few_weight(*product.weight).kernels();
  if (kernels.bfloat16 || x.cols % 8 != 0) return false;
  assert(x.rows >= 1 && x.rows <= kDeviceRoundedVectors && product.weight->cols() == x.cols);
  columns::Task task{.x = reinterpret_cast<const unsigned short*>(x.data),
                     .x_stride = static_cast<int>(x.cols),
                     .x_cols = static_cast<int>(x.cols)};
  task.columns = task.of.vectors = static_cast<int>(x.rows);
  task.of.cols = static_cast<int>(x.cols);
  task.of.units = units_of(x.cols);
  task.of.stride = task.of.units * few::kUnitCols;
  task.of.targets[task.of.count++] = target_of(product, x.rows);
  if (column_bytes(task, kernels) + kStaticBytes > stream.device().shared_bytes) return false;
  run_columns(stream, task, kernels, space);
  return true;
}

void multiply_few_gated(Stream& stream, const FewInput& in, const DeviceWeight& gate, const float* gate_bias,
                        const DeviceWeight& up, const float* up_bias, DeviceView<float> y, FewSpace& space) {
  const few::Kernels& kernels = few_weight(gate).kernels();
  const FewProduct of_gate{&gate, {.y = y, .bias = gate_bias}}, of_up{&up, {.y = y, .bias = up_bias}};
  if (in.x.rows <= kSeveral && &kernels == &few_weight(up).kernels()) {
    if (!is_one(in, kernels)) prepare(stream, in, kernels.bfloat16, space);
    few::Task task = task_for(in, kernels, space);
    task.targets[0] = target_of(of_gate, in.x.rows);
    task.targets[1] = target_of(of_up, in.x.rows);
    task.count = 2;
    return run_few(stream, task, kernels, true);
  }
  const auto opened = space.gate.matrix(stream, y.rows, y.cols);
  const FewProduct apart[] = {{&gate, {.y = opened, .bias = gate_bias}}, of_up};
  multiply_few(stream, in, apart, space);
  launch(stream, {.grid = {blocks_for(y.size(), 256)}, .block = {256}, .early = true}, gate_kernel, opened.data, y.data,
         y.size());
}

}  // namespace squeeze
