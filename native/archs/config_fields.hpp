#pragma once
// The fields of a config.json, each read with its type, its range and what it means when it is not there.

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace squeeze {

// A field of the wrong type or out of range is kFileMalformed, naming file and field. The first such error is kept and
// the reading goes on with fallbacks, so that a spec reads as a list of fields; whoever reads asks status() at the end.
// Absent and null are the same unless said otherwise.
class ConfigFields {
 public:
  static Result<ConfigFields> read(const std::filesystem::path& file);

  std::int64_t integer(const char* field, std::int64_t fallback, std::int64_t least, std::int64_t most) const;
  // May be null or absent, which gives nothing.
  std::optional<std::int64_t> maybe_integer(const char* field, std::int64_t least, std::int64_t most) const;
  double number(const char* field, double fallback, double least, double most) const;
  bool flag(const char* field, bool fallback) const;
  std::string text(const char* field, const std::string& fallback) const;
  std::vector<std::string> texts(const char* field) const;
  // The object under a field; without fields of its own when absent. Its errors are kept here too.
  ConfigFields object(const char* field) const;

  bool has(const char* field) const;               // present and not null
  bool is_null(const char* field) const;           // present, and null
  std::string json_text(const char* field) const;  // the value as JSON, empty when absent or null

  Result<void> status() const;

 private:
  struct Document;
  struct Value;
  ConfigFields(std::shared_ptr<Document> document, std::shared_ptr<const Value> value, std::string path);
  void fail(const char* field, const std::string& expected) const;

  std::shared_ptr<Document> document_;  // shared by the objects within, and holds the first error
  std::shared_ptr<const Value> value_;
  std::string path_;  // "rope_scaling." before the fields of an object within
};

}  // namespace squeeze
