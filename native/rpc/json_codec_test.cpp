#include "rpc/json_codec.hpp"

#include <doctest/doctest.h>

#include <cmath>

#include "rpc/contract_json.gen.hpp"

using namespace squeeze;
using namespace squeeze::contract;
using nlohmann::json;

namespace {

const json kGood = json::parse(R"({
  "checkpoint": "c", "out": "o", "device": "cpu", "threads": 2,
  "recipe": {"method": "m", "bits": 3, "sparsity": 0.0045, "outliers": "loss-aware", "solver": "lloyd",
             "weighting": "none"}
})");

std::string refusal(const json& value) {
  const auto decoded = decode_quantization_start_params(value, JsonPath("params"));
  return decoded.ok() ? "accepted" : decoded.error().message;
}

}  // namespace

TEST_CASE("params are decoded field by field") {
  const auto decoded = decode_quantization_start_params(kGood, JsonPath("params"));
  REQUIRE(decoded.ok());
  const QuantizationStartParams& params = decoded.value();
  CHECK(params.checkpoint == "c");
  CHECK(params.threads == 2);
  CHECK(!params.calibration);
  CHECK(params.recipe.bits == 3);
  CHECK(params.recipe.sparsity == 0.0045);
  CHECK(params.recipe.outliers == RecipeOutliers::kLossAware);
  CHECK(params.recipe.solver == RecipeSolver::kLloyd);
}

TEST_CASE("what is not in the contract is refused by its path") {
  json value = kGood;
  SUBCASE("a fraction is no integer") {
    value["recipe"]["bits"] = 3.7;
    CHECK(refusal(value) == "params.recipe.bits: expected an integer from 2 to 8, found 3.7");
  }
  SUBCASE("an integer in floating point is one") {
    value["recipe"]["bits"] = 3.0;
    CHECK(refusal(value) == "accepted");
  }
  SUBCASE("an unknown name is no first enumerator") {
    value["recipe"]["outliers"] = "papper";
    CHECK(refusal(value) == "params.recipe.outliers: expected one of \"paper\", \"loss-aware\", found \"papper\"");
  }
  SUBCASE("unsigned numbers do not wrap") {
    value["threads"] = 18446744073709551615ull;
    CHECK(refusal(value).starts_with("params.threads: expected an integer from 0 to 1024"));
  }
  SUBCASE("true is no number") {
    value["threads"] = true;
    CHECK(refusal(value).starts_with("params.threads: expected an integer"));
  }
  SUBCASE("missing") {
    value.erase("out");
    CHECK(refusal(value) == "params.out: missing");
  }
  SUBCASE("unknown") {
    value["oot"] = "o";
    CHECK(refusal(value).starts_with("params.oot: unknown field"));
  }
  SUBCASE("null is not absent") {
    value["calibration"] = nullptr;
    CHECK(refusal(value) == "params.calibration: expected a string, found null");
  }
  SUBCASE("long values are cut") {
    value["threads"] = std::string(1000, 'x');
    CHECK(refusal(value).size() < 200);
  }
}

TEST_CASE("array items are named by their index") {
  const auto decoded =
      read_array<std::int64_t>(json::parse("[1, 2, -3]"), JsonPath("prompt"), 1, 10,
                               [](const auto& v, const auto& at) { return read_integer(v, at, 0, kMaxSafe); });
  REQUIRE(!decoded.ok());
  CHECK(decoded.error().message == "prompt[2]: expected an integer >= 0, found -3");
}

TEST_CASE("optional fields are left out, union members carry their tag") {
  JobEnded ended;
  ended.job_id = 5;
  ended.outcome = JobEndedOutcome::kDone;
  EvaluationResult result;
  result.diverged = true;
  result.window_length = 2;
  ended.result = result;
  const auto encoded = to_json(ended);
  REQUIRE(encoded.ok());
  const json& value = encoded.value();
  CHECK(value["outcome"] == "done");
  CHECK(!value.contains("error"));
  CHECK(value["result"]["kind"] == "evaluation");
  CHECK(!value["result"].contains("perplexity"));
}

TEST_CASE("a number that is not finite is an internal error that names the field, never null") {
  JobEnded ended;
  ended.outcome = JobEndedOutcome::kDone;
  QuantizationResult result;
  result.matrices.resize(2);
  result.matrices[1].relative_error = std::nan("");
  ended.result = result;
  const auto encoded = to_json(ended);
  REQUIRE(!encoded.ok());
  CHECK(encoded.error().code == ErrorCode::kInternal);
  CHECK(encoded.error().message.starts_with("JobEnded.result.matrices[1].relativeError is not a finite number"));
}
