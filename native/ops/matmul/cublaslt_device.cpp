#include <dlfcn.h>

#include <compare>
#include <map>
#include <utility>

#include "ops/matmul/cublaslt_cuda.hpp"

namespace squeeze {

namespace {

// The part of the library's interface that is used, with the names and numbers of its versions 12 and 13.
namespace lt {

using Status = int;  // 0: done
using Handle = void*;
using MatmulDesc = void*;
using MatrixLayout = void*;
using Preference = void*;

enum DataType : int { kFloat32 = 0, kHalf = 2, kBFloat16 = 14 };
enum ComputeType : int { kCompute32F = 68 };
enum Operation : std::int32_t { kPlain = 0, kTransposed = 1 };
enum MatmulDescAttribute : int { kTransA = 3, kTransB = 4 };
enum PreferenceAttribute : int {
  kMaxWorkspaceBytes = 1,
  kMinAlignmentA = 5,
  kMinAlignmentB = 6,
  kMinAlignmentC = 7,
  kMinAlignmentD = 8,
};

struct Algorithm {
  std::uint64_t data[8];
};
struct HeuristicResult {
  Algorithm algorithm;
  std::size_t workspace_bytes;
  Status state;
  float waves;
  int reserved[4];
};
static_assert(sizeof(HeuristicResult) == 96);

struct Functions {
  std::size_t (*version)();
  Status (*create)(Handle*);
  Status (*destroy)(Handle);
  Status (*create_desc)(MatmulDesc*, ComputeType, DataType scale);
  Status (*destroy_desc)(MatmulDesc);
  Status (*set_desc)(MatmulDesc, MatmulDescAttribute, const void*, std::size_t);
  Status (*create_layout)(MatrixLayout*, DataType, std::uint64_t rows, std::uint64_t cols, std::int64_t leading);
  Status (*destroy_layout)(MatrixLayout);
  Status (*create_preference)(Preference*);
  Status (*destroy_preference)(Preference);
  Status (*set_preference)(Preference, PreferenceAttribute, const void*, std::size_t);
  Status (*heuristic)(Handle, MatmulDesc, MatrixLayout a, MatrixLayout b, MatrixLayout c, MatrixLayout d, Preference,
                      int wanted, HeuristicResult*, int* found);
  Status (*matmul)(Handle, MatmulDesc, const void* alpha, const void* a, MatrixLayout, const void* b, MatrixLayout,
                   const void* beta, const void* c, MatrixLayout, void* d, MatrixLayout, const Algorithm*,
                   void* workspace, std::size_t workspace_bytes, void* stream);
};

// Null where the library or one of its functions is missing. Never unloaded: the driver may still know of its code.
const Functions* load() {
  static const auto loaded = []() -> std::pair<bool, Functions> {
    void* library = nullptr;
    for (const char* name : {"libcublasLt.so.13", "libcublasLt.so.12"})
      if (library == nullptr) library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return {};
    bool complete = true;
    const auto find = [&]<typename Function>(Function*& function, const char* name) {
      function = reinterpret_cast<Function*>(dlsym(library, name));
      complete = complete && function != nullptr;
    };
    Functions f = {};
    find(f.version, "cublasLtGetVersion");
    find(f.create, "cublasLtCreate");
    find(f.destroy, "cublasLtDestroy");
    find(f.create_desc, "cublasLtMatmulDescCreate");
    find(f.destroy_desc, "cublasLtMatmulDescDestroy");
    find(f.set_desc, "cublasLtMatmulDescSetAttribute");
    find(f.create_layout, "cublasLtMatrixLayoutCreate");
    find(f.destroy_layout, "cublasLtMatrixLayoutDestroy");
    find(f.create_preference, "cublasLtMatmulPreferenceCreate");
    find(f.destroy_preference, "cublasLtMatmulPreferenceDestroy");
    find(f.set_preference, "cublasLtMatmulPreferenceSetAttribute");
    find(f.heuristic, "cublasLtMatmulAlgoGetHeuristic");
    find(f.matmul, "cublasLtMatmul");
    return {complete, f};
  }();
  return loaded.first ? &loaded.second : nullptr;
}

}  // namespace lt

template <typename T>
constexpr lt::DataType kDataType = lt::kFloat32;
template <>
constexpr lt::DataType kDataType<Half> = lt::kHalf;
template <>
constexpr lt::DataType kDataType<BFloat16> = lt::kBFloat16;

// Of an address, in bytes; beyond 16 the library's choices hardly differ, but their number would.
std::uint32_t alignment_of(const void* address) {
  const auto bits = reinterpret_cast<std::uintptr_t>(address) | 16u;
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

// What the choice of an algorithm depends on.
struct Shape {
  lt::DataType type;
  std::int64_t m, n, k;
  bool a_transposed, b_transposed;
  std::uint32_t a_alignment, b_alignment, y_alignment;

  auto operator<=>(const Shape&) const = default;
};

// How to multiply one shape: or, without an algorithm, that the library does not.
//
// The library's matrices are stored column after column, where ours are the transposes: it is asked for
// yᵀ[n, m] = b[n, k] a[k, m], and its A is our b.
class Plan {
 public:
  Plan(const lt::Functions& f, lt::Handle handle, const Shape& shape, std::size_t workspace_bytes) : f_(f) {
    usable_ = describe(shape) && choose(handle, shape, workspace_bytes);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() {
    if (desc_ != nullptr) f_.destroy_desc(desc_);
    for (const lt::MatrixLayout layout : {a_, b_, y_})
      if (layout != nullptr) f_.destroy_layout(layout);
  }

  template <typename T>
  bool run(lt::Handle handle, void* stream, const DeviceProduct<T>& p, void* workspace) {
    if (!usable_) return false;
    const float alpha = 1, beta = p.accumulate ? 1 : 0;
    usable_ = f_.matmul(handle, desc_, &alpha, p.b, b_, p.a, a_, &beta, p.y, y_, p.y, y_, &found_.algorithm, workspace,
                        found_.workspace_bytes, stream) == 0;
    return usable_;
  }

 private:
  bool describe(const Shape& s) {
    const auto layout = [&](lt::MatrixLayout& made, lt::DataType type, std::int64_t rows, std::int64_t cols) {
      return f_.create_layout(&made, type, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(cols), rows) ==
             0;
    };
    const lt::Operation of_b = s.b_transposed ? lt::kPlain : lt::kTransposed;
    const lt::Operation of_a = s.a_transposed ? lt::kTransposed : lt::kPlain;
    return f_.create_desc(&desc_, lt::kCompute32F, lt::kFloat32) == 0 &&
           f_.set_desc(desc_, lt::kTransA, &of_b, sizeof of_b) == 0 &&
           f_.set_desc(desc_, lt::kTransB, &of_a, sizeof of_a) == 0 &&
           layout(b_, s.type, s.b_transposed ? s.n : s.k, s.b_transposed ? s.k : s.n) &&
           layout(a_, s.type, s.a_transposed ? s.m : s.k, s.a_transposed ? s.k : s.m) &&
           layout(y_, lt::kFloat32, s.n, s.m);
  }

  bool choose(lt::Handle handle, const Shape& s, std::size_t workspace_bytes) {
    lt::Preference preference = nullptr;
    if (f_.create_preference(&preference) != 0) return false;
    const auto set = [&](lt::PreferenceAttribute attribute, const auto& value) {
      return f_.set_preference(preference, attribute, &value, sizeof value) == 0;
    };
    int count = 0;
    const bool chosen = set(lt::kMaxWorkspaceBytes, static_cast<std::uint64_t>(workspace_bytes)) &&
                        set(lt::kMinAlignmentA, s.b_alignment) && set(lt::kMinAlignmentB, s.a_alignment) &&
                        set(lt::kMinAlignmentC, s.y_alignment) && set(lt::kMinAlignmentD, s.y_alignment) &&
                        f_.heuristic(handle, desc_, b_, a_, y_, y_, preference, 1, &found_, &count) == 0;
    f_.destroy_preference(preference);
    return chosen && count > 0 && found_.state == 0 && found_.workspace_bytes <= workspace_bytes;
  }

  const lt::Functions& f_;
  lt::MatmulDesc desc_ = nullptr;
  lt::MatrixLayout a_ = nullptr, b_ = nullptr, y_ = nullptr;
  lt::HeuristicResult found_ = {};
  bool usable_ = false;
};

// Many more than one model's linears need; every length of a prompt brings new ones.
constexpr std::size_t kMaxPlans = 1024;

std::string version_text(std::size_t version) {
  return std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
         std::to_string(version % 100);
}

}  // namespace

struct CublasLt::State {
  const lt::Functions& functions;
  lt::Handle handle = nullptr;
  std::string version = {};
  std::map<Shape, Plan> plans = {};

  explicit State(const lt::Functions& loaded) : functions(loaded) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    plans.clear();
    if (handle != nullptr) functions.destroy(handle);
  }
};

CublasLt::CublasLt(std::unique_ptr<State> state) : state_(std::move(state)) {}
CublasLt::~CublasLt() = default;
const std::string& CublasLt::version() const { return state_->version; }

std::unique_ptr<CublasLt> CublasLt::make(const Stream& stream) {
  const bool emulated = stream.handle() == nullptr;
  const lt::Functions* functions = emulated || stream.failed() ? nullptr : lt::load();
  if (functions == nullptr) return nullptr;
  auto state = std::make_unique<State>(*functions);
  if (functions->create(&state->handle) != 0) return nullptr;
  state->version = version_text(functions->version());
  return std::unique_ptr<CublasLt>(new CublasLt(std::move(state)));
}

template <typename T>
bool CublasLt::matmul(Stream& stream, const DeviceProduct<T>& p, DeviceView<float> space) {
  if (p.m == 0 || p.n == 0 || p.k == 0) return false;
  if (stream.failed()) return true;  // nothing is to be done
  const Shape shape{.type = kDataType<T>,
                    .m = p.m,
                    .n = p.n,
                    .k = p.k,
                    .a_transposed = p.a_transposed,
                    .b_transposed = p.b_transposed,
                    .a_alignment = alignment_of(p.a),
                    .b_alignment = alignment_of(p.b),
                    .y_alignment = alignment_of(p.y)};
  auto& plans = state_->plans;
  auto plan = plans.find(shape);
  if (plan == plans.end()) {
    if (plans.size() >= kMaxPlans) plans.clear();
    plan = plans
               .try_emplace(shape, state_->functions, state_->handle, shape,
                            static_cast<std::size_t>(space.size()) * sizeof(float))
               .first;
  }
  return plan->second.run(state_->handle, stream.handle(), p, space.data);
}
template bool CublasLt::matmul(Stream&, const DeviceProduct<Half>&, DeviceView<float>);
template bool CublasLt::matmul(Stream&, const DeviceProduct<BFloat16>&, DeviceView<float>);
template bool CublasLt::matmul(Stream&, const DeviceProduct<float>&, DeviceView<float>);

}  // namespace squeeze
