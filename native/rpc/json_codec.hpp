#pragma once
// What the generated decoders and encoders of the wire are made of.
//
// nlohmann's own conversions are not used for what comes from outside: they read 3.7 as the integer 3, and turn numbers
// that are not finite into null.

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace squeeze::contract {

// Integers that a host in JavaScript holds exactly.
inline constexpr std::int64_t kMaxSafe = 9007199254740991;
inline constexpr std::int64_t kMinSafe = -kMaxSafe;
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();

// A place inside a JSON value, spelled only when an error needs it: "params.recipe.bits", "params.prompt[3]".
class JsonPath {
 public:
  explicit JsonPath(std::string_view root) : key_(root) {}
  JsonPath(const JsonPath& parent, std::string_view key) : parent_(&parent), key_(key) {}
  JsonPath(const JsonPath& parent, std::size_t index) : parent_(&parent), index_(index), is_index_(true) {}
  std::string text() const;

 private:
  const JsonPath* parent_ = nullptr;
  std::string_view key_ = {};
  std::size_t index_ = 0;
  bool is_index_ = false;
};

// "params.bits: expected an integer, found 3.7"
Error mismatch(const JsonPath& path, const std::string& expected, const nlohmann::json& found);

Result<std::string> read_string(const nlohmann::json& value, const JsonPath& path);
Result<bool> read_boolean(const nlohmann::json& value, const JsonPath& path);
// 3.0 is an integer, 3.7 is not. Bounds are inclusive.
Result<std::int64_t> read_integer(const nlohmann::json& value, const JsonPath& path, std::int64_t least,
                                  std::int64_t most);
Result<double> read_number(const nlohmann::json& value, const JsonPath& path, double least, double most);

// Refuses what is no object, and fields that are not listed.
Result<void> expect_fields(const nlohmann::json& value, const JsonPath& path,
                           std::initializer_list<std::string_view> known);

std::string quoted_list(std::initializer_list<std::string_view> names);

template <typename T>
Result<T> read_enum(const nlohmann::json& value, const JsonPath& path, std::optional<T> (*named)(std::string_view),
                    std::initializer_list<std::string_view> names) {
  if (value.is_string())
    if (const auto found = named(value.get_ref<const std::string&>())) return *found;
  return mismatch(path, "one of " + quoted_list(names), value);
}

template <typename T, typename ReadItem>
Result<std::vector<T>> read_array(const nlohmann::json& value, const JsonPath& path, std::int64_t least,
                                  std::int64_t most, ReadItem&& read_item) {
  if (!value.is_array()) return mismatch(path, "an array", value);
  const auto size = static_cast<std::int64_t>(value.size());
  if (size < least || size > most) {
    std::string expected = "at least " + std::to_string(least) + " items";
    if (most < kMaxSafe) expected = std::to_string(least) + " to " + std::to_string(most) + " items";
    return mismatch(path, expected, value);
  }
  std::vector<T> out;
  out.reserve(value.size());
  for (std::size_t i = 0; i < value.size(); ++i) {
    SQUEEZE_ASSIGN(T item, read_item(value[i], JsonPath(path, i)));
    out.push_back(std::move(item));
  }
  return out;
}

template <typename T, typename Read>
Result<void> read_field(const nlohmann::json& object, const JsonPath& path, const char* name, T& out, Read&& read) {
  const JsonPath at(path, name);
  const auto found = object.find(name);
  if (found == object.end()) return Error{.code = ErrorCode::kInvalidRequest, .message = at.text() + ": missing"};
  SQUEEZE_ASSIGN(out, read(*found, at));
  return {};
}

template <typename T, typename Read>
Result<void> read_optional_field(const nlohmann::json& object, const JsonPath& path, const char* name,
                                 std::optional<T>& out, Read&& read) {
  if (!object.contains(name)) return {};
  T value{};
  SQUEEZE_TRY(read_field(object, path, name, value, std::forward<Read>(read)));
  out = std::move(value);
  return {};
}

// A finite number; anything else sets `bad` to an internal error that names the field.
nlohmann::json write_number(double value, const JsonPath& path, std::optional<Error>& bad);

template <typename T, typename WriteItem>
nlohmann::json write_array(const std::vector<T>& items, const JsonPath& path, WriteItem&& write_item) {
  nlohmann::json out = nlohmann::json::array();
  for (std::size_t i = 0; i < items.size(); ++i) out.push_back(write_item(items[i], JsonPath(path, i)));
  return out;
}

template <typename Encode>
Result<nlohmann::json> encoded(Encode&& encode) {
  std::optional<Error> bad;
  nlohmann::json out = encode(bad);
  if (bad) return *std::move(bad);
  return out;
}

// JSON-RPC 2.0, section 5.1, and one code for every failure of the application itself.
enum class RpcCode {
  kParseError = -32700,
  kInvalidRequest = -32600,
  kMethodNotFound = -32601,
  kInvalidParams = -32602,
  kApplication = -32000,
};

struct CallFailure {
  RpcCode code = RpcCode::kApplication;
  Error error;
};

// The result of a call, or why there is none.
using CallOutcome = std::variant<nlohmann::json, CallFailure>;

CallFailure method_not_found(std::string_view method);

template <typename Params, typename Handle, typename Encode>
CallOutcome call(Result<Params> params, Handle&& handle, Encode&& encode) {
  if (!params.ok()) return CallFailure{RpcCode::kInvalidParams, std::move(params).error()};
  auto result = handle(params.value());
  if (!result.ok()) return CallFailure{RpcCode::kApplication, std::move(result).error()};
  Result<nlohmann::json> json = encode(result.value());
  if (!json.ok()) return CallFailure{RpcCode::kApplication, std::move(json).error()};
  return std::move(json).value();
}

}  // namespace squeeze::contract
