// A "device" in the processor's memory that does everything at once, for tests.

#include <cstdlib>
#include <cstring>

#include "device/device.hpp"

namespace squeeze {

Result<std::vector<DeviceProperties>> device_list() {
  return std::vector<DeviceProperties>{{.name = "Emulated GPU",
                                        .memory_bytes = std::int64_t{1} << 32,
                                        .free_bytes = std::int64_t{1} << 32,
                                        .major = 8,
                                        .minor = 0,
                                        .multiprocessors = 2,
                                        .shared_bytes = 99 << 10,
                                        .l2_bytes = 1 << 20,
                                        .driver = "0.0",
                                        .runtime = "0.0"}};
}

struct Stream::State {
  DeviceProperties device = {};
  std::optional<Error> error = {};
  bool recording = false;
  std::vector<std::function<void()>> recorded = {};
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
  return Stream(std::make_unique<State>(State{.device = devices.front()}));
}

const DeviceProperties& Stream::device() const { return state_->device; }
std::int64_t Stream::free_bytes() const { return state_->device.free_bytes; }
bool Stream::failed() const { return state_->error.has_value(); }
void Stream::fail(Error error) {
  if (!failed()) state_->error = std::move(error);
}

void Stream::copy(void* to, const void* from, std::int64_t bytes, std::source_location) {
  if (failed() || bytes == 0) return;
  const auto work = [=] { std::memmove(to, from, static_cast<std::size_t>(bytes)); };
  if (!record(work)) work();
}

void Stream::fill(void* to, std::uint8_t byte, std::int64_t bytes, std::source_location) {
  if (failed() || bytes == 0) return;
  const auto work = [=] { std::memset(to, byte, static_cast<std::size_t>(bytes)); };
  if (!record(work)) work();
}

Result<void> Stream::finish(std::source_location) {
  if (failed()) return *state_->error;
  return {};
}

void Stream::wait_for(const Stream&) {}
void Stream::enter() {}

void Stream::begin_recording() { state_->recording = true; }
Graph Stream::end_recording() {
  Graph graph;
  graph.state_ = std::make_unique<Graph::State>();
  graph.state_->work = std::exchange(state_->recorded, {});
  state_->recording = false;
  return graph;
}

void* Stream::handle() const { return nullptr; }
void Stream::check_launch(int, const std::source_location&) {}
bool Stream::record(std::function<void()> work) {
  if (state_->recording) state_->recorded.push_back(std::move(work));
  return state_->recording;
}

Graph::Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;
Graph::~Graph() = default;
void Graph::launch(Stream& stream, std::source_location) const {
  if (stream.failed()) return;
  for (const auto& work : state_->work) work();
}

struct DeviceTimer::State {};
DeviceTimer::DeviceTimer(Stream& stream) : stream_(stream) {}
DeviceTimer::~DeviceTimer() = default;
void DeviceTimer::start() {}
double DeviceTimer::stop_ms() { return 1; }

namespace detail {
// Never written: NaN as fp32, fp16 and bf16, so that what reads it shows.
void* device_allocate(Stream& stream, std::int64_t bytes, const std::source_location& where) {
  if (stream.failed()) return nullptr;
  const auto size = static_cast<std::size_t>(bytes + 255) / 256 * 256;
  void* memory = std::aligned_alloc(256, std::max<std::size_t>(size, 256));
  if (memory == nullptr) {
    stream.fail({.code = ErrorCode::kOutOfMemory,
                 .message = "The GPU has no room for " + std::to_string(bytes) + " bytes (" + where.file_name() + ":" +
                            std::to_string(where.line()) + ")."});
    return nullptr;
  }
  std::memset(memory, 0xff, size);
  return memory;
}
void device_free(void* memory) { std::free(memory); }
void* pinned_allocate(std::int64_t bytes) {
  return std::malloc(static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1)));
}
void pinned_free(void* memory) { std::free(memory); }
}  // namespace detail

}  // namespace squeeze
