#include "rpc/json_codec.hpp"

#include <algorithm>
#include <cmath>

namespace squeeze::contract {

using nlohmann::json;

namespace {

// What was found, short enough for a sentence.
std::string shown(const json& value) {
  switch (value.type()) {
    case json::value_t::object:
      return "an object";
    case json::value_t::array:
      return "an array of " + std::to_string(value.size());
    case json::value_t::null:
      return "null";
    default:
      break;
  }
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  constexpr std::size_t kLongest = 60;
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

std::string number_text(double value) {
  std::string text = json(value).dump();
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  return text;
}

template <typename T>
std::string range_text(const std::string& what, T least, T most, bool has_least, bool has_most,
                       std::string (*text)(T)) {
  if (has_least && has_most) return what + " from " + text(least) + " to " + text(most);
  if (has_least) return what + " >= " + text(least);
  if (has_most) return what + " <= " + text(most);
  return what;
}

}  // namespace

std::string JsonPath::text() const {
  if (is_index_) return parent_->text() + "[" + std::to_string(index_) + "]";
  return parent_ == nullptr ? std::string(key_) : parent_->text() + "." + std::string(key_);
}

Error mismatch(const JsonPath& path, const std::string& expected, const json& found) {
  return {.code = ErrorCode::kInvalidRequest,
          .message = path.text() + ": expected " + expected + ", found " + shown(found)};
}

Result<std::string> read_string(const json& value, const JsonPath& path) {
  if (!value.is_string()) return mismatch(path, "a string", value);
  return value.get_ref<const std::string&>();
}

Result<bool> read_boolean(const json& value, const JsonPath& path) {
  if (!value.is_boolean()) return mismatch(path, "true or false", value);
  return value.get<bool>();
}

Result<std::int64_t> read_integer(const json& value, const JsonPath& path, std::int64_t least, std::int64_t most) {
  const auto refuse = [&] {
    return mismatch(path,
                    range_text<std::int64_t>("an integer", least, most, least > kMinSafe, most < kMaxSafe,
                                             [](std::int64_t bound) { return std::to_string(bound); }),
                    value);
  };
  std::int64_t number = 0;
  if (value.is_number_unsigned()) {
    const auto wide = value.get<std::uint64_t>();
    if (wide > static_cast<std::uint64_t>(kMaxSafe)) return refuse();
    number = static_cast<std::int64_t>(wide);
  } else if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  } else if (value.is_number_float()) {
    const double real = value.get<double>();
    if (!(std::abs(real) <= static_cast<double>(kMaxSafe)) || real != std::trunc(real)) return refuse();
    number = static_cast<std::int64_t>(real);
  } else {
    return refuse();
  }
  if (number < least || number > most) return refuse();
  return number;
}

Result<double> read_number(const json& value, const JsonPath& path, double least, double most) {
  const bool good = value.is_number() && std::isfinite(value.get<double>()) && value.get<double>() >= least &&
                    value.get<double>() <= most;
  if (good) return value.get<double>();
  return mismatch(path, range_text<double>("a number", least, most, least > -kInfinity, most < kInfinity, number_text),
                  value);
}

Result<void> expect_fields(const json& value, const JsonPath& path, std::initializer_list<std::string_view> known) {
  if (!value.is_object()) return mismatch(path, "an object", value);
  for (const auto& [name, _] : value.items())
    if (std::find(known.begin(), known.end(), name) == known.end())
      return Error{.code = ErrorCode::kInvalidRequest,
                   .message = JsonPath(path, name).text() + ": unknown field; known are " + quoted_list(known)};
  return {};
}

std::string quoted_list(std::initializer_list<std::string_view> names) {
  std::string out;
  for (const auto name : names) out += (out.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  return out;
}

json write_number(double value, const JsonPath& path, std::optional<Error>& bad) {
  if (std::isfinite(value)) return value;
  if (!bad)
    bad = Error{.code = ErrorCode::kInternal, .message = path.text() + " is not a finite number and cannot be sent."};
  return nullptr;
}

CallFailure method_not_found(std::string_view method) {
  return {RpcCode::kMethodNotFound,
          {.code = ErrorCode::kInvalidRequest, .message = "There is no method \"" + std::string(method) + "\"."}};
}

}  // namespace squeeze::contract
