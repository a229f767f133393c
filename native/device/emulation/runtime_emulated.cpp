// A "device" in the processor's memory, for tests. A stream does what it was handed at any time until it is waited for:
// at once, later, in parts (order.hpp). So a result that is read too soon, memory that is written again too soon, and
// a stream that should have waited for another show. Memory ends where the page does that cannot be touched.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "device/device.hpp"
#include "device/emulation/language.hpp"
#include "device/emulation/order.hpp"

namespace squeeze {

namespace {

struct Queue {
  // Work, or another queue that is to have done `until`.
  struct Item {
    std::function<void()> work;
    std::shared_ptr<Queue> other = nullptr;
    std::uint64_t until = 0;
  };
  std::deque<Item> items;
  std::uint64_t done = 0;

  std::uint64_t given() const { return done + items.size(); }
  void run_until(std::uint64_t count) {
    while (done < count) {
      const Item item = std::move(items.front());
      items.pop_front();
      if (item.other) item.other->run_until(item.until);
      if (item.work) item.work();
      ++done;
    }
  }
  void run_all() { run_until(given()); }
};

constexpr std::int64_t kMemoryBytes = std::int64_t{1} << 32;
// What is larger is never written by way of trial, so that the host need not have it.
constexpr std::size_t kMostPoisoned = std::size_t{256} << 20;

// What all threads of the host share. Never destroyed: streams and memory may live as long as the program.
struct Device {
  std::recursive_mutex mutex;
  std::set<std::shared_ptr<Queue>> queues;
  struct Range {
    std::int64_t bytes;
    void* mapping = nullptr;
    std::size_t mapped_bytes = 0;
  };
  using Ranges = std::map<const unsigned char*, Range>;
  Ranges pinned, memory;
  std::int64_t used_bytes = 0;  // of memory

  static bool holds(const Ranges& ranges, const void* at) {
    const auto* place = static_cast<const unsigned char*>(at);
    const auto after = ranges.upper_bound(place);
    return after != ranges.begin() && place < std::prev(after)->first + std::prev(after)->second.bytes;
  }
  bool is_pageable(const void* at) const { return !holds(memory, at) && !holds(pinned, at); }
  void run_all() {
    for (const auto& queue : queues) queue->run_all();
  }
};

Device& device() {
  static auto* device = new Device;
  return *device;
}

thread_local int recordings = 0;

void not_while_recording(const char* what) {
  if (recordings == 0) return;
  std::fprintf(stderr, "Emulated GPU: %s while a stream records.\n", what);
  std::abort();
}

}  // namespace

Result<std::vector<DeviceProperties>> device_list() {
  const std::lock_guard lock(device().mutex);
  return std::vector<DeviceProperties>{{.name = "Emulated GPU",
                                        .memory_bytes = kMemoryBytes,
                                        .free_bytes = kMemoryBytes - device().used_bytes,
                                        .major = 8,
                                        .minor = 0,
                                        .multiprocessors = 2,
                                        .shared_bytes = emulation::kSharedBytes,
                                        .l2_bytes = 1 << 20,
                                        .driver = "0.0",
                                        .runtime = "0.0"}};
}

struct Stream::State {
  DeviceProperties device = {};
  std::optional<Error> error = {};
  std::shared_ptr<Queue> queue = std::make_shared<Queue>();
  bool recording = false;
  std::vector<std::function<void()>> recorded = {};

  explicit State(DeviceProperties properties) : device(std::move(properties)) {
    const std::lock_guard lock(squeeze::device().mutex);
    squeeze::device().queues.insert(queue);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    const std::lock_guard lock(squeeze::device().mutex);
    queue->run_all();
    squeeze::device().queues.erase(queue);
  }
};

struct Graph::State {
  std::vector<std::function<void()>> work;
};

Stream::Stream(std::unique_ptr<State> state) : state_(std::move(state)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

Result<Stream> Stream::make(int device) {
  SQUEEZE_ASSIGN(auto devices, device_list());
  if (device != 0)
    return Error{.code = ErrorCode::kDeviceUnavailable,
                 .message = "There is no device cuda:" + std::to_string(device) + "."};
  return Stream(std::make_unique<State>(devices.front()));
}

const DeviceProperties& Stream::device() const { return state_->device; }
std::int64_t Stream::free_bytes() const {
  const std::lock_guard lock(squeeze::device().mutex);
  return kMemoryBytes - squeeze::device().used_bytes;
}
bool Stream::failed() const { return state_->error.has_value(); }
void Stream::fail(Error error) {
  if (!failed()) state_->error = std::move(error);
}

void Stream::forget_lack_of_memory() {
  if (failed() && state_->error->code == ErrorCode::kOutOfMemory) state_->error.reset();
}

void Stream::hand_in(std::function<void()> work) {
  const std::lock_guard lock(squeeze::device().mutex);
  if (state_->recording) {
    state_->recorded.push_back(std::move(work));
    return;
  }
  auto& queue = *state_->queue;
  queue.items.push_back({std::move(work)});
  switch (emulation::chance(4)) {
    case 0:
      queue.run_all();
      break;
    case 1:
      queue.run_until(queue.done + emulation::chance(queue.items.size() + 1));
      break;
    case 2:
      squeeze::device().run_all();
      break;
    default:
      break;
  }
}

void Stream::copy(void* to, const void* from, std::int64_t bytes, std::source_location) {
  if (failed() || bytes == 0) return;
  const std::lock_guard lock(squeeze::device().mutex);
  const auto size = static_cast<std::size_t>(bytes);
  if (squeeze::device().is_pageable(from)) {
    not_while_recording("pageable memory is copied");
    const auto* first = static_cast<const unsigned char*>(from);
    hand_in([to, values = std::vector<unsigned char>(first, first + size)] {
      std::memcpy(to, values.data(), values.size());
    });
  } else {
    hand_in([=] { std::memmove(to, from, size); });
  }
  if (squeeze::device().is_pageable(to)) {
    not_while_recording("pageable memory is copied to");
    state_->queue->run_all();
  }
}

void Stream::fill(void* to, std::uint8_t byte, std::int64_t bytes, std::source_location) {
  if (failed() || bytes == 0) return;
  hand_in([=] { std::memset(to, byte, static_cast<std::size_t>(bytes)); });
}

Result<void> Stream::finish(std::source_location where) {
  not_while_recording("a stream is waited for");
  if (failed()) return *state_->error;
  if (emulation::left_out(where)) return {};
  const std::lock_guard lock(squeeze::device().mutex);
  state_->queue->run_all();
  return {};
}

void Stream::wait_for(const Stream& other, std::source_location where) {
  not_while_recording("another stream is waited for");
  if (failed() || emulation::left_out(where)) return;
  const std::lock_guard lock(squeeze::device().mutex);
  state_->queue->items.push_back({{}, other.state_->queue, other.state_->queue->given()});
}

void Stream::enter() {}

void Stream::begin_recording() {
  state_->recording = true;
  ++recordings;
}
Graph Stream::end_recording() {
  Graph graph;
  graph.state_ = std::make_unique<Graph::State>();
  graph.state_->work = std::exchange(state_->recorded, {});
  state_->recording = false;
  --recordings;
  return graph;
}

void* Stream::handle() const { return nullptr; }
void Stream::check_launch(int, const std::source_location&) {}

Graph::Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;
Graph::~Graph() = default;
void Graph::launch(Stream& stream, std::source_location) const {
  if (stream.failed()) return;
  for (const auto& work : state_->work) stream.hand_in(work);
}

struct DeviceTimer::State {};
DeviceTimer::DeviceTimer(Stream& stream) : stream_(stream) {}
DeviceTimer::~DeviceTimer() = default;
void DeviceTimer::start() {}
double DeviceTimer::stop_ms() {
  static_cast<void>(stream_.finish());
  return 1;
}

namespace detail {

// Never written: NaN as fp32, fp16 and bf16, so that what reads it shows. Its end lies at a page that cannot be
// touched, but for what an alignment of 16 leaves.
void* device_allocate(Stream& stream, std::int64_t bytes, const std::source_location& where) {
  if (stream.failed()) return nullptr;
  not_while_recording("memory is asked for");
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const auto size = static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1) + 15) / 16 * 16;
  const std::size_t pages = (size + page - 1) / page * page;
  const std::lock_guard lock(device().mutex);
  void* start = MAP_FAILED;
  if (device().used_bytes + static_cast<std::int64_t>(size) <= kMemoryBytes)
    start = mmap(nullptr, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) {
    stream.fail({.code = ErrorCode::kOutOfMemory,
                 .message = "The GPU has no room for " + std::to_string(bytes) + " bytes (" + where.file_name() + ":" +
                            std::to_string(where.line()) + ")."});
    return nullptr;
  }
  auto* last = static_cast<unsigned char*>(start) + pages;
  mprotect(last, page, PROT_NONE);
  std::memset(last - size, 0xff, std::min(size, kMostPoisoned));
  device().used_bytes += static_cast<std::int64_t>(size);
  device().memory[last - size] = {static_cast<std::int64_t>(size), start, pages + page};
  return last - size;
}

// As cudaFree, it waits for all that is under way.
void device_free(void* memory) {
  not_while_recording("memory is given back");
  const std::lock_guard lock(device().mutex);
  device().run_all();
  const auto entry = device().memory.find(static_cast<unsigned char*>(memory));
  device().used_bytes -= entry->second.bytes;
  munmap(entry->second.mapping, entry->second.mapped_bytes);
  device().memory.erase(entry);
}

void* pinned_allocate(std::int64_t bytes) {
  not_while_recording("memory is asked for");
  void* memory = std::malloc(static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1)));
  const std::lock_guard lock(device().mutex);
  if (memory != nullptr) device().pinned[static_cast<unsigned char*>(memory)] = {std::max<std::int64_t>(bytes, 1)};
  return memory;
}

void pinned_free(void* memory) {
  not_while_recording("memory is given back");
  const std::lock_guard lock(device().mutex);
  device().run_all();
  device().pinned.erase(static_cast<unsigned char*>(memory));
  std::free(memory);
}

}  // namespace detail

}  // namespace squeeze
