#include "archs/token_cuda.hpp"
#include "device/kernel.hpp"

namespace squeeze {

namespace {

constexpr int kThreads = 256;

template <typename T>
__global__ void embed_next_kernel(const T* table, const float* positions, DeviceTextState state, float* x, int cols) {
  const std::int64_t row = blockIdx.y;
  const int i = static_cast<int>(blockIdx.x) * kThreads + static_cast<int>(threadIdx.x);
  if (i >= cols) return;
  float value = as_float(table[static_cast<std::int64_t>(state.tokens[row]) * cols + i]);
  if (positions != nullptr) value += positions[(*state.position + row) * cols + i];
  x[row * cols + i] = value;
}

__global__ void take_chosen_kernel(const std::int32_t* token, const float* logprob, std::int32_t count,
                                   std::int32_t vocabulary, DeviceTextState state, ChosenOnDevice* chosen) {
  let_next_begin();
  wait_for_previous();
  if (threadIdx.x != 0) return;
  const std::int32_t position = *state.position + count;
  chosen[position - 1] = {*token, *logprob};
  *state.position = position;
  state.tokens[0] = *token >= 0 && *token < vocabulary ? *token : 0;
}

template <typename T>
void run(Stream& stream, const T* table, DeviceView<const float> positions, const DeviceTextState& state,
         DeviceView<float> x) {
  launch(stream, {.grid = {blocks_for(x.cols, kThreads), static_cast<unsigned>(x.rows)}, .block = {kThreads}},
         embed_next_kernel<T>, table, positions.data, state, x.data, static_cast<int>(x.cols));
}

}  // namespace

void embed_next(Stream& stream, DeviceView<const Half> halves, DeviceView<const BFloat16> bfloats,
                DeviceView<const float> positions, const DeviceTextState& state, DeviceView<float> x) {
  if (halves.data != nullptr) return run(stream, halves.data, positions, state, x);
  run(stream, bfloats.data, positions, state, x);
}

void take_chosen(Stream& stream, const std::int32_t* token, const float* logprob, std::int32_t count,
                 std::int64_t vocabulary, const DeviceTextState& state, ChosenOnDevice* chosen) {
  launch(stream, {.grid = {1}, .block = {32}, .early = true}, take_chosen_kernel, token, logprob, count,
         static_cast<std::int32_t>(vocabulary), state, chosen);
}

}  // namespace squeeze
