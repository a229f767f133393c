// Tier D: logits against an independent implementation's, and against float64 loops for every family.

#include "archs/decoder.hpp"

#include <doctest/doctest.h>

#include <cstring>

#include "archs/decoder_runs.hpp"
#include "archs/reference_model.hpp"
#include "archs/shared_data.hpp"
#include "archs/tiny_checkpoint.hpp"
#include "base/test_folder.hpp"
#include "ops/reference_test.hpp"

using namespace squeeze;

namespace {

template <typename T>
Matrix<T> read_matrix(const TensorStore& store, const std::string& name, std::int64_t cols) {
  const TensorView tensor = store.require(name).value();
  Matrix<T> m(tensor.count() / cols, cols);
  std::memcpy(m.values.data(), tensor.bytes.data(), tensor.bytes.size());
  return m;
}

}  // namespace

TEST_CASE("logits of the golden models") {
  for_each_golden([](const GoldenModel& golden) {
    CAPTURE(golden.name);
    const auto model = Model::open(golden.model);
    REQUIRE(model.ok());
    const std::int64_t vocabulary = model.value()->config().vocabulary;
    const auto store = TensorStore::open(golden.golden.string() + ".safetensors").value();
    const std::int64_t length = store.find("tokens")->shape[1], kept = store.find("logits")->shape[1];
    const auto tokens = read_matrix<std::int32_t>(store, "tokens", length);
    const auto wanted = read_matrix<float>(store, "logits", vocabulary);
    const Matrix<float> found = all_logits(*model.value(), tokens.view());
    double worst = 0, most = 0;
    for (std::int64_t r = 0; r < wanted.rows; ++r) {
      const auto row = found.view().row(r / kept * length + length - kept + r % kept), expected = wanted.view().row(r);
      for (std::int64_t v = 0; v < vocabulary; ++v) {
        const double difference = std::abs(row[v] - expected[v]);
        worst = difference <= worst ? worst : difference;  // NaN wins
        most = std::max(most, static_cast<double>(std::abs(expected[v])));
      }
    }
    print_figure("figure logits %-22s max|d|/max|logit| %.2e\n", golden.name.c_str(), worst / most);
    CHECK(worst / most <= 1e-4);
  });
}

TEST_CASE("logits of every family against plain loops in float64") {
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    TestFolder folder;
    const auto tensors = write_tiny_checkpoint(folder.path(), family);
    const auto model = Model::open(folder.path());
    REQUIRE(model.ok());
    const auto fields = ConfigFields::read(folder / "config.json");
    const ReferenceModel reference(*family_of(fields.value()).value(), model.value()->config(), tensors);
    Matrix<std::int32_t> tokens(2, 9);
    for (std::size_t i = 0; i < tokens.values.size(); ++i) tokens.values[i] = static_cast<std::int32_t>(i * i * 5 % 23);
    const Matrix<float> found = all_logits(*model.value(), tokens.view());
    for (std::int64_t s = 0; s < 2; ++s) {
      const auto row = tokens.view().row(s);
      const auto wanted = reference.logits({row.begin(), row.end()});
      for (std::int64_t t = 0; t < 9; ++t) CHECK(relative_error(found.view().row(s * 9 + t), wanted[t]) < 2e-6);
    }
  }
}

TEST_CASE("a cache filled in pieces gives what the whole sequence gives") {
  for (const std::string& family : supported_families()) {
    CAPTURE(family);
    TestFolder folder;
    write_tiny_checkpoint(folder.path(), family);
    const auto model = Model::open(folder.path()).value();
    const ModelConfig& c = model->config();
    Matrix<std::int32_t> tokens(1, 12);
    for (std::size_t i = 0; i < tokens.values.size(); ++i) tokens.values[i] = static_cast<std::int32_t>(i * 7 % 23);
    const Matrix<float> wanted = all_logits(*model, tokens.view());

    const auto decoder = Decoder::make(*model, 12);
    REQUIRE(decoder.ok());
    DecoderWorkspace space;
    auto caches = caches_for(c, 12);
    std::int64_t first = 0;
    for (const std::int64_t count : {5, 1, 1, 4, 1}) {
      Matrix<float> x(count, c.hidden), logits(count, c.vocabulary);
      decoder.value().embed(std::span(tokens.values).subspan(first, count), count, first, x.view());
      for (std::int64_t i = 0; i < c.layers; ++i)
        decoder.value().forward_cached(model->layer(i).value(), first, x.view(), caches[i], space);
      decoder.value().logits(x.view(), logits.view(), space);
      const double error = relative_error(logits.values, wanted.view().rows_from(first, count).flat());
      print_figure("figure cached pass %-8s %2ld tokens behind %2ld: %.1e\n", family.c_str(), count, first, error);
      CHECK(error < kCacheTolerance);
      first += count;
    }
  }
}
