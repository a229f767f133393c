// Tier B against float64 of the rounded factors: |y − ref| ≤ 2 (K + 16) ε Σ|a||b| with ε = 2^-23. Products of 16-bit
// factors are exact in fp32. A tensor core adds 16 of them and the sum so far at once, cutting off below the last place
// of the largest, where a processor rounds: twice the error of one addition, at most, for each term.

#include "ops/matmul/matmul_cuda.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "device/test_device.hpp"
#include "ops/matmul/own_matmul_cuda.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

enum class Form { kNt, kNn, kTn };
constexpr Form kForms[] = {Form::kNt, Form::kNn, Form::kTn};

struct Case {
  std::int64_t m, n, k;  // y[m, n] = Σ_k
};

template <typename T>
T rounded_to(float value) {
  if constexpr (std::is_same_v<T, Half>)
    return to_half(value);
  else if constexpr (std::is_same_v<T, BFloat16>)
    return to_bfloat16(value);
  else
    return value;
}

template <typename T>
Matrix<T> random_factor(std::int64_t rows, std::int64_t cols, std::uint32_t seed) {
  const Matrix<float> exact = random_matrix(rows, cols, seed);
  Matrix<T> factor(rows, cols);
  for (std::size_t i = 0; i < factor.values.size(); ++i) factor.values[i] = rounded_to<T>(exact.values[i]);
  return factor;
}

// Two factors, stored as the form wants them, and what y should be.
template <typename T>
struct Problem {
  Form form;
  Case size;
  Matrix<T> a, b;
  Matrix<float> before;
  std::vector<double> sum, bound;

  Problem(Form of, const Case& c)
      : form(of),
        size(c),
        a(of == Form::kTn ? random_factor<T>(c.k, c.m, 1) : random_factor<T>(c.m, c.k, 1)),
        b(of == Form::kNt ? random_factor<T>(c.n, c.k, 2) : random_factor<T>(c.k, c.n, 2)),
        before(random_matrix(c.m, c.n, 3)) {
    for (std::int64_t row = 0; row < c.m; ++row)
      for (std::int64_t col = 0; col < c.n; ++col) {
        double total = 0, magnitude = 0;
        for (std::int64_t i = 0; i < c.k; ++i) {
          const double term =
              static_cast<double>(to_float(a.values[form == Form::kTn ? i * c.m + row : row * c.k + i])) *
              static_cast<double>(to_float(b.values[form == Form::kNt ? col * c.k + i : i * c.n + col]));
          total += term;
          magnitude += std::abs(term);
        }
        sum.push_back(total);
        bound.push_back(magnitude);
      }
  }

  DeviceProduct<T> product(DeviceView<const T> there_a, DeviceView<const T> there_b, DeviceView<float> y,
                           bool accumulate) const {
    return {.a = there_a.data,
            .b = there_b.data,
            .y = y.data,
            .m = size.m,
            .n = size.n,
            .k = size.k,
            .a_transposed = form == Form::kTn,
            .b_transposed = form != Form::kNt,
            .accumulate = accumulate};
  }

  void check(const Matrix<float>& y, bool accumulated) const {
    int wrong = 0;
    for (std::size_t i = 0; i < sum.size(); ++i) {
      const double extra = accumulated ? static_cast<double>(before.values[i]) : 0;
      const double allowed = 2 * static_cast<double>(size.k + 16) * 0x1p-23 * (bound[i] + std::abs(extra));
      const double error = std::abs(static_cast<double>(y.values[i]) - (sum[i] + extra));
      wrong += !(error <= allowed);  // NaN, too
    }
    CAPTURE(static_cast<int>(form));
    CAPTURE(size.m);
    CAPTURE(size.n);
    CAPTURE(size.k);
    CAPTURE(accumulated);
    CHECK(wrong == 0);
  }
};

template <typename T>
void multiply(DeviceMatmul& matmul, Stream& stream, Form form, DeviceView<const T> a, DeviceView<const T> b,
              DeviceView<float> y, bool accumulate = false) {
  if (form == Form::kNt)
    matmul.nt<T>(stream, a, b, y, accumulate);
  else if (form == Form::kNn)
    matmul.nn<T>(stream, a, b, y, accumulate);
  else
    matmul.tn<T>(stream, a, b, y, accumulate);
}

template <typename T>
void check_product(TestDevice& device, DeviceMatmul& matmul, Form form, const Case& size) {
  const Problem<T> problem(form, size);
  const auto a = device.of(problem.a), b = device.of(problem.b);
  const auto y = device.empty<float>(size.m, size.n), sum = device.of(problem.before);
  multiply<T>(matmul, device.stream(), form, a, b, y);
  multiply<T>(matmul, device.stream(), form, a, b, sum, true);
  problem.check(device.back(y), false);
  problem.check(device.back(sum), true);
}

// Memory that starts `elements` after an address of allocated memory.
template <typename T>
DeviceView<T> shifted(TestDevice& device, const Matrix<T>& host, std::int64_t elements) {
  const auto room = device.empty<T>(1, elements + host.view().rows * host.cols);
  const DeviceView<T> view{room.data + elements, host.rows, host.cols};
  device.stream().upload(view, host.values.data());
  return view;
}

}  // namespace

TEST_CASE_TEMPLATE("device: matmul, all products, types and sizes, by our kernels and by the best there is (B)", T,
                   Half, BFloat16, float) {
  TestDevice device;
  if (!device) return;
  for (const MatmulLibrary library : {MatmulLibrary::kOwn, MatmulLibrary::kBest}) {
    DeviceMatmul matmul = DeviceMatmul::make(device.stream(), library);
    CAPTURE(matmul.name());
    if (library == MatmulLibrary::kBest && matmul.name() == "squeeze") continue;
    for (const Form form : kForms)
      for (const Case& size : {Case{1, 1, 1}, Case{2, 3, 40}, Case{17, 65, 33}, Case{1, 136, 64}, Case{70, 8, 129},
                               Case{128, 64, 96}, Case{72, 136, 200}})
        check_product<T>(device, matmul, form, size);
  }
}

TEST_CASE_TEMPLATE("device: matmul by every tile of our kernels, with edges everywhere (B)", T, Half, BFloat16) {
  TestDevice device;
  if (!device) return;
  for (const Form form : kForms)
    for (const auto& [tile, size] :
         {std::pair{MatmulTile::kSmall, Case{72, 80, 168}}, std::pair{MatmulTile::kMedium, Case{136, 152, 40}},
          std::pair{MatmulTile::kLarge, Case{136, 264, 8}}, std::pair{MatmulTile::kLarge, Case{64, 120, 296}}}) {
      const Problem<T> problem(form, size);
      const auto a = device.of(problem.a), b = device.of(problem.b);
      const auto y = device.empty<float>(size.m, size.n);
      own_matmul(device.stream(), problem.product(a, b, y, false), {}, tile);
      problem.check(device.back(y), false);
    }
}

TEST_CASE_TEMPLATE("device: matmul with a long inner side and few results is cut into parts (B)", T, Half, BFloat16) {
  TestDevice device;
  if (!device) return;
  DeviceMatmul matmul = DeviceMatmul::make(device.stream(), MatmulLibrary::kOwn);
  for (const Form form : kForms)
    for (const Case& size : {Case{8, 16, 1048}, Case{3, 5, 777}}) check_product<T>(device, matmul, form, size);
}

TEST_CASE_TEMPLATE("device: matmul of memory at odd addresses (B)", T, Half, BFloat16, float) {
  TestDevice device;
  if (!device) return;
  for (const MatmulLibrary library : {MatmulLibrary::kOwn, MatmulLibrary::kBest}) {
    DeviceMatmul matmul = DeviceMatmul::make(device.stream(), library);
    for (const Form form : kForms) {
      const Problem<T> problem(form, {24, 40, 64});
      const auto a = device.of(problem.a), b = device.of(problem.b);
      const auto odd_a = shifted(device, problem.a, 1), odd_b = shifted(device, problem.b, 3);
      const auto y = device.empty<float>(24, 40), odd_y = shifted(device, problem.before, 1);
      multiply<T>(matmul, device.stream(), form, odd_a, b, y);
      problem.check(device.back(y), false);
      multiply<T>(matmul, device.stream(), form, a, odd_b, y);
      problem.check(device.back(y), false);
      multiply<T>(matmul, device.stream(), form, a, b, odd_y, true);
      problem.check(device.back(odd_y), true);
    }
  }
}

TEST_CASE_TEMPLATE("device: matmul of nothing: an empty inner side gives zeros, or adds none", T, Half, BFloat16,
                   float) {
  TestDevice device;
  if (!device) return;
  for (const MatmulLibrary library : {MatmulLibrary::kOwn, MatmulLibrary::kBest}) {
    DeviceMatmul matmul = DeviceMatmul::make(device.stream(), library);
    for (const Form form : kForms) {
      check_product<T>(device, matmul, form, {5, 8, 0});
      check_product<T>(device, matmul, form, {0, 8, 16});
      check_product<T>(device, matmul, form, {8, 0, 16});
    }
  }
}

TEST_CASE("device: matmul recorded once gives the same again and again") {
  TestDevice device;
  if (!device) return;
  for (const MatmulLibrary library : {MatmulLibrary::kOwn, MatmulLibrary::kBest}) {
    DeviceMatmul matmul = DeviceMatmul::make(device.stream(), library);
    const Problem<BFloat16> problem(Form::kNt, {16, 24, 520});
    const auto a = device.of(problem.a), b = device.of(problem.b);
    const auto y = device.empty<float>(16, 24);
    matmul.nt<BFloat16>(device.stream(), a, b, y);  // a library may load code, which a recording does not allow
    device.stream().begin_recording();
    matmul.nt<BFloat16>(device.stream(), a, b, y);
    const Graph graph = device.stream().end_recording();
    const Matrix<float> once = device.back(y);
    problem.check(once, false);
    for (int launch = 0; launch < 2; ++launch) {
      device.stream().fill(y.data, 0xff, y.size() * 4);
      graph.launch(device.stream());
      CHECK(device.back(y).values == once.values);
    }
  }
}
