#include "archs/config_fields.hpp"

#include <nlohmann/json.hpp>

#include "base/mapped_file.hpp"

namespace squeeze {

using nlohmann::json;

struct ConfigFields::Document {
  std::string file;
  std::optional<Error> error;
};

struct ConfigFields::Value {
  json object;
};

namespace {

constexpr std::size_t kLargestConfig = 16u << 20;

const json* find(const json& object, const char* field) {
  const auto entry = object.find(field);
  return entry == object.end() || entry->is_null() ? nullptr : &*entry;
}

std::string range_text(std::int64_t least, std::int64_t most) {
  return "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
}

// What stands there, short enough for a message.
std::string shown(const json& value) {
  constexpr std::size_t longest = 40;
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

}  // namespace

ConfigFields::ConfigFields(std::shared_ptr<Document> document, std::shared_ptr<const Value> value, std::string path)
    : document_(std::move(document)), value_(std::move(value)), path_(std::move(path)) {}

Result<ConfigFields> ConfigFields::read(const std::filesystem::path& file) {
  SQUEEZE_ASSIGN(const MappedFile mapped, MappedFile::open(file));
  const auto malformed = [&](const std::string& what) {
    return Error{.code = ErrorCode::kFileMalformed, .message = file.string() + " " + what + "."};
  };
  if (mapped.bytes().size() > kLargestConfig) return malformed("is too large for a config");
  const auto* chars = reinterpret_cast<const char*>(mapped.bytes().data());
  json value = json::parse(chars, chars + mapped.bytes().size(), nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return malformed("is not JSON");
  if (!value.is_object()) return malformed("is not a JSON object");
  return ConfigFields(std::make_shared<Document>(Document{file.string(), {}}),
                      std::make_shared<const Value>(Value{std::move(value)}), "");
}

void ConfigFields::fail(const char* field, const std::string& expected) const {
  if (document_->error) return;
  document_->error = Error{.code = ErrorCode::kFileMalformed,
                           .message = document_->file + ": field " + path_ + field + " is " +
                                      shown(value_->object.at(field)) + "; " + expected + " was expected."};
}

std::optional<std::int64_t> ConfigFields::maybe_integer(const char* field, std::int64_t least,
                                                        std::int64_t most) const {
  const json* value = find(value_->object, field);
  if (value == nullptr) return {};
  // nlohmann keeps numbers above int64 as unsigned ones; such a number is out of every range here.
  const bool whole =
      value->is_number_integer() && !(value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX);
  if (whole && value->get<std::int64_t>() >= least && value->get<std::int64_t>() <= most)
    return value->get<std::int64_t>();
  fail(field, range_text(least, most));
  return {};
}

std::int64_t ConfigFields::integer(const char* field, std::int64_t fallback, std::int64_t least,
                                   std::int64_t most) const {
  return maybe_integer(field, least, most).value_or(fallback);
}

double ConfigFields::number(const char* field, double fallback, double least, double most) const {
  const json* value = find(value_->object, field);
  if (value == nullptr) return fallback;
  if (value->is_number() && value->get<double>() >= least && value->get<double>() <= most) return value->get<double>();
  fail(field, "a number from " + json(least).dump() + " to " + json(most).dump());
  return fallback;
}

bool ConfigFields::flag(const char* field, bool fallback) const {
  const json* value = find(value_->object, field);
  if (value == nullptr) return fallback;
  if (value->is_boolean()) return value->get<bool>();
  fail(field, "true or false");
  return fallback;
}

std::string ConfigFields::text(const char* field, const std::string& fallback) const {
  const json* value = find(value_->object, field);
  if (value == nullptr) return fallback;
  if (value->is_string()) return value->get<std::string>();
  fail(field, "a text");
  return fallback;
}

std::vector<std::string> ConfigFields::texts(const char* field) const {
  const json* value = find(value_->object, field);
  std::vector<std::string> list;
  if (value == nullptr) return list;
  bool good = value->is_array();
  for (std::size_t i = 0; good && i < value->size(); ++i) {
    good = (*value)[i].is_string();
    if (good) list.push_back((*value)[i].get<std::string>());
  }
  if (!good) fail(field, "a list of texts");
  return list;
}

ConfigFields ConfigFields::object(const char* field) const {
  const json* value = find(value_->object, field);
  if (value != nullptr && !value->is_object()) fail(field, "an object");
  json inner = value != nullptr && value->is_object() ? *value : json::object();
  return {document_, std::make_shared<const Value>(Value{std::move(inner)}), path_ + field + "."};
}

bool ConfigFields::has(const char* field) const { return find(value_->object, field) != nullptr; }

bool ConfigFields::is_null(const char* field) const {
  const auto entry = value_->object.find(field);
  return entry != value_->object.end() && entry->is_null();
}

std::string ConfigFields::json_text(const char* field) const {
  const json* value = find(value_->object, field);
  return value == nullptr ? "" : value->dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<void> ConfigFields::status() const {
  if (document_->error) return *document_->error;
  return {};
}

}  // namespace squeeze
