#include "methods/method.hpp"

#include <string_view>

namespace squeeze {

const Method* method_named(std::string_view id) {
  for (const Method* method : all_methods())
    if (id == method->id) return method;
  return nullptr;
}

}  // namespace squeeze
