#include <algorithm>
#include <array>
#include <cassert>

#include "formats/dense/dense_cuda.hpp"
#include "formats/device_weight.hpp"
#include "formats/few_kernel.hpp"
#include "formats/lut/lut_cuda.hpp"

namespace squeeze {

namespace {

constexpr int kPrepareThreads = 512;
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

int vector_tiles(std::int64_t vectors) {
  assert(vectors >= 1 && vectors <= kDeviceFewVectors);
  return vectors <= 4 ? 1 : vectors <= 8 ? 2 : 4;
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

void run(Stream& stream, few::Task& task, const few::Kernels& kernels, bool gated) {
  const bool one = task.own_x != nullptr;
  const int tiles = vector_tiles(task.vectors), slot = one ? 0 : 1 + tiles / 2;
  int entries = 0;
  for (int i = 0; i < task.count; ++i) {
    task.targets[i].first_step = task.steps;
    task.steps += (task.targets[i].rows + few::kTileRows * tiles - 1) / (few::kTileRows * tiles);
    entries = std::max(entries, task.targets[i].entries);
  }
  // Two blocks a multiprocessor stay at a time, and each takes its steps one after another.
  const int most = 2 * stream.device().multiprocessors, wanted = gated ? task.steps / 2 : task.steps;
  launch(stream,
         {.grid = {static_cast<unsigned>(std::min(most, wanted))},
          .block = {few::kThreads},
          .shared = one ? kernels.one_bytes(task.stride) : std::int64_t{kernels.tile_shared_bytes} * entries * tiles,
          .early = true},
         gated ? kernels.gated[slot] : kernels.plain[slot], task);
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
    run(stream, task, kernels, false);
  }
}

void multiply_few_gated(Stream& stream, const FewInput& in, const DeviceWeight& gate, const float* gate_bias,
                        const DeviceWeight& up, const float* up_bias, DeviceView<float> y, FewSpace& space) {
  const few::Kernels& kernels = few_weight(gate).kernels();
  const FewProduct of_gate{&gate, {.y = y, .bias = gate_bias}}, of_up{&up, {.y = y, .bias = up_bias}};
  if (&kernels == &few_weight(up).kernels()) {
    if (!is_one(in, kernels)) prepare(stream, in, kernels.bfloat16, space);
    few::Task task = task_for(in, kernels, space);
    task.targets[0] = target_of(of_gate, in.x.rows);
    task.targets[1] = target_of(of_up, in.x.rows);
    task.count = 2;
    return run(stream, task, kernels, true);
  }
  const auto opened = space.gate.matrix(stream, y.rows, y.cols);
  const FewProduct apart[] = {{&gate, {.y = opened, .bias = gate_bias}}, of_up};
  multiply_few(stream, in, apart, space);
  launch(stream, {.grid = {blocks_for(y.size(), 256)}, .block = {256}, .early = true}, gate_kernel, opened.data, y.data,
         y.size());
}

}  // namespace squeeze
