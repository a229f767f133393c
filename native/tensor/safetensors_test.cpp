// Tier A: what is written is read back bit for bit, and every broken file is refused with words that name it.

#include "tensor/safetensors.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <limits>
#include <numeric>

#include "base/half.hpp"
#include "base/test_folder.hpp"

using namespace squeeze;
namespace fs = std::filesystem;

namespace {

// A file with this header text, this claimed header length (the true one when absent) and `data_bytes` zero bytes.
std::string file_of(const std::string& header, std::size_t data_bytes, std::optional<std::uint64_t> claimed = {}) {
  const std::uint64_t length = claimed.value_or(header.size());
  std::string file(sizeof(length), '\0');
  std::memcpy(file.data(), &length, sizeof(length));
  return file + header + std::string(data_bytes, '\0');
}

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}";
}

void check_refused(const std::string& content, ErrorCode code, std::initializer_list<const char*> words) {
  TestFolder folder;
  const auto file = SafetensorsFile::open(folder.put("broken.safetensors", content));
  REQUIRE_FALSE(file.ok());
  CHECK(file.error().code == code);
  INFO(file.error().message);
  CHECK(file.error().message.find("broken.safetensors") != std::string::npos);
  for (const char* word : words) CHECK(file.error().message.find(word) != std::string::npos);
}

void write(const fs::path& path, const std::string& name, const std::vector<float>& values) {
  const auto count = static_cast<std::int64_t>(values.size());
  REQUIRE(write_safetensors(path, {tensor_source<float>(name, DType::kF32, {count}, values)}, {}).ok());
}

void check_store_refused(const fs::path& path, ErrorCode code, std::initializer_list<const char*> words) {
  const auto store = TensorStore::open(path);
  REQUIRE_FALSE(store.ok());
  CHECK(store.error().code == code);
  INFO(store.error().message);
  for (const char* word : words) CHECK(store.error().message.find(word) != std::string::npos);
}

}  // namespace

TEST_CASE("safetensors: what is written is read back") {
  TestFolder folder;
  const std::vector<float> a = {1, -2.5f, 3e-9f, 0, 7, 8};
  const std::vector<Half> b = {to_half(0.5f), to_half(-65504.0f), to_half(6e-8f)};
  const std::vector<std::uint8_t> c = {1, 2, 3, 4, 5};
  const auto path = folder / "good.safetensors";
  REQUIRE(write_safetensors(path,
                            {tensor_source<std::uint8_t>("bytes", DType::kU8, {5}, c),
                             tensor_source<Half>("halves \"quoted\" é", DType::kF16, {3, 1}, b),
                             tensor_source<float>("floats", DType::kF32, {2, 3}, a),
                             tensor_source<float>("empty", DType::kF32, {0, 3}, std::span<const float>()),
                             tensor_source<float>("scalar", DType::kF32, {}, std::span(a).first(1))},
                            {{"format", "pt"}})
              .ok());
  CHECK_FALSE(fs::exists(folder / "good.safetensors.tmp"));

  auto opened = SafetensorsFile::open(path);
  REQUIRE(opened.ok());
  CHECK(opened.value().metadata() == std::map<std::string, std::string>{{"format", "pt"}});
  CHECK(opened.value().size_bytes() == static_cast<std::int64_t>(fs::file_size(path)));
  for (const TensorView& tensor : opened.value().tensors())
    CHECK(reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % size_of(tensor.dtype) == 0);

  auto store = TensorStore::open(folder.path());
  REQUIRE(store.ok());
  CHECK(store.value().names() == std::vector<std::string>{"bytes", "empty", "floats", "halves \"quoted\" é", "scalar"});
  CHECK(store.value().find("nothing") == nullptr);
  CHECK(store.value().find("empty")->count() == 0);
  CHECK(store.value().find("scalar")->count() == 1);
  CHECK(read_finite_floats(*store.value().find("floats")).value() == a);
  const auto halves = read_finite_floats(*store.value().find("halves \"quoted\" é")).value();
  for (std::size_t i = 0; i < b.size(); ++i) CHECK(halves[i] == to_float(b[i]));
  std::vector<float> middle(2);
  read_floats(*store.value().find("floats"), 1, middle);
  CHECK(middle == std::vector<float>{-2.5f, 3e-9f});
  CHECK(read_finite_floats(*store.value().find("bytes")).error().code == ErrorCode::kTensorMalformed);
  CHECK(expect_shape(*store.value().find("floats"), {2, 3}).ok());
  CHECK(expect_shape(*store.value().find("floats"), {3, 2}).error().message.find("[2, 3]") != std::string::npos);
}

TEST_CASE("safetensors: tensors outlive the file object that gave them, as long as a copy lives") {
  TestFolder folder;
  write(folder / "a.safetensors", "x", {1, 2, 3});
  TensorStore kept;
  {
    auto store = TensorStore::open(folder / "a.safetensors");
    REQUIRE(store.ok());
    kept = store.value();
  }
  CHECK(read_finite_floats(*kept.find("x")).value() == std::vector<float>{1, 2, 3});
}

TEST_CASE("safetensors: a header length that lies is refused") {
  const std::string good = "{" + entry("w", "F32", "[2]", "[0,8]") + "}";
  check_refused("", ErrorCode::kFileMalformed, {"0 bytes"});
  check_refused("\x10\x00\x00", ErrorCode::kFileMalformed, {"only"});
  check_refused(file_of(good, 8, 0), ErrorCode::kFileMalformed, {"not JSON"});
  check_refused(file_of(good, 8, 5000), ErrorCode::kFileMalformed, {"5000"});
  check_refused(file_of(good, 8, 100'000'001), ErrorCode::kFileMalformed, {"100 MB"});
  check_refused(file_of(good, 8, std::numeric_limits<std::uint64_t>::max()), ErrorCode::kFileMalformed, {"100 MB"});
  check_refused(file_of(good, 8, good.size() - 3), ErrorCode::kFileMalformed, {"not JSON"});
}

TEST_CASE("safetensors: a header that is not what it should be is refused") {
  check_refused(file_of("not json at all", 0), ErrorCode::kFileMalformed, {"not JSON"});
  check_refused(file_of("[1, 2]", 0), ErrorCode::kFileMalformed, {"not a JSON object"});
  check_refused(file_of("{\"w\":\"\xff\xfe\"}", 0), ErrorCode::kFileMalformed, {"not JSON"});
  check_refused(file_of(std::string(100'000, '['), 0), ErrorCode::kFileMalformed, {"not JSON"});
  check_refused(file_of("{\"w\": 3}", 0), ErrorCode::kTensorMalformed, {"tensor w"});
  check_refused(file_of("{\"w\": {}}", 0), ErrorCode::kTensorMalformed, {"tensor w", "dtype"});
  check_refused(file_of("{\"w\": {\"dtype\":\"F32\"}}", 0), ErrorCode::kTensorMalformed, {"tensor w", "shape"});
  check_refused(file_of("{\"w\": {\"dtype\":\"F32\",\"shape\":[1]}}", 4), ErrorCode::kTensorMalformed,
                {"data_offsets"});
  check_refused(file_of("{\"__metadata__\": 1}", 0), ErrorCode::kFileMalformed, {"__metadata__"});
  check_refused(file_of("{\"__metadata__\": {\"a\": 1}}", 0), ErrorCode::kFileMalformed, {"\"a\""});
  check_refused(file_of("{" + entry("w", "F33", "[2]", "[0,8]") + "}", 8), ErrorCode::kTensorMalformed,
                {"tensor w", "F33"});
  const std::string w = entry("w", "F32", "[2]", "[0,8]");
  check_refused(file_of("{" + w + "," + w + "}", 8), ErrorCode::kFileMalformed, {"\"w\" twice"});
  check_refused(file_of("{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"shape\":[3],\"data_offsets\":[0,8]}}", 8),
                ErrorCode::kFileMalformed, {"\"shape\" twice"});
}

TEST_CASE("safetensors: shapes that cannot be are refused") {
  const auto with_shape = [](const std::string& shape) {
    return file_of("{" + entry("w", "F32", shape, "[0,8]") + "}", 8);
  };
  for (const char* shape : {"[-2]", "[2.0]", "[\"2\"]", "[null]", "[1e30]", "[18446744073709551615]", "[[2]]"})
    check_refused(with_shape(shape), ErrorCode::kTensorMalformed, {"tensor w", "shape"});
  // Products that wrap around to 2 elements, to 8 bytes, and to 0.
  check_refused(with_shape("[9223372036854775807, 2]"), ErrorCode::kTensorMalformed, {"too large"});
  check_refused(with_shape("[4611686018427387906]"), ErrorCode::kTensorMalformed, {"too large"});
  check_refused(with_shape("[4294967296, 4294967296]"), ErrorCode::kTensorMalformed, {"too large"});
  check_refused(with_shape("[3]"), ErrorCode::kTensorMalformed, {"takes 8 bytes", "needs 12"});
  check_refused(with_shape("[0, 9223372036854775807, 9]"), ErrorCode::kTensorMalformed, {"needs 0"});
}

TEST_CASE("safetensors: offsets outside the file, backwards or overlapping are refused") {
  const auto with_offsets = [](const std::string& offsets) {
    return file_of("{" + entry("w", "F32", "[2]", offsets) + "}", 8);
  };
  for (const char* offsets :
       {"[0,9]", "[4,12]", "[8,0]", "[-8,0]", "[0,18446744073709551615]", "[9223372036854775800,9223372036854775807]"})
    check_refused(with_offsets(offsets), ErrorCode::kTensorMalformed, {"tensor w", "data_offsets"});
  check_refused(with_offsets("[0]"), ErrorCode::kTensorMalformed, {"tensor w"});
  check_refused(file_of("{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "F32", "[2]", "[4,12]") + "}", 12),
                ErrorCode::kTensorMalformed, {"tensor b", "overlaps tensor a"});
  check_refused(file_of("{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("b", "F32", "[2]", "[0,8]") + "}", 8),
                ErrorCode::kTensorMalformed, {"overlaps"});
}

TEST_CASE("safetensors: a file cut short anywhere is refused, and never read past its end") {
  TestFolder folder;
  write(folder / "whole.safetensors", "w", {1, 2, 3, 4});
  std::string whole(fs::file_size(folder / "whole.safetensors"), '\0');
  std::ifstream(folder / "whole.safetensors", std::ios::binary)
      .read(whole.data(), static_cast<std::streamsize>(whole.size()));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto cut = SafetensorsFile::open(folder.put("cut.safetensors", whole.substr(0, length)));
    REQUIRE_FALSE(cut.ok());
    CHECK(cut.error().message.find("cut.safetensors") != std::string::npos);
  }
}

TEST_CASE("safetensors: NaN and infinity are refused by the tensor's name and place") {
  TestFolder folder;
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const std::vector<float> bad32 = {1, 2, 3, 4, nan, inf};
  const std::vector<Half> bad16 = {to_half(1), to_half(inf)};
  const std::vector<BFloat16> badb16 = {to_bfloat16(nan), to_bfloat16(1)};
  std::vector<float> late(1'000'000, 1.0f);
  late[999'999] = -inf;
  late[700'000] = nan;
  REQUIRE(write_safetensors(
              folder / "x.safetensors",
              {tensor_source<float>("a", DType::kF32, {2, 3}, bad32), tensor_source<Half>("b", DType::kF16, {2}, bad16),
               tensor_source<BFloat16>("c", DType::kBF16, {2}, badb16),
               tensor_source<float>("d", DType::kF32, {1000, 1000}, late)},
              {})
              .ok());
  const auto store = TensorStore::open(folder.path());
  REQUIRE(store.ok());
  const auto message = [&](const char* name) {
    const auto values = read_finite_floats(*store.value().find(name));
    REQUIRE_FALSE(values.ok());
    CHECK(values.error().code == ErrorCode::kValueNotFinite);
    CHECK(values.error().tensor == name);
    return values.error().message;
  };
  CHECK(message("a").find("[1, 1]") != std::string::npos);
  CHECK(message("b").find("[1]") != std::string::npos);
  CHECK(message("c").find("[0]") != std::string::npos);
  CHECK(message("d").find("[700, 0]") != std::string::npos);
}

TEST_CASE("tensor store: shards by the index") {
  TestFolder folder;
  write(folder / "one.safetensors", "a", {1});
  write(folder / "two.safetensors", "b", {2});
  folder.put("model.safetensors.index.json", R"({"weight_map":{"a":"one.safetensors","b":"two.safetensors"}})");
  auto store = TensorStore::open(folder.path());
  REQUIRE(store.ok());
  CHECK(store.value().files().size() == 2);
  CHECK(store.value().names() == std::vector<std::string>{"a", "b"});
  const auto missing = store.value().require("c");
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().code == ErrorCode::kTensorMissing);
  CHECK(missing.error().tensor == "c");

  fs::remove(folder / "two.safetensors");
  check_store_refused(folder.path(), ErrorCode::kFileNotFound, {"two.safetensors", "missing"});
  write(folder / "two.safetensors", "other", {2});
  check_store_refused(folder.path(), ErrorCode::kTensorMissing, {"Tensor b", "two.safetensors"});
  write(folder / "two.safetensors", "a", {2});
  check_store_refused(folder.path(), ErrorCode::kFileMalformed, {"Tensor a", "one.safetensors", "two.safetensors"});
}

TEST_CASE("tensor store: an index cannot name a file outside its folder") {
  TestFolder folder;
  write(folder / "secret.safetensors", "a", {1});
  fs::create_directories(folder / "model");
  for (const std::string name : {"../secret.safetensors", "..", ".", "", "sub/../../secret.safetensors",
                                 "..\\\\secret.safetensors", "C:secret.safetensors", "a\\u0000b"}) {
    folder.put("model/model.safetensors.index.json", R"({"weight_map":{"a":")" + name + "\"}}");
    check_store_refused(folder / "model", ErrorCode::kFileMalformed,
                        {"index.json", "tensor a", "not a file of this folder"});
  }
  folder.put("model/model.safetensors.index.json",
             R"({"weight_map":{"a":")" + (folder / "secret.safetensors").string() + "\"}}");
  check_store_refused(folder / "model", ErrorCode::kFileMalformed, {"not a file of this folder"});
  folder.put("model/model.safetensors.index.json", R"({"weight_map":{"a":1}})");
  check_store_refused(folder / "model", ErrorCode::kFileMalformed, {"index.json", "tensor a"});
  folder.put("model/model.safetensors.index.json", "{}");
  check_store_refused(folder / "model", ErrorCode::kFileMalformed, {"weight_map"});
  folder.put("model/model.safetensors.index.json", "{");
  check_store_refused(folder / "model", ErrorCode::kFileMalformed, {"not JSON"});
}

TEST_CASE("tensor store: folders without weights, pickles and GGUF files are refused with the reason") {
  TestFolder folder;
  check_store_refused(folder.path(), ErrorCode::kFileNotFound, {"no .safetensors"});
  check_store_refused(folder / "nowhere", ErrorCode::kFileNotFound, {"nowhere", "does not exist"});
  check_store_refused(folder / "nowhere.bin", ErrorCode::kFileNotFound, {"nowhere.bin"});
  folder.put("pytorch_model.bin", "\x80\x02");
  check_store_refused(folder.path(), ErrorCode::kFileUnreadable, {"pytorch_model.bin", "pickle"});
  check_store_refused(folder / "pytorch_model.bin", ErrorCode::kFileUnreadable, {"pickle"});
  folder.put("model.gguf", "GGUF");
  folder.put("other.GGUF", "GGUF");
  check_store_refused(folder / "other.GGUF", ErrorCode::kFileUnreadable, {"other.GGUF is a GGUF file"});
  check_store_refused(folder / "model.gguf", ErrorCode::kFileUnreadable, {"model.gguf", "GGUF"});
  write(folder / "weights.safetensors", "a", {1});  // any name will do beside it
  CHECK(TensorStore::open(folder.path()).ok());
}

TEST_CASE("writer: what cannot be written says so and leaves nothing behind") {
  TestFolder folder;
  const std::vector<float> values(1'000'000, 1.0f);
  const std::vector<TensorSource> tensors = {tensor_source<float>("a", DType::kF32, {1'000'000}, values)};

  const auto nowhere = write_safetensors(folder / "no/such/folder.safetensors", tensors, {});
  REQUIRE_FALSE(nowhere.ok());
  CHECK(nowhere.error().code == ErrorCode::kOutputUnwritable);
  CHECK(nowhere.error().message.find("folder.safetensors") != std::string::npos);

  fs::create_directories(folder / "taken.safetensors");
  CHECK(write_safetensors(folder / "taken.safetensors", tensors, {}).error().code == ErrorCode::kOutputUnwritable);
  CHECK_FALSE(fs::exists(folder / "taken.safetensors.tmp"));

  // A device that is always full stands in for the disk.
  REQUIRE(fs::exists("/dev/full"));
  fs::create_symlink("/dev/full", folder / "full.safetensors.tmp");
  const auto full = write_safetensors(folder / "full.safetensors", tensors, {});
  REQUIRE_FALSE(full.ok());
  CHECK(full.error().code == ErrorCode::kDiskFull);
  CHECK(full.error().retryable);
  CHECK(full.error().message.find("full.safetensors") != std::string::npos);
  CHECK_FALSE(fs::is_symlink(folder / "full.safetensors.tmp"));
  CHECK_FALSE(fs::exists(folder / "full.safetensors"));
}

TEST_CASE("writer: a source that fails or lies about its size leaves the old file alone") {
  TestFolder folder;
  write(folder / "a.safetensors", "old", {1});
  TensorSource broken{
      .name = "new", .dtype = DType::kF32, .shape = {4}, .write = [](const TensorSource::Sink&) -> Result<void> {
        return Error{.code = ErrorCode::kCancelled, .message = "Cancelled."};
      }};
  CHECK(write_safetensors(folder / "a.safetensors", {broken}, {}).error().code == ErrorCode::kCancelled);
  const std::vector<float> three(3);
  broken = tensor_source<float>("new", DType::kF32, {4}, three);
  CHECK(write_safetensors(folder / "a.safetensors", {broken}, {}).error().code == ErrorCode::kInternal);
  CHECK_FALSE(fs::exists(folder / "a.safetensors.tmp"));
  CHECK(TensorStore::open(folder.path()).value().names() == std::vector<std::string>{"old"});
}
