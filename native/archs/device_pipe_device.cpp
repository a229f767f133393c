#include <algorithm>

#include "archs/device_pipe.hpp"
#include "base/threads.hpp"

namespace squeeze {

namespace {

constexpr std::int64_t kCopyChunk = 1 << 18;  // floats that a thread copies at a time

void copy_floats(const float* from, float* to, std::int64_t count) {
  parallel_for(count, kCopyChunk,
               [&](std::int64_t first, std::int64_t last) { std::copy(from + first, from + last, to + first); });
}

}  // namespace

Result<DevicePipe> DevicePipe::make(int device) {
  SQUEEZE_ASSIGN(auto there, Stream::make(device));
  SQUEEZE_ASSIGN(auto back, Stream::make(device));
  return DevicePipe(std::move(there), std::move(back));
}

Result<DeviceView<float>> DevicePipe::Lane::ready(Stream& stream, std::int64_t rows, std::int64_t cols) {
  if (host.size() < rows * cols) {
    host = {};  // freed before the next size is taken
    SQUEEZE_ASSIGN(host, PinnedArray<float>::make(rows * cols));
  }
  return device.matrix(stream, rows, cols);
}

Result<void> DevicePipe::run(Stream& compute_on, std::span<const MatrixView<const float>> in, MatrixView<float> out,
                             std::int64_t block, const Compute& compute, const Done& done) {
  const auto result = run_blocks(compute_on, in, out, block, compute, done);
  // Nothing may be under way in memory that the caller takes away.
  const auto there = there_.finish(), computed = compute_on.finish(), back = back_.finish();
  SQUEEZE_TRY(result);
  SQUEEZE_TRY(there);
  SQUEEZE_TRY(computed);
  return back;
}

// A slot is used again two blocks later, after its rows were taken back: then nothing reads or writes it any more.
Result<void> DevicePipe::run_blocks(Stream& compute_on, std::span<const MatrixView<const float>> in,
                                    MatrixView<float> out, std::int64_t block, const Compute& compute,
                                    const Done& done) {
  for (Slot& slot : slots_) slot.in.resize(std::max(slot.in.size(), in.size()));
  const Slot* before = nullptr;
  std::vector<DeviceView<const float>> views(in.size());
  int turn = 0;
  for (std::int64_t first = 0; first < out.rows; first += block, turn = 1 - turn) {
    Slot& slot = slots_[turn];
    slot.first = first;
    slot.count = std::min(block, out.rows - first);
    for (std::size_t i = 0; i < in.size(); ++i) {
      SQUEEZE_ASSIGN(const auto view, slot.in[i].ready(there_, slot.count, in[i].cols));
      copy_floats(in[i].data + first * in[i].cols, slot.in[i].host.data(), view.size());
      there_.upload(view, slot.in[i].host.data());
      views[i] = view;
    }
    SQUEEZE_ASSIGN(const auto result, slot.out.ready(there_, slot.count, out.cols));
    if (there_.failed()) return there_.finish();
    compute_on.wait_for(there_);
    compute(first, views, result);
    if (before != nullptr) SQUEEZE_TRY(take_back(*before, out, done));  // while this block is computed
    if (compute_on.failed()) return compute_on.finish();
    back_.wait_for(compute_on);
    back_.download(slot.out.host.data(), result);
    before = &slot;
  }
  if (before != nullptr) SQUEEZE_TRY(take_back(*before, out, done));
  return {};
}

Result<void> DevicePipe::take_back(const Slot& slot, MatrixView<float> out, const Done& done) {
  SQUEEZE_TRY(back_.finish());
  copy_floats(slot.out.host.data(), out.data + slot.first * out.cols, slot.count * out.cols);
  return done(slot.first, slot.count);
}

}  // namespace squeeze
