#pragma once
// Errors as values. Exceptions do not cross a module; what may fail returns Result<T>.

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace squeeze {

// The same list as errorCode in src/shared/contract/errors.ts; rpc/ holds the two to each other at compile time.
enum class ErrorCode {
  kInvalidRequest,
  kProtocolMismatch,
  kFileNotFound,
  kFileUnreadable,
  kFileMalformed,
  kTensorMissing,
  kTensorMalformed,
  kValueNotFinite,
  kArchitectureUnsupported,
  kTokenizerMissing,
  kTokenizerUnsupported,
  kTextTooShort,
  kCalibrationMismatch,
  kOutputExists,
  kOutputUnwritable,
  kDiskFull,
  kOutOfMemory,
  kDeviceUnavailable,
  kNotFound,
  kBusy,
  kCancelled,
  kSidecarDied,
  kInternal,
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one sentence for a person, naming the file, tensor or field
  std::string stage = {};
  std::optional<int> layer = {};
  std::string tensor = {};
  bool retryable = false;
  std::string hint = {};
};

// Holds a T or an Error. Look at ok() before value().
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    assert(ok());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    assert(ok());
    return std::move(*std::get_if<0>(&state_));
  }
  const Error& error() const& {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    assert(!ok());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }

 private:
  std::optional<Error> error_;
};

// Returns the error of an expression that gives Result<void> (or any Result whose value is not needed).
#define SQUEEZE_TRY(expression)                                     \
  do {                                                              \
    auto squeeze_try_ = (expression);                               \
    if (!squeeze_try_.ok()) return std::move(squeeze_try_).error(); \
  } while (false)

#define SQUEEZE_CONCAT_(a, b) a##b
#define SQUEEZE_CONCAT(a, b) SQUEEZE_CONCAT_(a, b)
// SQUEEZE_ASSIGN(auto file, open(path)): declares `file`, or returns the error.
#define SQUEEZE_ASSIGN(declaration, expression)                          \
  auto SQUEEZE_CONCAT(squeeze_result_, __LINE__) = (expression);         \
  if (!SQUEEZE_CONCAT(squeeze_result_, __LINE__).ok())                   \
    return std::move(SQUEEZE_CONCAT(squeeze_result_, __LINE__)).error(); \
  declaration = std::move(SQUEEZE_CONCAT(squeeze_result_, __LINE__)).value()

}  // namespace squeeze
