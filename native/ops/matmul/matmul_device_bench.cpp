// Rates of matrix products on a GPU, ours and cuBLASLt's (where it is installed): medians of batches, the inputs as
// warm in L2 as the calls before left them. Checks first: entries against float64, every entry against cuBLASLt's, and
// that our kernels give the same bits every time. Ends with 1 if something is wrong. A line "JSON {...}" for each
// product.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "device/bench_device.hpp"
#include "ops/matmul/matmul_cuda.hpp"
#include "ops/matmul/own_matmul_cuda.hpp"

using namespace squeeze;

namespace {

constexpr int kRounds = 11, kBatch = 5, kWarmUp = 3;
constexpr int kSamples = 200;
// Relative to Σ|a||b|: far above what sums of random terms are off, far below one missing term in 4,096.
constexpr double kTolerance = 1e-5;

struct Size {
  std::int64_t m, n, k;  // y[m, n] = Σ_k
};
enum class Form { kNt, kNn, kTn };
constexpr Form kForms[] = {Form::kNt, Form::kNn, Form::kTn};
constexpr const char* kFormNames[] = {"nt", "nn", "tn"};
constexpr MatmulTile kTiles[] = {MatmulTile::kSmall, MatmulTile::kMedium, MatmulTile::kLarge};
constexpr const char* kTileNames[] = {"small", "medium", "large"};

template <typename T>
constexpr const char* kTypeName = "fp32";
template <>
constexpr const char* kTypeName<Half> = "fp16";
template <>
constexpr const char* kTypeName<BFloat16> = "bf16";

// Between -1 and 1, with a step that every type holds exactly.
template <typename T>
std::vector<T> random_values(std::int64_t count, std::uint32_t seed) {
  std::minstd_rand random(seed);
  std::vector<T> values(static_cast<std::size_t>(count));
  for (T& value : values) {
    const float number = (static_cast<float>(random() >> 8 & 0xffu) - 127.5f) / 128.0f;
    if constexpr (std::is_same_v<T, Half>)
      value = to_half(number);
    else if constexpr (std::is_same_v<T, BFloat16>)
      value = to_bfloat16(number);
    else
      value = number;
  }
  return values;
}

double median_seconds(Stream& stream, const std::function<void()>& work) {
  for (int i = 0; i < kWarmUp; ++i) work();
  DeviceTimer timer(stream);
  std::vector<double> seconds;
  for (int round = 0; round < kRounds; ++round) {
    timer.start();
    for (int i = 0; i < kBatch; ++i) work();
    seconds.push_back(timer.stop_ms() * 1e-3 / kBatch);
  }
  std::ranges::sort(seconds);
  return seconds[kRounds / 2];
}

// Factors for all sizes up to the largest, on both sides.
template <typename T>
class Bench {
 public:
  Bench(Stream& stream, const Size& largest, std::int64_t largest_y)
      : stream_(stream),
        own_(DeviceMatmul::make(stream, MatmulLibrary::kOwn)),
        best_(DeviceMatmul::make(stream, MatmulLibrary::kBest)),
        a_(random_values<T>(largest.m * largest.k, 1)),
        b_(random_values<T>(largest.n * largest.k, 2)) {
    a_there_.assign(stream, std::span<const T>(a_));
    b_there_.assign(stream, std::span<const T>(b_));
    y_there_.vector(stream, largest_y);
    space_.vector(stream, std::int64_t{8} << 20);
  }

  bool has_library() const { return best_.name() != "squeeze"; }

  // False if a result is wrong.
  bool check(Form form, const Size& s) {
    const std::vector<float> ours = result(s, [&] { multiply(own_, form, s); });
    bool right = matches_samples(form, s, ours);
    right = result(s, [&] { multiply(own_, form, s); }) == ours && right;
    if constexpr (!std::is_same_v<T, float>)
      for (const MatmulTile tile : kTiles) {
        const std::vector<float> by_tile = result(s, [&] { multiply_by(tile, form, s); });
        right = matches_samples(form, s, by_tile) && close(s, by_tile, ours) && right;
      }
    if (has_library()) right = close(s, result(s, [&] { multiply(best_, form, s); }), ours) && right;
    if (!right)
      std::printf("WRONG: %s %s %lld × %lld × %lld\n", kFormNames[static_cast<int>(form)], kTypeName<T>,
                  static_cast<long long>(s.m), static_cast<long long>(s.n), static_cast<long long>(s.k));
    return right;
  }

  void measure(Form form, const Size& s) {
    const double tera = 2e-12 * static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
    const auto rate = [&](const std::function<void()>& work) { return tera / median_seconds(stream_, work); };
    const double ours = rate([&] { multiply(own_, form, s); });
    const double theirs = has_library() ? rate([&] { multiply(best_, form, s); }) : 0;
    std::printf("%s %s %5lld × %5lld × %5lld  ours %6.1f", kFormNames[static_cast<int>(form)], kTypeName<T>,
                static_cast<long long>(s.m), static_cast<long long>(s.n), static_cast<long long>(s.k), ours);
    if (has_library()) std::printf("  %s %6.1f TFLOP/s: %.0f %%", best_.name().c_str(), theirs, 100 * ours / theirs);
    std::string tiles;
    if constexpr (!std::is_same_v<T, float>)
      for (const MatmulTile tile : kTiles) {
        const char* name = kTileNames[static_cast<int>(tile) - 1];
        const double by_tile = rate([&] { multiply_by(tile, form, s); });
        std::printf("  %s %.0f", name, by_tile);
        tiles += std::string(", \"") + name + "_tflops\": " + std::to_string(by_tile);
      }
    std::printf(
        "\nJSON {\"bench\": \"matmul\", \"device\": \"%s\", \"form\": \"%s\", \"type\": \"%s\", \"m\": %lld, "
        "\"n\": %lld, \"k\": %lld, \"own_tflops\": %.2f, \"library\": \"%s\", \"library_tflops\": %.2f%s}\n",
        stream_.device().name.c_str(), kFormNames[static_cast<int>(form)], kTypeName<T>, static_cast<long long>(s.m),
        static_cast<long long>(s.n), static_cast<long long>(s.k), ours, best_.name().c_str(), theirs, tiles.c_str());
    std::fflush(stdout);
  }

 private:
  void multiply(DeviceMatmul& matmul, Form form, const Size& s) {
    const DeviceView<const T> a{a_there_.data(), s.m, s.k}, b{b_there_.data(), s.n, s.k};
    const DeviceView<float> y{y_there_.data(), s.m, s.n};
    if (form == Form::kNt)
      matmul.template nt<T>(stream_, a, b, y);
    else if (form == Form::kNn)
      matmul.template nn<T>(stream_, a, b.reshaped(s.k, s.n), y);
    else
      matmul.template tn<T>(stream_, a.reshaped(s.k, s.m), b.reshaped(s.k, s.n), y);
  }

  void multiply_by(MatmulTile tile, Form form, const Size& s) {
    own_matmul(stream_,
               DeviceProduct<T>{.a = a_there_.data(),
                                .b = b_there_.data(),
                                .y = y_there_.data(),
                                .m = s.m,
                                .n = s.n,
                                .k = s.k,
                                .a_transposed = form == Form::kTn,
                                .b_transposed = form != Form::kNt},
               {space_.data(), 1, space_.capacity()}, tile);
  }

  std::vector<float> result(const Size& s, const std::function<void()>& work) {
    const DeviceView<float> y{y_there_.data(), s.m, s.n};
    stream_.fill(y.data, 0xff, y.size() * static_cast<std::int64_t>(sizeof(float)));  // NaN
    work();
    std::vector<float> back(static_cast<std::size_t>(y.size()));
    stream_.download(back.data(), y);
    (void)stream_.finish();  // an error stays in the stream, for main
    return back;
  }

  bool matches_samples(Form form, const Size& s, const std::vector<float>& y) const {
    std::minstd_rand random(3);
    for (int sample = 0; sample < kSamples; ++sample) {
      // The last entry of all, then random ones.
      const std::int64_t row = sample == 0 ? s.m - 1 : static_cast<std::int64_t>(random()) % s.m;
      const std::int64_t col = sample == 0 ? s.n - 1 : static_cast<std::int64_t>(random()) % s.n;
      double sum = 0, magnitude = 0;
      for (std::int64_t i = 0; i < s.k; ++i) {
        const double term =
            static_cast<double>(
                to_float(a_[static_cast<std::size_t>(form == Form::kTn ? i * s.m + row : row * s.k + i)])) *
            static_cast<double>(
                to_float(b_[static_cast<std::size_t>(form == Form::kNt ? col * s.k + i : i * s.n + col)]));
        sum += term;
        magnitude += std::abs(term);
      }
      const double got = static_cast<double>(y[static_cast<std::size_t>(row * s.n + col)]);
      if (!(std::abs(got - sum) <= kTolerance * magnitude)) return false;  // NaN, too
    }
    return true;
  }

  // Both of numbers uniform in (-1, 1), whose products are 1/4 on average.
  static bool close(const Size& s, const std::vector<float>& x, const std::vector<float>& y) {
    const float allowed = static_cast<float>(2 * kTolerance * static_cast<double>(s.k) / 4);
    for (std::size_t i = 0; i < x.size(); ++i)
      if (!(std::abs(x[i] - y[i]) <= allowed)) return false;
    return true;
  }

  Stream& stream_;
  DeviceMatmul own_, best_;
  std::vector<T> a_, b_;
  DeviceArray<T> a_there_, b_there_;
  DeviceArray<float> y_there_, space_;
};

template <typename T>
bool run(Stream& stream, const std::vector<Size>& sizes) {
  bool right = true;
  Size largest = {1000, 4104, 1096};
  std::int64_t largest_y = largest.m * largest.n;
  for (const Size& s : sizes) {
    largest = {std::max(largest.m, s.m), std::max(largest.n, s.n), std::max(largest.k, s.k)};
    largest_y = std::max(largest_y, s.m * s.n);
  }
  Bench<T> bench(stream, largest, largest_y);
  // Edges on every side, of whole chunks of 16 bytes and not.
  for (const Size& s : {Size{1000, 4104, 1096}, Size{333, 777, 555}})
    for (const Form form : kForms) right = bench.check(form, s) && right;
  for (const Size& s : sizes)
    for (const Form form : kForms) {
      right = bench.check(form, s) && right;
      bench.measure(form, s);
    }
  return right;
}

}  // namespace

int main() {
  Stream stream = stream_or_exit();
  const std::vector<Size> sizes = {{512, 4096, 4096}, {512, 11008, 4096}, {4096, 4096, 4096}};
  bool right = run<BFloat16>(stream, sizes);
  right = run<Half>(stream, sizes) && right;
  right = run<float>(stream, {{512, 4096, 4096}}) && right;
  if (const auto done = stream.finish(); !done.ok()) {
    std::fprintf(stderr, "%s\n", done.error().message.c_str());
    return 1;
  }
  return right ? 0 : 1;
}
