// The CUDA runtime, linked statically: a program with it starts on a machine without a driver and says what is missing.

#include <cuda_runtime_api.h>

#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "device/device.hpp"

namespace squeeze {

namespace {

std::string place_of(const std::source_location& where) {
  const std::string file = where.file_name();
  const auto native = file.rfind("/native/");
  return (native == std::string::npos ? file : file.substr(native + 1)) + ":" + std::to_string(where.line());
}

Error error_of(cudaError_t status, const std::source_location& where) {
  const bool memory = status == cudaErrorMemoryAllocation;
  return {
      .code = memory ? ErrorCode::kOutOfMemory : ErrorCode::kInternal,
      .message = std::string("CUDA: ") + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ", " +
                 place_of(where) + ").",
      .hint = memory ? "Something else may be using the GPU's memory; a shorter context or fewer bits need less." : ""};
}

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

Error unavailable(const std::string& why) {
  return {.code = ErrorCode::kDeviceUnavailable, .message = "No CUDA device: " + why};
}

// The runtime has a current device for each thread; memory comes from that one, and only its streams take work. A model
// is loaded by one thread and read by another. Nothing else may set it.
cudaError_t make_current(int device) {
  thread_local int current = -1;
  if (current == device) return cudaSuccess;
  const auto status = cudaSetDevice(device);
  if (status == cudaSuccess) current = device;
  return status;
}

bool is_pageable(const void* memory) {
  cudaPointerAttributes attributes = {};
  return cudaPointerGetAttributes(&attributes, memory) == cudaSuccess && attributes.type == cudaMemoryTypeUnregistered;
}

constexpr int kDriverThatRecordsEarly = 12030;  // older ones refuse launches that begin early in a recording

// What a kernel may on a device. Its limit of shared memory belongs to the kernel, not to a launch, and recorded
// launches need it when they are replayed; so it only grows.
struct KernelFacts {
  std::int64_t shared_limit = 0;
  bool is_built_to_wait = false;
};

// `facts` once looked up are kept for each kernel and device.
cudaError_t look_up(int device, const void* kernel, std::int64_t shared, KernelFacts* facts) {
  static std::mutex mutex;
  static std::map<std::pair<int, const void*>, KernelFacts> known;
  const std::lock_guard lock(mutex);
  const auto [entry, is_new] = known.try_emplace({device, kernel});
  KernelFacts& own = entry->second;
  auto status = cudaSuccess;
  if (is_new) {
    cudaFuncAttributes attributes = {};
    status = cudaFuncGetAttributes(&attributes, kernel);
    own.is_built_to_wait = attributes.ptxVersion >= 90;  // the code that runs here, whatever else was built
  }
  if (status == cudaSuccess && shared > own.shared_limit) {
    status = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared));
    if (status == cudaSuccess) own.shared_limit = shared;
  }
  *facts = own;
  if (status != cudaSuccess) known.erase(entry);
  return status;
}

Result<DeviceProperties> properties_of(int index) {
  cudaDeviceProp properties = {};
  if (const auto status = cudaGetDeviceProperties(&properties, index); status != cudaSuccess)
    return unavailable(std::string(cudaGetErrorString(status)) + ".");
  DeviceProperties device{.index = index,
                          .name = properties.name,
                          .memory_bytes = static_cast<std::int64_t>(properties.totalGlobalMem),
                          .major = properties.major,
                          .minor = properties.minor,
                          .multiprocessors = properties.multiProcessorCount,
                          .shared_bytes = static_cast<std::int64_t>(properties.sharedMemPerBlockOptin),
                          .l2_bytes = properties.l2CacheSize};
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  device.driver = version_text(driver);
  device.runtime = version_text(runtime);
  return device;
}

}  // namespace

Result<std::vector<DeviceProperties>> device_list() {
  int count = 0;  // the call leaves it untouched when it fails
  const auto status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver)
    return unavailable("the NVIDIA driver is missing or older than CUDA " + version_text(CUDART_VERSION) + " needs.");
  if (status != cudaSuccess) return unavailable(std::string(cudaGetErrorString(status)) + ".");
  std::vector<DeviceProperties> devices;
  for (int i = 0; i < count; ++i) {
    SQUEEZE_ASSIGN(auto device, properties_of(i));
    devices.push_back(std::move(device));
  }
  if (devices.empty()) return unavailable("the driver knows none.");
  return devices;
}

struct Stream::State {
  DeviceProperties device;
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;  // for other streams to wait for
  std::optional<Error> error;
  bool records_early = false;      // see kDriverThatRecordsEarly
  bool reads_host_memory = false;  // by itself, so that a copy from pageable memory may end after it returns
  bool recording = false;

  // Always ends a recording, which would else stay with the thread.
  cudaError_t end_recording(cudaGraph_t* recorded) {
    *recorded = nullptr;
    return std::exchange(recording, false) ? cudaStreamEndCapture(stream, recorded) : cudaSuccess;
  }

  ~State() {
    cudaGraph_t recorded = nullptr;
    end_recording(&recorded);
    if (recorded != nullptr) cudaGraphDestroy(recorded);
    if (event != nullptr) cudaEventDestroy(event);
    if (stream != nullptr) cudaStreamDestroy(stream);
  }
};

struct Graph::State {
  cudaGraphExec_t graph = nullptr;
  ~State() {
    if (graph != nullptr) cudaGraphExecDestroy(graph);
  }
};

Stream::Stream(std::unique_ptr<State> state) : state_(std::move(state)) {}
Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() = default;

Result<Stream> Stream::make(int device) {
  SQUEEZE_ASSIGN(const auto devices, device_list());
  if (device < 0 || device >= static_cast<int>(devices.size()))
    return unavailable("there is no cuda:" + std::to_string(device) +
                       "; the last is cuda:" + std::to_string(devices.size() - 1) + ".");
  auto state = std::make_unique<State>();
  state->device = devices[static_cast<std::size_t>(device)];
  const auto where = std::source_location::current();
  int driver = 0, reads_host_memory = 0;
  for (const auto status :
       {make_current(device), cudaStreamCreateWithFlags(&state->stream, cudaStreamNonBlocking),
        cudaEventCreateWithFlags(&state->event, cudaEventDisableTiming), cudaDriverGetVersion(&driver),
        cudaDeviceGetAttribute(&reads_host_memory, cudaDevAttrPageableMemoryAccess, device)})
    if (status != cudaSuccess) return error_of(status, where);
  state->records_early = driver >= kDriverThatRecordsEarly;
  state->reads_host_memory = reads_host_memory != 0;
  std::size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total) == cudaSuccess) state->device.free_bytes = static_cast<std::int64_t>(free);
  return Stream(std::move(state));
}

const DeviceProperties& Stream::device() const { return state_->device; }
std::int64_t Stream::free_bytes() const {
  static_cast<void>(make_current(state_->device.index));
  std::size_t free = 0, total = 0;
  return cudaMemGetInfo(&free, &total) == cudaSuccess ? static_cast<std::int64_t>(free) : 0;
}
bool Stream::failed() const { return state_->error.has_value(); }
void Stream::fail(Error error) {
  if (!failed()) state_->error = std::move(error);
}
void* Stream::handle() const {
  static_cast<void>(make_current(state_->device.index));
  return state_->stream;
}
bool Stream::prepare(const void* kernel, std::int64_t shared_bytes, bool early, const std::source_location& where) {
  enter();
  if (failed()) return false;
  KernelFacts facts;
  check_launch(look_up(state_->device.index, kernel, shared_bytes, &facts), where);
  return early && facts.is_built_to_wait && state_->device.major >= 9 && state_->records_early;
}

void Stream::forget_lack_of_memory() {
  if (failed() && state_->error->code == ErrorCode::kOutOfMemory) state_->error.reset();
}

void Stream::check_launch(int status, const std::source_location& where) {
  const auto code = static_cast<cudaError_t>(status);
  if (code != cudaSuccess) fail(error_of(code, where));
}

void Stream::copy(void* to, const void* from, std::int64_t bytes, std::source_location where) {
  enter();
  if (failed() || bytes == 0) return;
  check_launch(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDefault, state_->stream), where);
  if (state_->reads_host_memory && (is_pageable(to) || is_pageable(from)))
    check_launch(cudaStreamSynchronize(state_->stream), where);
}

void Stream::fill(void* to, std::uint8_t byte, std::int64_t bytes, std::source_location where) {
  enter();
  if (failed() || bytes == 0) return;
  check_launch(cudaMemsetAsync(to, byte, static_cast<std::size_t>(bytes), state_->stream), where);
}

Result<void> Stream::finish(std::source_location where) {
  // After a failure, too: what was handed in before may still use memory of the host.
  check_launch(cudaStreamSynchronize(state_->stream), where);
  if (failed()) return *state_->error;
  return {};
}

void Stream::wait_for(const Stream& other, std::source_location where) {
  if (failed()) return;
  check_launch(cudaEventRecord(other.state_->event, other.state_->stream), where);
  check_launch(cudaStreamWaitEvent(state_->stream, other.state_->event, 0), where);
}

void Stream::enter() {
  if (!failed()) check_launch(make_current(state_->device.index), std::source_location::current());
}

void Stream::begin_recording() {
  if (failed()) return;
  const auto status = cudaStreamBeginCapture(state_->stream, cudaStreamCaptureModeThreadLocal);
  state_->recording = status == cudaSuccess;
  check_launch(status, std::source_location::current());
}

Graph Stream::end_recording() {
  Graph graph;
  const auto where = std::source_location::current();
  cudaGraph_t recorded = nullptr;
  check_launch(state_->end_recording(&recorded), where);
  if (!failed()) {
    graph.state_ = std::make_unique<Graph::State>();
    check_launch(cudaGraphInstantiate(&graph.state_->graph, recorded, 0), where);
  }
  if (recorded != nullptr) cudaGraphDestroy(recorded);
  return graph;
}

Graph::Graph() = default;
Graph::Graph(Graph&&) noexcept = default;
Graph& Graph::operator=(Graph&&) noexcept = default;
Graph::~Graph() = default;

void Graph::launch(Stream& stream, std::source_location where) const {
  if (stream.failed() || !state_) return;
  stream.check_launch(cudaGraphLaunch(state_->graph, static_cast<cudaStream_t>(stream.handle())), where);
}

struct DeviceTimer::State {
  cudaEvent_t begin = nullptr, end = nullptr;
  ~State() {
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
  }
};

DeviceTimer::DeviceTimer(Stream& stream) : stream_(stream), state_(std::make_unique<State>()) {
  stream.check_launch(cudaEventCreate(&state_->begin), std::source_location::current());
  stream.check_launch(cudaEventCreate(&state_->end), std::source_location::current());
}
DeviceTimer::~DeviceTimer() = default;
void DeviceTimer::start() {
  stream_.check_launch(cudaEventRecord(state_->begin, static_cast<cudaStream_t>(stream_.handle())),
                       std::source_location::current());
}
double DeviceTimer::stop_ms() {
  const auto where = std::source_location::current();
  stream_.check_launch(cudaEventRecord(state_->end, static_cast<cudaStream_t>(stream_.handle())), where);
  stream_.check_launch(cudaEventSynchronize(state_->end), where);
  float ms = 0;
  if (!stream_.failed()) stream_.check_launch(cudaEventElapsedTime(&ms, state_->begin, state_->end), where);
  return static_cast<double>(ms);
}

namespace detail {

void* device_allocate(Stream& stream, std::int64_t bytes, const std::source_location& where) {
  stream.enter();
  if (stream.failed()) return nullptr;
  void* memory = nullptr;
  const auto status = cudaMalloc(&memory, static_cast<std::size_t>(bytes > 0 ? bytes : 1));
  if (status == cudaSuccess) return memory;
  cudaGetLastError();  // it would be reported again by the next launch
  Error error = error_of(status, where);
  if (status == cudaErrorMemoryAllocation)
    error.message = "The GPU has no room for " + std::to_string(bytes) + " more bytes (" + place_of(where) + ").";
  stream.fail(std::move(error));
  return nullptr;
}

void device_free(void* memory) { cudaFree(memory); }

void* pinned_allocate(std::int64_t bytes) {
  void* memory = nullptr;
  const auto status = cudaMallocHost(&memory, static_cast<std::size_t>(bytes > 0 ? bytes : 1));
  if (status != cudaSuccess) cudaGetLastError();
  return status == cudaSuccess ? memory : nullptr;
}

void pinned_free(void* memory) { cudaFreeHost(memory); }

}  // namespace detail

}  // namespace squeeze
