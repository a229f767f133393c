#pragma once
// For tests: an op's CUDA twin on the cases of its CPU twin. Runs on a GPU where the tests were built for one and there
// is one, else emulated; says that it skips when it was built for one and there is none.

#include <doctest/doctest.h>

#include <vector>

#include "base/matrix.hpp"
#include "base/test_skip.hpp"
#include "device/device.hpp"

namespace squeeze {

// A stream, and memory that lives as long as the test.
class TestDevice {
 public:
  TestDevice() : stream_(Stream::make()) {
    if (!stream_.ok()) say_skipped("a device case", stream_.error().message);
  }
  explicit operator bool() const { return stream_.ok(); }
  Stream& stream() { return stream_.value(); }

  template <typename T>
  DeviceView<T> empty(std::int64_t rows, std::int64_t cols) {
    auto array = std::make_shared<DeviceArray<T>>();
    const auto view = array->matrix(stream(), rows, cols);
    stream().fill(view.data, 0xff,
                  view.size() * static_cast<std::int64_t>(sizeof(T)));  // NaN, where nothing is written
    kept_.push_back(array);
    return view;
  }
  template <typename T>
  DeviceView<T> of(MatrixView<const T> host) {
    const auto view = empty<T>(host.rows, host.cols);
    stream().upload(view, host.data);
    return view;
  }
  template <typename T>
  DeviceView<T> of(const Matrix<T>& host) {
    return of(host.view());
  }
  template <typename T>
  DeviceView<T> of(const std::vector<T>& host) {
    return of(MatrixView<const T>{host.data(), 1, static_cast<std::int64_t>(host.size())});
  }
  template <typename T>
  Matrix<std::remove_const_t<T>> back(DeviceView<T> view) {
    Matrix<std::remove_const_t<T>> host(view.rows, view.cols);
    stream().download(host.values.data(), view);
    const auto done = stream().finish();
    if (!done.ok()) FAIL(done.error().message);
    return host;
  }

 private:
  Result<Stream> stream_;
  std::vector<std::shared_ptr<void>> kept_;
};

}  // namespace squeeze
