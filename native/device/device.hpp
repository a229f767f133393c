#pragma once
// A GPU seen from the host: memory, streams, copies. Two implementations of one interface: the CUDA runtime
// (runtime_cuda.cpp), and an emulation on the processor (emulation/), with which every kernel runs in the tests of a
// machine without a GPU. Plain C++: kernels include device/kernel.hpp.
//
// Errors stick: the first failure of a launch, a copy or an allocation stays in its Stream, with file and line; all
// that comes after it does nothing, and finish() gives it. So the mathematics reads like the processor's.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/matrix.hpp"
#include "base/result.hpp"

namespace squeeze {

struct DeviceProperties {
  int index = 0;
  std::string name = {};
  std::int64_t memory_bytes = 0, free_bytes = 0;
  int major = 0, minor = 0;  // compute capability
  int multiprocessors = 0;
  std::int64_t shared_bytes = 0;  // that a block can have at most
  std::int64_t l2_bytes = 0;
  std::string driver = {}, runtime = {};  // "13.0"
};

// Every device that can be used; kDeviceUnavailable says why there is none.
Result<std::vector<DeviceProperties>> device_list();

// Memory of the device. A view that cannot be mistaken for one of host memory: rows × cols, row after row.
template <typename T>
struct DeviceView {
  T* data = nullptr;
  std::int64_t rows = 0;
  std::int64_t cols = 0;

  std::int64_t size() const { return rows * cols; }
  DeviceView rows_from(std::int64_t first, std::int64_t count) const { return {data + first * cols, count, cols}; }
  DeviceView reshaped(std::int64_t new_rows, std::int64_t new_cols) const { return {data, new_rows, new_cols}; }
  operator DeviceView<const T>() const { return {data, rows, cols}; }
};

class Graph;

// Work in the order it is handed in. Made for one device; used by one thread at a time.
class Stream {
 public:
  static Result<Stream> make(int device = 0);
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  const DeviceProperties& device() const;
  // Of the device's memory now, in bytes; device() says what it was when the stream was made.
  std::int64_t free_bytes() const;
  // For a thread other than the one that made the stream, before it hands in work: the stream's device becomes the
  // thread's.
  void enter();

  // Copies between host and device, either way, or within either. Of pageable host memory it is done on return; pinned
  // memory must stay until finish().
  void copy(void* to, const void* from, std::int64_t bytes,
            std::source_location where = std::source_location::current());
  void fill(void* to, std::uint8_t byte, std::int64_t bytes,
            std::source_location where = std::source_location::current());
  template <typename T>
  void upload(DeviceView<T> to, const T* from, std::source_location where = std::source_location::current()) {
    copy(to.data, from, to.size() * static_cast<std::int64_t>(sizeof(T)), where);
  }
  template <typename T, typename U>
  void download(T* to, DeviceView<U> from, std::source_location where = std::source_location::current()) {
    static_assert(sizeof(T) == sizeof(U));
    copy(to, from.data, from.size() * static_cast<std::int64_t>(sizeof(T)), where);
  }

  // Waits for everything handed in, and gives the first error since the stream was made.
  Result<void> finish(std::source_location where = std::source_location::current());
  // Waits, as one stream, for what another has been handed until now.
  void wait_for(const Stream& other, std::source_location where = std::source_location::current());

  bool failed() const;
  void fail(Error error);  // the first one stays
  // A device that had no room is as it was, and may have room now: work can go on.
  void forget_lack_of_memory();

  // Between the two, nothing runs: it is recorded. A graph is launched again and again at the price of one launch; the
  // addresses in it stay those of the recording.
  void begin_recording();
  Graph end_recording();

  // For launch() in device/kernel.hpp.
  void* handle() const;
  // Lets a kernel have so much shared memory, now and when a launch that was recorded is replayed. Whether it may
  // begin early here, where it is asked to.
  bool prepare(const void* kernel, std::int64_t shared_bytes, bool early, const std::source_location& where);
  void check_launch(int status, const std::source_location& where);
  void hand_in(std::function<void()> work);  // emulation only

  struct State;

 private:
  explicit Stream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

class Graph {
 public:
  Graph();
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;
  ~Graph();
  void launch(Stream& stream, std::source_location where = std::source_location::current()) const;
  explicit operator bool() const { return state_ != nullptr; }

  struct State;

 private:
  friend class Stream;
  std::unique_ptr<State> state_;
};

// Time on the device between two places of a stream.
class DeviceTimer {
 public:
  explicit DeviceTimer(Stream& stream);
  ~DeviceTimer();
  void start();
  double stop_ms();  // waits
 private:
  struct State;
  Stream& stream_;
  std::unique_ptr<State> state_;
};

namespace detail {
// Null and an error in the stream when there is not so much; 256-byte aligned.
void* device_allocate(Stream& stream, std::int64_t bytes, const std::source_location& where);
void device_free(void* memory);
void* pinned_allocate(std::int64_t bytes);  // null when there is not so much
void pinned_free(void* memory);
struct DeviceFree {
  void operator()(void* memory) const { device_free(memory); }
};
struct PinnedFree {
  void operator()(void* memory) const { pinned_free(memory); }
};
}  // namespace detail

// Owns memory of the device, uninitialised. Grows to the largest size asked for; an earlier view is invalid from then
// on. Growing waits for the device.
template <typename T>
class DeviceArray {
 public:
  DeviceView<T> matrix(Stream& stream, std::int64_t rows, std::int64_t cols,
                       std::source_location where = std::source_location::current()) {
    const std::int64_t wanted = rows * cols;
    if (wanted > capacity_) {
      capacity_ = 0;
      memory_.reset();
      memory_.reset(detail::device_allocate(stream, wanted * static_cast<std::int64_t>(sizeof(T)), where));
      if (!memory_) return {nullptr, rows, cols};
      capacity_ = wanted;
    }
    return {static_cast<T*>(memory_.get()), rows, cols};
  }
  DeviceView<T> vector(Stream& stream, std::int64_t size,
                       std::source_location where = std::source_location::current()) {
    return matrix(stream, 1, size, where);
  }
  // Takes what `values` hold.
  DeviceView<T> assign(Stream& stream, std::span<const T> values,
                       std::source_location where = std::source_location::current()) {
    const DeviceView<T> view = matrix(stream, 1, static_cast<std::int64_t>(values.size()), where);
    stream.upload(view, values.data(), where);
    return view;
  }
  T* data() const { return static_cast<T*>(memory_.get()); }
  std::int64_t capacity() const { return capacity_; }
  std::int64_t size_bytes() const { return capacity_ * static_cast<std::int64_t>(sizeof(T)); }

 private:
  std::unique_ptr<void, detail::DeviceFree> memory_;
  std::int64_t capacity_ = 0;
};

// Host memory that the device copies from and to by itself, while both go on.
template <typename T>
class PinnedArray {
 public:
  PinnedArray() = default;
  static Result<PinnedArray> make(std::int64_t size) {
    PinnedArray array;
    array.memory_.reset(detail::pinned_allocate(size * static_cast<std::int64_t>(sizeof(T))));
    if (!array.memory_ && size > 0)
      return Error{.code = ErrorCode::kOutOfMemory,
                   .message = std::to_string(size * static_cast<std::int64_t>(sizeof(T))) +
                              " bytes of memory for copies to the GPU could not be had."};
    array.size_ = size;
    return array;
  }
  T* data() const { return static_cast<T*>(memory_.get()); }
  std::int64_t size() const { return size_; }
  std::span<T> span() const { return {data(), static_cast<std::size_t>(size_)}; }

 private:
  std::unique_ptr<void, detail::PinnedFree> memory_;
  std::int64_t size_ = 0;
};

}  // namespace squeeze
