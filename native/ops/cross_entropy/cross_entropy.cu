#include <cassert>
#include <climits>
#include <type_traits>

#include "ops/cross_entropy/cross_entropy_cuda.hpp"
#include "ops/pack_kernel.hpp"

namespace squeeze {

namespace {

constexpr int kThreads = 512;  // a block takes one row

// Calls each(x[i]...) for a thread's share of rows of `cols` elements, in an order that depends on cols and Width only.
template <int Width, typename Each, typename... X>
__device__ __forceinline__ void for_row(int cols, Each&& each, const X*... x) {
#pragma unroll 4
  for (int i = static_cast<int>(threadIdx.x) * Width; i < cols; i += kThreads * Width) {
    const auto all = [&](const auto&... values) {
#pragma unroll
      for (int j = 0; j < Width; ++j) each(values.at[j]...);
    };
    all(load_pack<Width>(x + i)...);
  }
}

struct Room {
  float floats[32];
  double doubles[32];
};

// The largest of a row, as if there were no NaN in it.
template <int Width>
__device__ __forceinline__ float largest(const float* x, int cols, Room& room) {
  float most = -INFINITY;
  for_row<Width>(
      cols, [&](float v) { most = fmaxf(most, v); }, x);
  return block_max(most, room.floats);
}

// A row's log Σ e^x as `most` + log(sum): NaN where the row has a NaN or +Inf, or nothing but −Inf.
struct LogSum {
  float most;
  double sum;
};

template <int Width>
__device__ __forceinline__ LogSum log_sum(const float* x, int cols, Room& room) {
  const float most = largest<Width>(x, cols, room);
  float sum = 0;  // of at most a few hundred terms; the threads' sums are added in float64
  for_row<Width>(
      cols, [&](float v) { sum += expf(v - most); }, x);
  return {most, block_sum(static_cast<double>(sum), room.doubles)};
}

template <int Width>
__global__ void cross_entropy_kernel(const float* logits, const std::int32_t* targets, float* losses, int cols) {
  __shared__ Room room;
  const float* x = logits + static_cast<std::int64_t>(blockIdx.x) * cols;
  const LogSum total = log_sum<Width>(x, cols, room);
  if (threadIdx.x == 0) losses[blockIdx.x] = static_cast<float>(total.most + log(total.sum) - x[targets[blockIdx.x]]);
}

template <int Width>
__global__ void cross_entropy_with_gradient_kernel(float* logits, const std::int32_t* targets, float* losses,
                                                   int cols) {
  __shared__ Room room;
  __shared__ float shared_shift;
  float* x = logits + static_cast<std::int64_t>(blockIdx.x) * cols;
  const int target = targets[blockIdx.x];
  const LogSum total = log_sum<Width>(x, cols, room);
  if (threadIdx.x == 0) {
    const double log_total = total.most + log(total.sum);
    losses[blockIdx.x] = static_cast<float>(log_total - x[target]);
    shared_shift = static_cast<float>(log_total);
  }
  __syncthreads();
  const float shift = shared_shift;
  for (int i = static_cast<int>(threadIdx.x) * Width; i < cols; i += kThreads * Width) {
    auto values = load_pack<Width>(x + i);
#pragma unroll
    for (int j = 0; j < Width; ++j) values.at[j] = expf(values.at[j] - shift) - (i + j == target ? 1.0f : 0.0f);
    store_pack(x + i, values);
  }
}

__device__ __forceinline__ void take_larger(float& most, int& index, float other, int other_index) {
  if (other > most || (other == most && other_index < index)) {
    most = other;
    index = other_index;
  }
}

template <int Width>
__global__ void argmax_kernel(const float* logits, std::int32_t* classes, float* log_probability, int cols) {
  __shared__ Room room;
  __shared__ int indices[32];
  const float* x = logits + static_cast<std::int64_t>(blockIdx.x) * cols;
  float most = -INFINITY;
  int index = INT_MAX;
  for (int i = static_cast<int>(threadIdx.x) * Width; i < cols; i += kThreads * Width) {
    const auto values = load_pack<Width>(x + i);
#pragma unroll
    for (int j = 0; j < Width; ++j) take_larger(most, index, values.at[j], i + j);
  }
  const auto reduce = [&] {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) {
      const float other = __shfl_xor_sync(kWholeWarp, most, step);
      const int other_index = __shfl_xor_sync(kWholeWarp, index, step);
      take_larger(most, index, other, other_index);
    }
  };
  reduce();
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  if (lane == 0) {
    room.floats[warp] = most;
    indices[warp] = index;
  }
  __syncthreads();
  most = lane < kThreads / 32 ? room.floats[lane] : -INFINITY;
  index = lane < kThreads / 32 ? indices[lane] : INT_MAX;
  reduce();

  float sum = 0;
  for_row<Width>(
      cols, [&](float v) { sum += expf(v - most); }, x);
  const double total = block_sum(static_cast<double>(sum), room.doubles);
  if (threadIdx.x == 0) {
    classes[blockIdx.x] = index == INT_MAX ? 0 : index;  // a row of nothing but NaN
    log_probability[blockIdx.x] = static_cast<float>(-log(total));
  }
}

// Q: float where q's logits are to be replaced by the gradient, else const float.
template <int Width, typename Q>
__global__ void kl_divergence_kernel(const float* p_logits, Q* q_logits, float* out, int cols) {
  __shared__ Room room;
  __shared__ float shared_shifts[2];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * cols;
  const float* p = p_logits + row;
  Q* q = q_logits + row;
  const LogSum q_total = log_sum<Width>(q, cols, room);
  const float most = largest<Width>(p, cols, room);
  float weights = 0, differences = 0;
  for_row<Width>(
      cols,
      [&](float p_at, float q_at) {
        const float e = expf(p_at - most);
        weights += e;
        differences += e * (p_at - q_at);
      },
      p, static_cast<const float*>(q));
  const double weight = block_sum(static_cast<double>(weights), room.doubles);
  const double difference = block_sum(static_cast<double>(differences), room.doubles);
  if (threadIdx.x == 0) {
    // The two normalisers are subtracted in float64: rounded to fp32 they would drown the divergence of close models.
    const double p_log = most + log(weight), q_log = q_total.most + log(q_total.sum);
    out[blockIdx.x] = static_cast<float>(difference / weight - (p_log - q_log));
    shared_shifts[0] = static_cast<float>(p_log);
    shared_shifts[1] = static_cast<float>(q_log);
  }
  if constexpr (!std::is_const_v<Q>) {
    __syncthreads();
    const float p_shift = shared_shifts[0], q_shift = shared_shifts[1];
    for (int i = static_cast<int>(threadIdx.x) * Width; i < cols; i += kThreads * Width) {
      const auto wanted = load_pack<Width>(p + i);
      auto values = load_pack<Width>(q + i);
#pragma unroll
      for (int j = 0; j < Width; ++j) values.at[j] = expf(values.at[j] - q_shift) - expf(wanted.at[j] - p_shift);
      store_pack(q + i, values);
    }
  }
}

template <typename... T>
bool fours(std::int64_t cols, const T*... at) {
  return cols % 4 == 0 && fit_fours(at...);
}

template <typename Q>
void launch_kl_divergence(Stream& stream, DeviceView<const float> p_logits, DeviceView<Q> q_logits, float* out) {
  assert(p_logits.rows == q_logits.rows && p_logits.cols == q_logits.cols);
  launch(stream, {.grid = {blocks_for(p_logits.rows, 1)}, .block = {kThreads}},
         fours(p_logits.cols, p_logits.data, q_logits.data) ? kl_divergence_kernel<4, Q> : kl_divergence_kernel<1, Q>,
         p_logits.data, q_logits.data, out, p_logits.cols);
}

}  // namespace

void cross_entropy(Stream& stream, DeviceView<const float> logits, const std::int32_t* targets, float* losses) {
  launch(stream, {.grid = {blocks_for(logits.rows, 1)}, .block = {kThreads}},
         fours(logits.cols, logits.data) ? cross_entropy_kernel<4> : cross_entropy_kernel<1>, logits.data, targets,
         losses, logits.cols);
}

void cross_entropy_with_gradient(Stream& stream, DeviceView<float> logits, const std::int32_t* targets, float* losses) {
  launch(
      stream, {.grid = {blocks_for(logits.rows, 1)}, .block = {kThreads}},
      fours(logits.cols, logits.data) ? cross_entropy_with_gradient_kernel<4> : cross_entropy_with_gradient_kernel<1>,
      logits.data, targets, losses, logits.cols);
}

void argmax_log_probability(Stream& stream, DeviceView<const float> logits, std::int32_t* classes,
                            float* log_probability) {
  launch(stream, {.grid = {blocks_for(logits.rows, 1)}, .block = {kThreads}},
         fours(logits.cols, logits.data) ? argmax_kernel<4> : argmax_kernel<1>, logits.data, classes, log_probability,
         logits.cols);
}

void kl_divergence_rows(Stream& stream, DeviceView<const float> p_logits, DeviceView<const float> q_logits,
                        float* out) {
  launch_kl_divergence(stream, p_logits, q_logits, out);
}

void kl_divergence_with_gradient(Stream& stream, DeviceView<const float> p_logits, DeviceView<float> q_logits,
                                 float* out) {
  launch_kl_divergence(stream, p_logits, q_logits, out);
}

}  // namespace squeeze
