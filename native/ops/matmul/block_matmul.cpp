#include "ops/matmul/block_matmul.hpp"

#include <compare>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>

#include "base/threads.hpp"

namespace squeeze {

namespace {

using dnnl::memory;

// Many more than one model's linears need; every length of a prompt brings new ones.
constexpr std::size_t kMaxPrimitives = 512;

// c[rows, cols] = a[rows, inner] b[inner, cols] + beta c. Strides in elements, of rows and of columns.
struct Shape {
  memory::data_type type;
  std::int64_t rows, cols, inner;
  std::int64_t a_row, a_col, b_row, b_col, c_row;
  bool adds;

  auto operator<=>(const Shape&) const = default;
};

struct Primitive {
  memory::desc a, b, c;
  dnnl::matmul matmul;
};

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

Primitive make(const Shape& s) {
  const OneThread alone;
  const memory::desc a({s.rows, s.inner}, s.type, memory::dims{s.a_row, s.a_col});
  const memory::desc b({s.inner, s.cols}, s.type, memory::dims{s.b_row, s.b_col});
  const memory::desc c({s.rows, s.cols}, memory::data_type::f32, memory::dims{s.c_row, 1});
  dnnl::primitive_attr attributes;
  if (s.adds) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  return {a, b, c, dnnl::matmul({dnnl::matmul::desc(a, b, c), attributes, cpu()})};
}

// A primitive's working memory belongs to the thread that made it, so threads share none.
const Primitive& primitive_for(const Shape& shape) {
  thread_local std::map<Shape, Primitive> made;
  if (const auto found = made.find(shape); found != made.end()) return found->second;
  if (made.size() >= kMaxPrimitives) made.clear();
  return made.emplace(shape, make(shape)).first->second;
}

void run(const Shape& shape, const void* a, const void* b, float* c) {
  assert(shape.rows > 0 && shape.cols > 0 && shape.inner > 0);
  const Primitive& primitive = primitive_for(shape);
  thread_local dnnl::stream stream(cpu());
  // The library takes pointers to what it only reads as pointers to what it may change.
  primitive.matmul.execute(stream, {{DNNL_ARG_SRC, memory(primitive.a, cpu(), const_cast<void*>(a))},
                                    {DNNL_ARG_WEIGHTS, memory(primitive.b, cpu(), const_cast<void*>(b))},
                                    {DNNL_ARG_DST, memory(primitive.c, cpu(), c)}});
}

template <typename T>
constexpr memory::data_type kType = memory::data_type::f32;
template <>
constexpr memory::data_type kType<BFloat16> = memory::data_type::bf16;

}  // namespace

template <typename T>
void block_matmul_nt(StridedView<const T> x, StridedView<const T> w, StridedView<float> y) {
  assert(x.cols == w.cols && y.rows == x.rows && y.cols == w.rows);
  run({kType<T>, y.rows, y.cols, x.cols, x.stride, 1, 1, w.stride, y.stride, false}, x.data, w.data, y.data);
}

template <typename T>
void block_matmul_nn(StridedView<const T> y, StridedView<const T> w, StridedView<float> x, float beta) {
  assert(y.cols == w.rows && x.rows == y.rows && x.cols == w.cols && (beta == 0 || beta == 1));
  run({kType<T>, x.rows, x.cols, y.cols, y.stride, 1, w.stride, 1, x.stride, beta == 1}, y.data, w.data, x.data);
}

template <typename T>
void block_matmul_tn(StridedView<const T> dy, StridedView<const T> x, StridedView<float> dw) {
  assert(dy.rows == x.rows && dw.rows == dy.cols && dw.cols == x.cols);
  run({kType<T>, dw.rows, dw.cols, x.rows, 1, dy.stride, x.stride, 1, dw.stride, false}, dy.data, x.data, dw.data);
}

template void block_matmul_nt(StridedView<const float>, StridedView<const float>, StridedView<float>);
template void block_matmul_nt(StridedView<const BFloat16>, StridedView<const BFloat16>, StridedView<float>);
template void block_matmul_nn(StridedView<const float>, StridedView<const float>, StridedView<float>, float);
template void block_matmul_nn(StridedView<const BFloat16>, StridedView<const BFloat16>, StridedView<float>, float);
template void block_matmul_tn(StridedView<const float>, StridedView<const float>, StridedView<float>);
template void block_matmul_tn(StridedView<const BFloat16>, StridedView<const BFloat16>, StridedView<float>);

}  // namespace squeeze
