#include <cassert>
#include <type_traits>

#include "ops/matmul/cublaslt_cuda.hpp"
#include "ops/matmul/matmul_cuda.hpp"
#include "ops/matmul/own_matmul_cuda.hpp"

namespace squeeze {

namespace {

// Working memory, had once: a product that is being recorded cannot ask for more. What NVIDIA advises for its library
// on Hopper; enough for 512 × 8192 sums in two parts.
constexpr std::int64_t kSpaceBytes = std::int64_t{32} << 20;

}  // namespace

struct DeviceMatmul::State {
  DeviceArray<float> space_memory;
  DeviceView<float> space;
  std::unique_ptr<CublasLt> library;
  std::string name = "squeeze";

  template <typename T>
  void multiply(Stream& stream, const DeviceProduct<T>& product) {
    if (library && library->matmul(stream, product, space)) return;
    if constexpr (std::is_same_v<T, float>)
      own_matmul(stream, product);
    else
      own_matmul(stream, product, space);
  }
};

DeviceMatmul::DeviceMatmul(std::unique_ptr<State> state) : state_(std::move(state)) {}
DeviceMatmul::DeviceMatmul(DeviceMatmul&&) noexcept = default;
DeviceMatmul::~DeviceMatmul() = default;
const std::string& DeviceMatmul::name() const { return state_->name; }

DeviceMatmul DeviceMatmul::make(Stream& stream, MatmulLibrary library) {
  auto state = std::make_unique<State>();
  state->space = state->space_memory.vector(stream, kSpaceBytes / static_cast<std::int64_t>(sizeof(float)));
  if (library == MatmulLibrary::kBest) state->library = CublasLt::make(stream);
  if (state->library) state->name = "cuBLASLt " + state->library->version();
  return DeviceMatmul(std::move(state));
}

template <typename T>
void DeviceMatmul::nt(Stream& stream, DeviceView<const T> x, DeviceView<const T> w, DeviceView<float> y,
                      bool accumulate) {
  assert(x.cols == w.cols && y.rows == x.rows && y.cols == w.rows);
  state_->multiply<T>(
      stream, {.a = x.data, .b = w.data, .y = y.data, .m = y.rows, .n = y.cols, .k = x.cols, .accumulate = accumulate});
}

template <typename T>
void DeviceMatmul::nn(Stream& stream, DeviceView<const T> x, DeviceView<const T> w, DeviceView<float> y,
                      bool accumulate) {
  assert(x.cols == w.rows && y.rows == x.rows && y.cols == w.cols);
  state_->multiply<T>(stream, {.a = x.data,
                               .b = w.data,
                               .y = y.data,
                               .m = y.rows,
                               .n = y.cols,
                               .k = x.cols,
                               .b_transposed = true,
                               .accumulate = accumulate});
}

template <typename T>
void DeviceMatmul::tn(Stream& stream, DeviceView<const T> d, DeviceView<const T> x, DeviceView<float> y,
                      bool accumulate) {
  assert(d.rows == x.rows && y.rows == d.cols && y.cols == x.cols);
  state_->multiply<T>(stream, {.a = d.data,
                               .b = x.data,
                               .y = y.data,
                               .m = y.rows,
                               .n = y.cols,
                               .k = d.rows,
                               .a_transposed = true,
                               .b_transposed = true,
                               .accumulate = accumulate});
}

#define SQUEEZE_DEVICE_MATMUL(form, T) \
  template void DeviceMatmul::form(Stream&, DeviceView<const T>, DeviceView<const T>, DeviceView<float>, bool);
#define SQUEEZE_DEVICE_MATMULS(T) \
  SQUEEZE_DEVICE_MATMUL(nt, T)    \
  SQUEEZE_DEVICE_MATMUL(nn, T)    \
  SQUEEZE_DEVICE_MATMUL(tn, T)
SQUEEZE_DEVICE_MATMULS(float)
SQUEEZE_DEVICE_MATMULS(Half)
SQUEEZE_DEVICE_MATMULS(BFloat16)
#undef SQUEEZE_DEVICE_MATMULS
#undef SQUEEZE_DEVICE_MATMUL

}  // namespace squeeze
