#pragma once
// Where exceptions end: what a library throws becomes an error, and the sidecar lives on.

#include <exception>
#include <new>
#include <string>

#include "base/result.hpp"

namespace squeeze {

// Calls `body`, which returns a Result, and turns what it throws into its error.
template <typename Body>
auto guarded(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error{.code = ErrorCode::kOutOfMemory,
                 .message = "There was not enough memory.",
                 .retryable = true,
                 .hint = "Close other programs, or lower the memory limit."};
  } catch (const std::exception& exception) {
    return Error{.code = ErrorCode::kInternal, .message = std::string("Unexpected failure: ") + exception.what()};
  } catch (...) {
    return Error{.code = ErrorCode::kInternal, .message = "Unexpected failure of unknown kind."};
  }
}

}  // namespace squeeze
