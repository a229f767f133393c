// Made by scripts/gen-contract.ts from src/shared/contract/sidecar; change that and run `npm run gen`.
// clang-format off
#include "rpc/contract_json.gen.hpp"

namespace squeeze::contract {

using nlohmann::json;

namespace {

Result<RecipeOutliers> decode_recipe_outliers(const json& value, const JsonPath& path) {
  return read_enum<RecipeOutliers>(value, path, recipe_outliers_named, {"paper", "loss-aware"});
}

Result<RecipeSolver> decode_recipe_solver(const json& value, const JsonPath& path) {
  return read_enum<RecipeSolver>(value, path, recipe_solver_named, {"exact", "lloyd"});
}

Result<RecipeWeighting> decode_recipe_weighting(const json& value, const JsonPath& path) {
  return read_enum<RecipeWeighting>(value, path, recipe_weighting_named, {"fisher", "none"});
}

Result<RecipeOverride> decode_recipe_override(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"match", "bits", "sparsity"}));
  RecipeOverride out;
  SQUEEZE_TRY(read_field(value, path, "match", out.match, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_optional_field(value, path, "bits", out.bits, [](const auto& v, const auto& at) { return read_integer(v, at, 2, 16); }));
  SQUEEZE_TRY(read_optional_field(value, path, "sparsity", out.sparsity, [](const auto& v, const auto& at) { return read_number(v, at, 0.0, 0.2); }));
  return out;
}

Result<Recipe> decode_recipe(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"method", "bits", "sparsity", "outliers", "solver", "weighting", "overrides", "group", "share", "embeddingBits", "headBits", "refine"}));
  Recipe out;
  SQUEEZE_TRY(read_field(value, path, "method", out.method, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "bits", out.bits, [](const auto& v, const auto& at) { return read_integer(v, at, 2, 8); }));
  SQUEEZE_TRY(read_field(value, path, "sparsity", out.sparsity, [](const auto& v, const auto& at) { return read_number(v, at, 0.0, 0.2); }));
  SQUEEZE_TRY(read_field(value, path, "outliers", out.outliers, [](const auto& v, const auto& at) { return decode_recipe_outliers(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "solver", out.solver, [](const auto& v, const auto& at) { return decode_recipe_solver(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "weighting", out.weighting, [](const auto& v, const auto& at) { return decode_recipe_weighting(v, at); }));
  SQUEEZE_TRY(read_optional_field(value, path, "overrides", out.overrides, [](const auto& v, const auto& at) { return read_array<RecipeOverride>(v, at, 0, 100000, [](const auto& v, const auto& at) { return decode_recipe_override(v, at); }); }));
  SQUEEZE_TRY(read_optional_field(value, path, "group", out.group, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1048576); }));
  SQUEEZE_TRY(read_optional_field(value, path, "share", out.share, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 65536); }));
  SQUEEZE_TRY(read_optional_field(value, path, "embeddingBits", out.embedding_bits, [](const auto& v, const auto& at) { return read_integer(v, at, 4, 16); }));
  SQUEEZE_TRY(read_optional_field(value, path, "headBits", out.head_bits, [](const auto& v, const auto& at) { return read_integer(v, at, 4, 16); }));
  SQUEEZE_TRY(read_optional_field(value, path, "refine", out.refine, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 10000); }));
  return out;
}

Result<Estimator> decode_estimator(const json& value, const JsonPath& path) {
  return read_enum<Estimator>(value, path, estimator_named, {"sample", "token"});
}

Result<Precision> decode_precision(const json& value, const JsonPath& path) {
  return read_enum<Precision>(value, path, precision_named, {"fp32", "bf16"});
}

Result<MatrixTileParamsShow> decode_matrix_tile_params_show(const json& value, const JsonPath& path) {
  return read_enum<MatrixTileParamsShow>(value, path, matrix_tile_params_show_named, {"weight", "sensitivity"});
}

Result<MatrixTileParamsPool> decode_matrix_tile_params_pool(const json& value, const JsonPath& path) {
  return read_enum<MatrixTileParamsPool>(value, path, matrix_tile_params_pool_named, {"mean", "extreme"});
}

Result<ExportFormat> decode_export_format(const json& value, const JsonPath& path) {
  return read_enum<ExportFormat>(value, path, export_format_named, {"hf-fp16", "hf-bf16", "squeezellm"});
}

Result<Sampling> decode_sampling(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"temperature", "topK", "topP", "minP", "repetitionPenalty", "seed"}));
  Sampling out;
  SQUEEZE_TRY(read_field(value, path, "temperature", out.temperature, [](const auto& v, const auto& at) { return read_number(v, at, 0.0, 10.0); }));
  SQUEEZE_TRY(read_field(value, path, "topK", out.top_k, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "topP", out.top_p, [](const auto& v, const auto& at) { return read_number(v, at, 0.0, 1.0); }));
  SQUEEZE_TRY(read_field(value, path, "minP", out.min_p, [](const auto& v, const auto& at) { return read_number(v, at, 0.0, 1.0); }));
  SQUEEZE_TRY(read_field(value, path, "repetitionPenalty", out.repetition_penalty, [](const auto& v, const auto& at) { return read_number(v, at, 0.1, 10.0); }));
  SQUEEZE_TRY(read_field(value, path, "seed", out.seed, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  return out;
}

Result<ModelShape> decode_model_shape(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"hidden", "layers", "intermediate", "heads", "kvHeads", "vocabulary", "context"}));
  ModelShape out;
  SQUEEZE_TRY(read_field(value, path, "hidden", out.hidden, [](const auto& v, const auto& at) { return read_integer(v, at, 2, 65536); }));
  SQUEEZE_TRY(read_field(value, path, "layers", out.layers, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1024); }));
  SQUEEZE_TRY(read_field(value, path, "intermediate", out.intermediate, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 65536); }));
  SQUEEZE_TRY(read_field(value, path, "heads", out.heads, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1024); }));
  SQUEEZE_TRY(read_field(value, path, "kvHeads", out.kv_heads, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1024); }));
  SQUEEZE_TRY(read_field(value, path, "vocabulary", out.vocabulary, [](const auto& v, const auto& at) { return read_integer(v, at, 2, 1048576); }));
  SQUEEZE_TRY(read_field(value, path, "context", out.context, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1048576); }));
  return out;
}

Result<StoredType> decode_stored_type(const json& value, const JsonPath& path) {
  return read_enum<StoredType>(value, path, stored_type_named, {"f16", "bf16", "lut"});
}

Result<StoredLayout> decode_stored_layout(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"type", "bits", "sparsity"}));
  StoredLayout out;
  SQUEEZE_TRY(read_field(value, path, "type", out.type, [](const auto& v, const auto& at) { return decode_stored_type(v, at); }));
  SQUEEZE_TRY(read_optional_field(value, path, "bits", out.bits, [](const auto& v, const auto& at) { return read_integer(v, at, 2, 8); }));
  SQUEEZE_TRY(read_field(value, path, "sparsity", out.sparsity, [](const auto& v, const auto& at) { return read_number(v, at, 0.0, 0.2); }));
  return out;
}

Result<Simd> decode_simd(const json& value, const JsonPath& path) {
  return read_enum<Simd>(value, path, simd_named, {"auto", "avx512", "avx2", "portable"});
}

Result<Arithmetic> decode_arithmetic(const json& value, const JsonPath& path) {
  return read_enum<Arithmetic>(value, path, arithmetic_named, {"int16", "fp32"});
}

Result<MatrixShape> decode_matrix_shape(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"rows", "cols"}));
  MatrixShape out;
  SQUEEZE_TRY(read_field(value, path, "rows", out.rows, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1048576); }));
  SQUEEZE_TRY(read_field(value, path, "cols", out.cols, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 65536); }));
  return out;
}

json encode(const ErrorInfo& value, const JsonPath&, std::optional<Error>&) {
  json out = json::object();
  out["code"] = json(name_of(value.code));
  out["message"] = json(value.message);
  if (value.stage) out["stage"] = json(*value.stage);
  if (value.layer) out["layer"] = json(*value.layer);
  if (value.tensor) out["tensor"] = json(*value.tensor);
  out["retryable"] = json(value.retryable);
  if (value.hint) out["hint"] = json(*value.hint);
  return out;
}

json encode(const DeviceInfo& value, const JsonPath&, std::optional<Error>&) {
  json out = json::object();
  out["id"] = json(value.id);
  out["name"] = json(value.name);
  out["memoryBytes"] = json(value.memory_bytes);
  out["available"] = json(value.available);
  if (value.reason) out["reason"] = json(*value.reason);
  if (value.requests) out["requests"] = json(*value.requests);
  if (value.compute_capability) out["computeCapability"] = json(*value.compute_capability);
  if (value.driver) out["driver"] = json(*value.driver);
  return out;
}

json encode(const HelloResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["protocolVersion"] = json(value.protocol_version);
  out["contractHash"] = json(value.contract_hash);
  out["version"] = json(value.version);
  out["compiler"] = json(value.compiler);
  out["buildType"] = json(value.build_type);
  out["gemm"] = json(value.gemm);
  out["isa"] = json(value.isa);
  out["cores"] = json(value.cores);
  out["devices"] = write_array(value.devices, JsonPath(path, "devices"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  out["methods"] = json(value.methods);
  out["formats"] = json(value.formats);
  out["architectures"] = json(value.architectures);
  return out;
}

json encode(const MatrixInfo& value, const JsonPath&, std::optional<Error>&) {
  json out = json::object();
  out["name"] = json(value.name);
  out["layer"] = json(value.layer);
  out["role"] = json(value.role);
  out["rows"] = json(value.rows);
  out["cols"] = json(value.cols);
  out["storedAs"] = json(value.stored_as);
  out["sizeBytes"] = json(value.size_bytes);
  return out;
}

json encode(const RecipeOverride& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["match"] = json(value.match);
  if (value.bits) out["bits"] = json(*value.bits);
  if (value.sparsity) out["sparsity"] = write_number(*value.sparsity, JsonPath(path, "sparsity"), bad);
  return out;
}

json encode(const Recipe& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["method"] = json(value.method);
  out["bits"] = json(value.bits);
  out["sparsity"] = write_number(value.sparsity, JsonPath(path, "sparsity"), bad);
  out["outliers"] = json(name_of(value.outliers));
  out["solver"] = json(name_of(value.solver));
  out["weighting"] = json(name_of(value.weighting));
  if (value.overrides) out["overrides"] = write_array(*value.overrides, JsonPath(path, "overrides"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  if (value.group) out["group"] = json(*value.group);
  if (value.share) out["share"] = json(*value.share);
  if (value.embedding_bits) out["embeddingBits"] = json(*value.embedding_bits);
  if (value.head_bits) out["headBits"] = json(*value.head_bits);
  if (value.refine) out["refine"] = json(*value.refine);
  return out;
}

json encode(const CheckpointWarning& value, const JsonPath&, std::optional<Error>&) {
  json out = json::object();
  out["code"] = json(value.code);
  out["message"] = json(value.message);
  return out;
}

json encode(const CheckpointInspectResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["path"] = json(value.path);
  out["kind"] = json(name_of(value.kind));
  out["family"] = json(value.family);
  out["architecture"] = json(value.architecture);
  out["dtype"] = json(value.dtype);
  out["parameters"] = json(value.parameters);
  out["layers"] = json(value.layers);
  out["hiddenSize"] = json(value.hidden_size);
  out["intermediateSize"] = json(value.intermediate_size);
  out["heads"] = json(value.heads);
  out["kvHeads"] = json(value.kv_heads);
  out["headDim"] = json(value.head_dim);
  out["vocabularySize"] = json(value.vocabulary_size);
  out["contextLength"] = json(value.context_length);
  if (value.sliding_window) out["slidingWindow"] = json(*value.sliding_window);
  out["tiedEmbeddings"] = json(value.tied_embeddings);
  out["sizeBytes"] = json(value.size_bytes);
  out["embeddingBytes"] = json(value.embedding_bytes);
  out["otherBytes"] = json(value.other_bytes);
  out["fingerprint"] = json(value.fingerprint);
  out["matrices"] = write_array(value.matrices, JsonPath(path, "matrices"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  out["bitsPerWeight"] = write_number(value.bits_per_weight, JsonPath(path, "bitsPerWeight"), bad);
  if (value.recipe) out["recipe"] = encode(*value.recipe, JsonPath(path, "recipe"), bad);
  if (value.base_fingerprint) out["baseFingerprint"] = json(*value.base_fingerprint);
  out["warnings"] = write_array(value.warnings, JsonPath(path, "warnings"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  return out;
}

json encode(const PlanProblem& value, const JsonPath&, std::optional<Error>&) {
  json out = json::object();
  out["kind"] = json(name_of(value.kind));
  out["blocks"] = json(value.blocks);
  out["message"] = json(value.message);
  out["hint"] = json(value.hint);
  return out;
}

json encode(const CalibrationPlanResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["memoryBytes"] = json(value.memory_bytes);
  out["activationBytes"] = json(value.activation_bytes);
  out["activationsOnDisk"] = json(value.activations_on_disk);
  out["mappedBytes"] = json(value.mapped_bytes);
  out["freeMemoryBytes"] = json(value.free_memory_bytes);
  if (value.gpu_memory_bytes) out["gpuMemoryBytes"] = json(*value.gpu_memory_bytes);
  out["diskBytes"] = json(value.disk_bytes);
  out["resultBytes"] = json(value.result_bytes);
  out["freeDiskBytes"] = json(value.free_disk_bytes);
  if (value.duration_ms) out["durationMs"] = write_number(*value.duration_ms, JsonPath(path, "durationMs"), bad);
  out["problems"] = write_array(value.problems, JsonPath(path, "problems"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  return out;
}

json encode(const MatrixEntry& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["row"] = json(value.row);
  out["col"] = json(value.col);
  out["value"] = write_number(value.value, JsonPath(path, "value"), bad);
  out["sensitivity"] = write_number(value.sensitivity, JsonPath(path, "sensitivity"), bad);
  return out;
}

json encode(const MatrixWeightsResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["rows"] = json(value.rows);
  out["cols"] = json(value.cols);
  out["min"] = write_number(value.min, JsonPath(path, "min"), bad);
  out["max"] = write_number(value.max, JsonPath(path, "max"), bad);
  out["mean"] = write_number(value.mean, JsonPath(path, "mean"), bad);
  out["deviation"] = write_number(value.deviation, JsonPath(path, "deviation"), bad);
  out["histogram"] = json(value.histogram);
  out["sensitivitySum"] = write_number(value.sensitivity_sum, JsonPath(path, "sensitivitySum"), bad);
  out["sensitivityMax"] = write_number(value.sensitivity_max, JsonPath(path, "sensitivityMax"), bad);
  out["ofRows"] = json(value.of_rows);
  out["ofCols"] = json(value.of_cols);
  out["largest"] = write_array(value.largest, JsonPath(path, "largest"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  out["mostSensitive"] = write_array(value.most_sensitive, JsonPath(path, "mostSensitive"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  return out;
}

json encode(const ChannelCodebook& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["bits"] = json(value.bits);
  out["entries"] = write_array(value.entries, JsonPath(path, "entries"), [&](const auto& item, const JsonPath& at) { return write_number(item, at, bad); });
  out["objective"] = write_number(value.objective, JsonPath(path, "objective"), bad);
  out["relativeError"] = write_number(value.relative_error, JsonPath(path, "relativeError"), bad);
  return out;
}

json encode(const MatrixChannelResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["channel"] = json(value.channel);
  out["weights"] = json(value.weights);
  out["sensitivities"] = json(value.sensitivities);
  out["codebooks"] = write_array(value.codebooks, JsonPath(path, "codebooks"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  return out;
}

json encode(const WidthCost& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["bits"] = json(value.bits);
  out["objective"] = write_number(value.objective, JsonPath(path, "objective"), bad);
  out["keptShare"] = write_number(value.kept_share, JsonPath(path, "keptShare"), bad);
  out["relativeError"] = write_number(value.relative_error, JsonPath(path, "relativeError"), bad);
  out["spread"] = json(value.spread);
  return out;
}

json encode(const MatrixOutliersResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["sparsity"] = write_number(value.sparsity, JsonPath(path, "sparsity"), bad);
  if (value.range) out["range"] = write_number(*value.range, JsonPath(path, "range"), bad);
  out["rangeRowStep"] = json(value.range_row_step);
  out["rowsRead"] = json(value.rows_read);
  if (value.fence_low) out["fenceLow"] = write_number(*value.fence_low, JsonPath(path, "fenceLow"), bad);
  if (value.fence_high) out["fenceHigh"] = write_number(*value.fence_high, JsonPath(path, "fenceHigh"), bad);
  out["sensitive"] = json(value.sensitive);
  out["beyond"] = json(value.beyond);
  out["rowsClustered"] = json(value.rows_clustered);
  out["low"] = write_number(value.low, JsonPath(path, "low"), bad);
  out["high"] = write_number(value.high, JsonPath(path, "high"), bad);
  out["widths"] = write_array(value.widths, JsonPath(path, "widths"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  return out;
}

json encode(const MatrixTileResult& value, const JsonPath&, std::optional<Error>&) {
  json out = json::object();
  out["height"] = json(value.height);
  out["width"] = json(value.width);
  out["cells"] = json(value.cells);
  return out;
}

json encode(const JobStarted& value, const JsonPath&, std::optional<Error>&) {
  json out = json::object();
  out["jobId"] = json(value.job_id);
  return out;
}

json encode(const ModelLoadResult& value, const JsonPath&, std::optional<Error>&) {
  json out = json::object();
  out["modelId"] = json(value.model_id);
  out["contextLength"] = json(value.context_length);
  out["memoryBytes"] = json(value.memory_bytes);
  return out;
}

json encode(const ModelUnloadResult& value, const JsonPath&, std::optional<Error>&) {
  json out = json::object();
  out["found"] = json(value.found);
  return out;
}

json encode(const StoredLayout& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["type"] = json(name_of(value.type));
  if (value.bits) out["bits"] = json(*value.bits);
  out["sparsity"] = write_number(value.sparsity, JsonPath(path, "sparsity"), bad);
  return out;
}

json encode(const JobCancelResult& value, const JsonPath&, std::optional<Error>&) {
  json out = json::object();
  out["found"] = json(value.found);
  return out;
}

json encode(const JobProgressed& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["jobId"] = json(value.job_id);
  out["seq"] = json(value.seq);
  out["stage"] = json(value.stage);
  out["fraction"] = write_number(value.fraction, JsonPath(path, "fraction"), bad);
  if (value.rate) out["rate"] = write_number(*value.rate, JsonPath(path, "rate"), bad);
  if (value.rate_unit) out["rateUnit"] = json(*value.rate_unit);
  if (value.remaining_ms) out["remainingMs"] = write_number(*value.remaining_ms, JsonPath(path, "remainingMs"), bad);
  if (value.detail) out["detail"] = json(*value.detail);
  return out;
}

json encode(const MatrixSensitivity& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["name"] = json(value.name);
  out["layer"] = json(value.layer);
  out["role"] = json(value.role);
  out["rows"] = json(value.rows);
  out["cols"] = json(value.cols);
  out["sum"] = write_number(value.sum, JsonPath(path, "sum"), bad);
  out["max"] = write_number(value.max, JsonPath(path, "max"), bad);
  out["weighted"] = write_number(value.weighted, JsonPath(path, "weighted"), bad);
  return out;
}

json encode(const CalibrationResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = CalibrationResult::kind;
  out["out"] = json(value.out);
  out["fingerprint"] = json(value.fingerprint);
  out["checkpointFingerprint"] = json(value.checkpoint_fingerprint);
  out["estimator"] = json(name_of(value.estimator));
  out["precision"] = json(name_of(value.precision));
  out["samples"] = json(value.samples);
  out["length"] = json(value.length);
  out["loss"] = write_number(value.loss, JsonPath(path, "loss"), bad);
  out["matrices"] = write_array(value.matrices, JsonPath(path, "matrices"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  out["sizeBytes"] = json(value.size_bytes);
  out["peakMemoryBytes"] = json(value.peak_memory_bytes);
  out["durationMs"] = write_number(value.duration_ms, JsonPath(path, "durationMs"), bad);
  return out;
}

json encode(const MatrixOutcome& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["name"] = json(value.name);
  out["layer"] = json(value.layer);
  out["role"] = json(value.role);
  out["bits"] = json(value.bits);
  out["sparseCount"] = json(value.sparse_count);
  out["bitsPerWeight"] = write_number(value.bits_per_weight, JsonPath(path, "bitsPerWeight"), bad);
  out["objective"] = write_number(value.objective, JsonPath(path, "objective"), bad);
  out["relativeError"] = write_number(value.relative_error, JsonPath(path, "relativeError"), bad);
  return out;
}

json encode(const OutsideOutcome& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["name"] = json(value.name);
  out["embedding"] = json(value.embedding);
  out["head"] = json(value.head);
  out["bits"] = json(value.bits);
  out["bitsPerWeight"] = write_number(value.bits_per_weight, JsonPath(path, "bitsPerWeight"), bad);
  out["sizeBytes"] = json(value.size_bytes);
  out["relativeError"] = write_number(value.relative_error, JsonPath(path, "relativeError"), bad);
  return out;
}

json encode(const Refinement& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["steps"] = json(value.steps);
  out["bestStep"] = json(value.best_step);
  out["samples"] = json(value.samples);
  out["heldOut"] = json(value.held_out);
  out["before"] = write_number(value.before, JsonPath(path, "before"), bad);
  out["after"] = write_number(value.after, JsonPath(path, "after"), bad);
  return out;
}

json encode(const QuantizationResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = QuantizationResult::kind;
  out["out"] = json(value.out);
  out["fingerprint"] = json(value.fingerprint);
  out["checkpointFingerprint"] = json(value.checkpoint_fingerprint);
  if (value.calibration_fingerprint) out["calibrationFingerprint"] = json(*value.calibration_fingerprint);
  out["recipe"] = encode(value.recipe, JsonPath(path, "recipe"), bad);
  out["bitsPerWeight"] = write_number(value.bits_per_weight, JsonPath(path, "bitsPerWeight"), bad);
  out["sizeBytes"] = json(value.size_bytes);
  out["checkpointSizeBytes"] = json(value.checkpoint_size_bytes);
  out["fp16SizeBytes"] = json(value.fp16_size_bytes);
  out["objective"] = write_number(value.objective, JsonPath(path, "objective"), bad);
  out["matrices"] = write_array(value.matrices, JsonPath(path, "matrices"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  if (value.outside) out["outside"] = write_array(*value.outside, JsonPath(path, "outside"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  if (value.refinement) out["refinement"] = encode(*value.refinement, JsonPath(path, "refinement"), bad);
  out["resumedMatrices"] = json(value.resumed_matrices);
  out["peakMemoryBytes"] = json(value.peak_memory_bytes);
  out["durationMs"] = write_number(value.duration_ms, JsonPath(path, "durationMs"), bad);
  return out;
}

json encode(const Divergence& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["klMean"] = write_number(value.kl_mean, JsonPath(path, "klMean"), bad);
  out["top1Agreement"] = write_number(value.top1_agreement, JsonPath(path, "top1Agreement"), bad);
  if (value.against_perplexity) out["againstPerplexity"] = write_number(*value.against_perplexity, JsonPath(path, "againstPerplexity"), bad);
  return out;
}

json encode(const EvaluationResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = EvaluationResult::kind;
  out["diverged"] = json(value.diverged);
  if (value.perplexity) out["perplexity"] = write_number(*value.perplexity, JsonPath(path, "perplexity"), bad);
  if (value.mean_nll) out["meanNll"] = write_number(*value.mean_nll, JsonPath(path, "meanNll"), bad);
  out["tokens"] = json(value.tokens);
  out["windows"] = json(value.windows);
  out["windowLength"] = json(value.window_length);
  out["precision"] = json(name_of(value.precision));
  if (value.divergence) out["divergence"] = encode(*value.divergence, JsonPath(path, "divergence"), bad);
  out["peakMemoryBytes"] = json(value.peak_memory_bytes);
  out["durationMs"] = write_number(value.duration_ms, JsonPath(path, "durationMs"), bad);
  return out;
}

json encode(const ErrorsResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = ErrorsResult::kind;
  out["checkpointFingerprint"] = json(value.checkpoint_fingerprint);
  out["calibrationFingerprint"] = json(value.calibration_fingerprint);
  out["matrices"] = json(value.matrices);
  out["peakMemoryBytes"] = json(value.peak_memory_bytes);
  out["durationMs"] = write_number(value.duration_ms, JsonPath(path, "durationMs"), bad);
  return out;
}

json encode(const SweepPoint& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["bitsPerWeight"] = write_number(value.bits_per_weight, JsonPath(path, "bitsPerWeight"), bad);
  out["sizeBytes"] = json(value.size_bytes);
  out["objective"] = write_number(value.objective, JsonPath(path, "objective"), bad);
  out["diverged"] = json(value.diverged);
  if (value.perplexity) out["perplexity"] = write_number(*value.perplexity, JsonPath(path, "perplexity"), bad);
  if (value.mean_nll) out["meanNll"] = write_number(*value.mean_nll, JsonPath(path, "meanNll"), bad);
  if (value.kl_mean) out["klMean"] = write_number(*value.kl_mean, JsonPath(path, "klMean"), bad);
  if (value.top1_agreement) out["top1Agreement"] = write_number(*value.top1_agreement, JsonPath(path, "top1Agreement"), bad);
  return out;
}

json encode(const SweepResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = SweepResult::kind;
  out["points"] = write_array(value.points, JsonPath(path, "points"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  if (value.mean_nll) out["meanNll"] = write_number(*value.mean_nll, JsonPath(path, "meanNll"), bad);
  out["tokens"] = json(value.tokens);
  out["windows"] = json(value.windows);
  out["windowLength"] = json(value.window_length);
  out["precision"] = json(name_of(value.precision));
  out["peakMemoryBytes"] = json(value.peak_memory_bytes);
  out["durationMs"] = write_number(value.duration_ms, JsonPath(path, "durationMs"), bad);
  return out;
}

json encode(const GenerationResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = GenerationResult::kind;
  out["promptTokens"] = json(value.prompt_tokens);
  out["reusedTokens"] = json(value.reused_tokens);
  out["generatedTokens"] = json(value.generated_tokens);
  out["stopReason"] = json(name_of(value.stop_reason));
  out["promptMs"] = write_number(value.prompt_ms, JsonPath(path, "promptMs"), bad);
  out["generationMs"] = write_number(value.generation_ms, JsonPath(path, "generationMs"), bad);
  return out;
}

json encode(const DivergenceResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = DivergenceResult::kind;
  out["kl"] = write_array(value.kl, JsonPath(path, "kl"), [&](const auto& item, const JsonPath& at) { return write_number(item, at, bad); });
  out["logprobs"] = write_array(value.logprobs, JsonPath(path, "logprobs"), [&](const auto& item, const JsonPath& at) { return write_number(item, at, bad); });
  out["referenceLogprobs"] = write_array(value.reference_logprobs, JsonPath(path, "referenceLogprobs"), [&](const auto& item, const JsonPath& at) { return write_number(item, at, bad); });
  out["sameTop"] = json(value.same_top);
  out["durationMs"] = write_number(value.duration_ms, JsonPath(path, "durationMs"), bad);
  return out;
}

json encode(const ExportResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = ExportResult::kind;
  out["out"] = json(value.out);
  out["format"] = json(name_of(value.format));
  out["sizeBytes"] = json(value.size_bytes);
  out["durationMs"] = write_number(value.duration_ms, JsonPath(path, "durationMs"), bad);
  return out;
}

json encode(const SynthesisResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = SynthesisResult::kind;
  out["out"] = json(value.out);
  out["parameters"] = json(value.parameters);
  out["sizeBytes"] = json(value.size_bytes);
  out["durationMs"] = write_number(value.duration_ms, JsonPath(path, "durationMs"), bad);
  return out;
}

json encode(const Spread& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["median"] = write_number(value.median, JsonPath(path, "median"), bad);
  out["min"] = write_number(value.min, JsonPath(path, "min"), bad);
  out["max"] = write_number(value.max, JsonPath(path, "max"), bad);
  return out;
}

json encode(const GenerationSpeed& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["context"] = json(value.context);
  out["tokensPerSecond"] = encode(value.tokens_per_second, JsonPath(path, "tokensPerSecond"), bad);
  out["cacheBytesPerToken"] = json(value.cache_bytes_per_token);
  out["bandwidthShare"] = encode(value.bandwidth_share, JsonPath(path, "bandwidthShare"), bad);
  return out;
}

json encode(const ModelSpeed& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["path"] = json(value.path);
  out["storedAs"] = json(value.stored_as);
  out["headStoredAs"] = json(value.head_stored_as);
  out["weightBytesPerToken"] = json(value.weight_bytes_per_token);
  out["cacheBytesPerPosition"] = json(value.cache_bytes_per_position);
  out["memoryBytes"] = json(value.memory_bytes);
  out["promptTokensPerSecond"] = encode(value.prompt_tokens_per_second, JsonPath(path, "promptTokensPerSecond"), bad);
  out["firstTokenMs"] = encode(value.first_token_ms, JsonPath(path, "firstTokenMs"), bad);
  out["generation"] = write_array(value.generation, JsonPath(path, "generation"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  return out;
}

json encode(const ReadBandwidth& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["threads"] = json(value.threads);
  out["allThreads"] = encode(value.all_threads, JsonPath(path, "allThreads"), bad);
  if (value.one_thread) out["oneThread"] = encode(*value.one_thread, JsonPath(path, "oneThread"), bad);
  return out;
}

json encode(const BenchmarkResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = BenchmarkResult::kind;
  out["models"] = write_array(value.models, JsonPath(path, "models"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  out["promptTokens"] = json(value.prompt_tokens);
  out["generateTokens"] = json(value.generate_tokens);
  out["rounds"] = json(value.rounds);
  out["interleaved"] = json(value.interleaved);
  out["simd"] = json(value.simd);
  out["arithmetic"] = json(name_of(value.arithmetic));
  out["readBandwidth"] = encode(value.read_bandwidth, JsonPath(path, "readBandwidth"), bad);
  out["peakMemoryBytes"] = json(value.peak_memory_bytes);
  out["durationMs"] = write_number(value.duration_ms, JsonPath(path, "durationMs"), bad);
  return out;
}

json encode(const KernelSpeed& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["rows"] = json(value.rows);
  out["cols"] = json(value.cols);
  out["layout"] = encode(value.layout, JsonPath(path, "layout"), bad);
  out["tokens"] = json(value.tokens);
  out["weightBytes"] = json(value.weight_bytes);
  out["productMs"] = encode(value.product_ms, JsonPath(path, "productMs"), bad);
  out["gigabytesPerSecond"] = encode(value.gigabytes_per_second, JsonPath(path, "gigabytesPerSecond"), bad);
  out["bandwidthShare"] = encode(value.bandwidth_share, JsonPath(path, "bandwidthShare"), bad);
  out["relativeError"] = write_number(value.relative_error, JsonPath(path, "relativeError"), bad);
  return out;
}

json encode(const KernelBenchmarkResult& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["kind"] = KernelBenchmarkResult::kind;
  out["kernels"] = write_array(value.kernels, JsonPath(path, "kernels"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  out["rounds"] = json(value.rounds);
  out["simd"] = json(value.simd);
  out["arithmetic"] = json(name_of(value.arithmetic));
  out["readBandwidth"] = encode(value.read_bandwidth, JsonPath(path, "readBandwidth"), bad);
  out["durationMs"] = write_number(value.duration_ms, JsonPath(path, "durationMs"), bad);
  return out;
}

json encode(const JobResult& value, const JsonPath& path, std::optional<Error>& bad) {
  return std::visit([&](const auto& option) { return encode(option, path, bad); }, value);
}

json encode(const JobEnded& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["jobId"] = json(value.job_id);
  out["outcome"] = json(name_of(value.outcome));
  if (value.result) out["result"] = encode(*value.result, JsonPath(path, "result"), bad);
  if (value.error) out["error"] = encode(*value.error, JsonPath(path, "error"), bad);
  return out;
}

json encode(const GenerationProduced& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["jobId"] = json(value.job_id);
  out["seq"] = json(value.seq);
  out["tokens"] = json(value.tokens);
  out["logprobs"] = write_array(value.logprobs, JsonPath(path, "logprobs"), [&](const auto& item, const JsonPath& at) { return write_number(item, at, bad); });
  return out;
}

json encode(const ErrorCell& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["bits"] = json(value.bits);
  out["sparsity"] = write_number(value.sparsity, JsonPath(path, "sparsity"), bad);
  out["objective"] = write_number(value.objective, JsonPath(path, "objective"), bad);
  out["sizeBytes"] = json(value.size_bytes);
  return out;
}

json encode(const MatrixErrors& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["name"] = json(value.name);
  out["layer"] = json(value.layer);
  out["role"] = json(value.role);
  out["weights"] = json(value.weights);
  out["denseBytes"] = json(value.dense_bytes);
  if (value.clustered_rows) out["clusteredRows"] = json(*value.clustered_rows);
  out["cells"] = write_array(value.cells, JsonPath(path, "cells"), [&](const auto& item, const JsonPath& at) { return encode(item, at, bad); });
  return out;
}

json encode(const ErrorsMeasured& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["jobId"] = json(value.job_id);
  out["matrix"] = encode(value.matrix, JsonPath(path, "matrix"), bad);
  return out;
}

json encode(const SweepMeasured& value, const JsonPath& path, std::optional<Error>& bad) {
  json out = json::object();
  out["jobId"] = json(value.job_id);
  out["place"] = json(value.place);
  out["point"] = encode(value.point, JsonPath(path, "point"), bad);
  if (value.mean_nll) out["meanNll"] = write_number(*value.mean_nll, JsonPath(path, "meanNll"), bad);
  out["tokens"] = json(value.tokens);
  out["windows"] = json(value.windows);
  return out;
}

}  // namespace

Result<HelloParams> decode_hello_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"protocolVersion", "contractHash", "hostVersion"}));
  HelloParams out;
  SQUEEZE_TRY(read_field(value, path, "protocolVersion", out.protocol_version, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "contractHash", out.contract_hash, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "hostVersion", out.host_version, [](const auto& v, const auto& at) { return read_string(v, at); }));
  return out;
}

Result<CheckpointInspectParams> decode_checkpoint_inspect_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"path"}));
  CheckpointInspectParams out;
  SQUEEZE_TRY(read_field(value, path, "path", out.path, [](const auto& v, const auto& at) { return read_string(v, at); }));
  return out;
}

Result<CalibrationPlanParams> decode_calibration_plan_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"checkpoint", "estimator", "precision", "out", "device", "threads", "memoryLimitBytes", "samples", "length"}));
  CalibrationPlanParams out;
  SQUEEZE_TRY(read_field(value, path, "checkpoint", out.checkpoint, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "estimator", out.estimator, [](const auto& v, const auto& at) { return decode_estimator(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "precision", out.precision, [](const auto& v, const auto& at) { return decode_precision(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "out", out.out, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "device", out.device, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  SQUEEZE_TRY(read_field(value, path, "memoryLimitBytes", out.memory_limit_bytes, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "samples", out.samples, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1000000); }));
  SQUEEZE_TRY(read_field(value, path, "length", out.length, [](const auto& v, const auto& at) { return read_integer(v, at, 2, 1048576); }));
  return out;
}

Result<MatrixWeightsParams> decode_matrix_weights_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"checkpoint", "calibration", "tensor"}));
  MatrixWeightsParams out;
  SQUEEZE_TRY(read_field(value, path, "checkpoint", out.checkpoint, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "calibration", out.calibration, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "tensor", out.tensor, [](const auto& v, const auto& at) { return read_string(v, at); }));
  return out;
}

Result<MatrixChannelParams> decode_matrix_channel_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"checkpoint", "calibration", "tensor", "channel"}));
  MatrixChannelParams out;
  SQUEEZE_TRY(read_field(value, path, "checkpoint", out.checkpoint, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "calibration", out.calibration, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "tensor", out.tensor, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "channel", out.channel, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  return out;
}

Result<MatrixOutliersParams> decode_matrix_outliers_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"checkpoint", "calibration", "tensor", "sparsity"}));
  MatrixOutliersParams out;
  SQUEEZE_TRY(read_field(value, path, "checkpoint", out.checkpoint, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "calibration", out.calibration, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "tensor", out.tensor, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "sparsity", out.sparsity, [](const auto& v, const auto& at) { return read_number(v, at, 0.0, 0.2); }));
  return out;
}

Result<MatrixTileParams> decode_matrix_tile_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"checkpoint", "calibration", "tensor", "show", "pool", "row", "col", "rows", "cols", "height", "width"}));
  MatrixTileParams out;
  SQUEEZE_TRY(read_field(value, path, "checkpoint", out.checkpoint, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "calibration", out.calibration, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "tensor", out.tensor, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "show", out.show, [](const auto& v, const auto& at) { return decode_matrix_tile_params_show(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "pool", out.pool, [](const auto& v, const auto& at) { return decode_matrix_tile_params_pool(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "row", out.row, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "col", out.col, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "rows", out.rows, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "cols", out.cols, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "height", out.height, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 512); }));
  SQUEEZE_TRY(read_field(value, path, "width", out.width, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1024); }));
  return out;
}

Result<CalibrationStartParams> decode_calibration_start_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"checkpoint", "tokens", "estimator", "precision", "out", "device", "threads", "memoryLimitBytes"}));
  CalibrationStartParams out;
  SQUEEZE_TRY(read_field(value, path, "checkpoint", out.checkpoint, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "tokens", out.tokens, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "estimator", out.estimator, [](const auto& v, const auto& at) { return decode_estimator(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "precision", out.precision, [](const auto& v, const auto& at) { return decode_precision(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "out", out.out, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "device", out.device, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  SQUEEZE_TRY(read_field(value, path, "memoryLimitBytes", out.memory_limit_bytes, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  return out;
}

Result<QuantizationStartParams> decode_quantization_start_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"checkpoint", "calibration", "tokens", "recipe", "out", "device", "threads"}));
  QuantizationStartParams out;
  SQUEEZE_TRY(read_field(value, path, "checkpoint", out.checkpoint, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_optional_field(value, path, "calibration", out.calibration, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_optional_field(value, path, "tokens", out.tokens, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "recipe", out.recipe, [](const auto& v, const auto& at) { return decode_recipe(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "out", out.out, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "device", out.device, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  return out;
}

Result<EvaluationStartParams> decode_evaluation_start_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"model", "against", "tokens", "precision", "device", "threads", "memoryLimitBytes"}));
  EvaluationStartParams out;
  SQUEEZE_TRY(read_field(value, path, "model", out.model, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_optional_field(value, path, "against", out.against, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "tokens", out.tokens, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "precision", out.precision, [](const auto& v, const auto& at) { return decode_precision(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "device", out.device, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  SQUEEZE_TRY(read_optional_field(value, path, "memoryLimitBytes", out.memory_limit_bytes, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  return out;
}

Result<ErrorsStartParams> decode_errors_start_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"checkpoint", "calibration", "bits", "sparsities", "outliers", "skip", "rows", "device", "threads"}));
  ErrorsStartParams out;
  SQUEEZE_TRY(read_field(value, path, "checkpoint", out.checkpoint, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "calibration", out.calibration, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "bits", out.bits, [](const auto& v, const auto& at) { return read_array<std::int64_t>(v, at, 1, 7, [](const auto& v, const auto& at) { return read_integer(v, at, 2, 8); }); }));
  SQUEEZE_TRY(read_field(value, path, "sparsities", out.sparsities, [](const auto& v, const auto& at) { return read_array<double>(v, at, 1, 64, [](const auto& v, const auto& at) { return read_number(v, at, 0.0, 0.2); }); }));
  SQUEEZE_TRY(read_field(value, path, "outliers", out.outliers, [](const auto& v, const auto& at) { return decode_recipe_outliers(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "skip", out.skip, [](const auto& v, const auto& at) { return read_array<std::string>(v, at, 0, 1000000, [](const auto& v, const auto& at) { return read_string(v, at); }); }));
  SQUEEZE_TRY(read_optional_field(value, path, "rows", out.rows, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "device", out.device, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  return out;
}

Result<SweepStartParams> decode_sweep_start_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"checkpoint", "calibration", "tokens", "recipes", "precision", "device", "threads", "memoryLimitBytes"}));
  SweepStartParams out;
  SQUEEZE_TRY(read_field(value, path, "checkpoint", out.checkpoint, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_optional_field(value, path, "calibration", out.calibration, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "tokens", out.tokens, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "recipes", out.recipes, [](const auto& v, const auto& at) { return read_array<Recipe>(v, at, 1, 256, [](const auto& v, const auto& at) { return decode_recipe(v, at); }); }));
  SQUEEZE_TRY(read_field(value, path, "precision", out.precision, [](const auto& v, const auto& at) { return decode_precision(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "device", out.device, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  SQUEEZE_TRY(read_optional_field(value, path, "memoryLimitBytes", out.memory_limit_bytes, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  return out;
}

Result<ExportStartParams> decode_export_start_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"model", "format", "out", "threads"}));
  ExportStartParams out;
  SQUEEZE_TRY(read_field(value, path, "model", out.model, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "format", out.format, [](const auto& v, const auto& at) { return decode_export_format(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "out", out.out, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  return out;
}

Result<ModelLoadParams> decode_model_load_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"path", "device", "threads", "contextLength"}));
  ModelLoadParams out;
  SQUEEZE_TRY(read_field(value, path, "path", out.path, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "device", out.device, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  SQUEEZE_TRY(read_field(value, path, "contextLength", out.context_length, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  return out;
}

Result<ModelUnloadParams> decode_model_unload_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"modelId"}));
  ModelUnloadParams out;
  SQUEEZE_TRY(read_field(value, path, "modelId", out.model_id, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 9007199254740991); }));
  return out;
}

Result<GenerationStartParams> decode_generation_start_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"modelId", "prompt", "maxTokens", "stopTokens", "sampling"}));
  GenerationStartParams out;
  SQUEEZE_TRY(read_field(value, path, "modelId", out.model_id, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "prompt", out.prompt, [](const auto& v, const auto& at) { return read_array<std::int64_t>(v, at, 1, 1048576, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }); }));
  SQUEEZE_TRY(read_field(value, path, "maxTokens", out.max_tokens, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "stopTokens", out.stop_tokens, [](const auto& v, const auto& at) { return read_array<std::int64_t>(v, at, 0, kMaxSafe, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }); }));
  SQUEEZE_TRY(read_field(value, path, "sampling", out.sampling, [](const auto& v, const auto& at) { return decode_sampling(v, at); }));
  return out;
}

Result<DivergenceStartParams> decode_divergence_start_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"modelId", "referenceId", "prompt", "answer"}));
  DivergenceStartParams out;
  SQUEEZE_TRY(read_field(value, path, "modelId", out.model_id, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "referenceId", out.reference_id, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "prompt", out.prompt, [](const auto& v, const auto& at) { return read_array<std::int64_t>(v, at, 1, 1048576, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }); }));
  SQUEEZE_TRY(read_field(value, path, "answer", out.answer, [](const auto& v, const auto& at) { return read_array<std::int64_t>(v, at, 1, 1048576, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }); }));
  return out;
}

Result<SynthesisStartParams> decode_synthesis_start_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"shape", "weights", "head", "seed", "out", "threads"}));
  SynthesisStartParams out;
  SQUEEZE_TRY(read_field(value, path, "shape", out.shape, [](const auto& v, const auto& at) { return decode_model_shape(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "weights", out.weights, [](const auto& v, const auto& at) { return decode_stored_layout(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "head", out.head, [](const auto& v, const auto& at) { return decode_stored_layout(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "seed", out.seed, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 9007199254740991); }));
  SQUEEZE_TRY(read_field(value, path, "out", out.out, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  return out;
}

Result<BenchmarkStartParams> decode_benchmark_start_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"models", "promptTokens", "generateTokens", "contexts", "rounds", "simd", "arithmetic", "device", "threads"}));
  BenchmarkStartParams out;
  SQUEEZE_TRY(read_field(value, path, "models", out.models, [](const auto& v, const auto& at) { return read_array<std::string>(v, at, 1, 16, [](const auto& v, const auto& at) { return read_string(v, at); }); }));
  SQUEEZE_TRY(read_field(value, path, "promptTokens", out.prompt_tokens, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1048576); }));
  SQUEEZE_TRY(read_field(value, path, "generateTokens", out.generate_tokens, [](const auto& v, const auto& at) { return read_integer(v, at, 2, 1048576); }));
  SQUEEZE_TRY(read_field(value, path, "contexts", out.contexts, [](const auto& v, const auto& at) { return read_array<std::int64_t>(v, at, 0, 16, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1048576); }); }));
  SQUEEZE_TRY(read_field(value, path, "rounds", out.rounds, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1000); }));
  SQUEEZE_TRY(read_field(value, path, "simd", out.simd, [](const auto& v, const auto& at) { return decode_simd(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "arithmetic", out.arithmetic, [](const auto& v, const auto& at) { return decode_arithmetic(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "device", out.device, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  return out;
}

Result<BenchmarkKernelsParams> decode_benchmark_kernels_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"shapes", "layouts", "tokens", "rounds", "simd", "arithmetic", "device", "threads"}));
  BenchmarkKernelsParams out;
  SQUEEZE_TRY(read_field(value, path, "shapes", out.shapes, [](const auto& v, const auto& at) { return read_array<MatrixShape>(v, at, 1, 64, [](const auto& v, const auto& at) { return decode_matrix_shape(v, at); }); }));
  SQUEEZE_TRY(read_field(value, path, "layouts", out.layouts, [](const auto& v, const auto& at) { return read_array<StoredLayout>(v, at, 1, 64, [](const auto& v, const auto& at) { return decode_stored_layout(v, at); }); }));
  SQUEEZE_TRY(read_field(value, path, "tokens", out.tokens, [](const auto& v, const auto& at) { return read_array<std::int64_t>(v, at, 1, 32, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 32); }); }));
  SQUEEZE_TRY(read_field(value, path, "rounds", out.rounds, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 1000); }));
  SQUEEZE_TRY(read_field(value, path, "simd", out.simd, [](const auto& v, const auto& at) { return decode_simd(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "arithmetic", out.arithmetic, [](const auto& v, const auto& at) { return decode_arithmetic(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "device", out.device, [](const auto& v, const auto& at) { return read_string(v, at); }));
  SQUEEZE_TRY(read_field(value, path, "threads", out.threads, [](const auto& v, const auto& at) { return read_integer(v, at, 0, 1024); }));
  return out;
}

Result<JobCancelParams> decode_job_cancel_params(const json& value, const JsonPath& path) {
  SQUEEZE_TRY(expect_fields(value, path, {"jobId"}));
  JobCancelParams out;
  SQUEEZE_TRY(read_field(value, path, "jobId", out.job_id, [](const auto& v, const auto& at) { return read_integer(v, at, 1, 9007199254740991); }));
  return out;
}

Result<json> to_json(const ErrorInfo& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("ErrorInfo"), bad); });
}

Result<json> to_json(const HelloResult& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("HelloResult"), bad); });
}

Result<json> to_json(const CheckpointInspectResult& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("CheckpointInspectResult"), bad); });
}

Result<json> to_json(const CalibrationPlanResult& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("CalibrationPlanResult"), bad); });
}

Result<json> to_json(const MatrixWeightsResult& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("MatrixWeightsResult"), bad); });
}

Result<json> to_json(const MatrixChannelResult& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("MatrixChannelResult"), bad); });
}

Result<json> to_json(const MatrixOutliersResult& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("MatrixOutliersResult"), bad); });
}

Result<json> to_json(const MatrixTileResult& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("MatrixTileResult"), bad); });
}

Result<json> to_json(const JobStarted& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("JobStarted"), bad); });
}

Result<json> to_json(const ModelLoadResult& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("ModelLoadResult"), bad); });
}

Result<json> to_json(const ModelUnloadResult& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("ModelUnloadResult"), bad); });
}

Result<json> to_json(const JobCancelResult& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("JobCancelResult"), bad); });
}

Result<json> to_json(const JobProgressed& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("JobProgressed"), bad); });
}

Result<json> to_json(const JobEnded& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("JobEnded"), bad); });
}

Result<json> to_json(const GenerationProduced& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("GenerationProduced"), bad); });
}

Result<json> to_json(const ErrorsMeasured& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("ErrorsMeasured"), bad); });
}

Result<json> to_json(const SweepMeasured& value) {
  return encoded([&](std::optional<Error>& bad) { return encode(value, JsonPath("SweepMeasured"), bad); });
}

CallOutcome dispatch(Requests& requests, std::string_view method, const json& params) {
  const JsonPath path("params");
  if (method == "sidecar.hello")
    return call(decode_hello_params(params, path), [&](const auto& p) { return requests.sidecar_hello(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "checkpoint.inspect")
    return call(decode_checkpoint_inspect_params(params, path), [&](const auto& p) { return requests.checkpoint_inspect(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "calibration.plan")
    return call(decode_calibration_plan_params(params, path), [&](const auto& p) { return requests.calibration_plan(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "matrix.weights")
    return call(decode_matrix_weights_params(params, path), [&](const auto& p) { return requests.matrix_weights(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "matrix.channel")
    return call(decode_matrix_channel_params(params, path), [&](const auto& p) { return requests.matrix_channel(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "matrix.outliers")
    return call(decode_matrix_outliers_params(params, path), [&](const auto& p) { return requests.matrix_outliers(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "matrix.tile")
    return call(decode_matrix_tile_params(params, path), [&](const auto& p) { return requests.matrix_tile(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "calibration.start")
    return call(decode_calibration_start_params(params, path), [&](const auto& p) { return requests.calibration_start(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "quantization.start")
    return call(decode_quantization_start_params(params, path), [&](const auto& p) { return requests.quantization_start(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "evaluation.start")
    return call(decode_evaluation_start_params(params, path), [&](const auto& p) { return requests.evaluation_start(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "errors.start")
    return call(decode_errors_start_params(params, path), [&](const auto& p) { return requests.errors_start(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "sweep.start")
    return call(decode_sweep_start_params(params, path), [&](const auto& p) { return requests.sweep_start(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "export.start")
    return call(decode_export_start_params(params, path), [&](const auto& p) { return requests.export_start(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "model.load")
    return call(decode_model_load_params(params, path), [&](const auto& p) { return requests.model_load(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "model.unload")
    return call(decode_model_unload_params(params, path), [&](const auto& p) { return requests.model_unload(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "generation.start")
    return call(decode_generation_start_params(params, path), [&](const auto& p) { return requests.generation_start(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "divergence.start")
    return call(decode_divergence_start_params(params, path), [&](const auto& p) { return requests.divergence_start(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "synthesis.start")
    return call(decode_synthesis_start_params(params, path), [&](const auto& p) { return requests.synthesis_start(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "benchmark.start")
    return call(decode_benchmark_start_params(params, path), [&](const auto& p) { return requests.benchmark_start(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "benchmark.kernels")
    return call(decode_benchmark_kernels_params(params, path), [&](const auto& p) { return requests.benchmark_kernels(p); },
                [](const auto& result) { return to_json(result); });
  if (method == "job.cancel")
    return call(decode_job_cancel_params(params, path), [&](const auto& p) { return requests.job_cancel(p); },
                [](const auto& result) { return to_json(result); });
  return method_not_found(method);
}

void EventEncoder::job_progressed(const JobProgressed& event) { send("job.progressed", to_json(event)); }
void EventEncoder::job_ended(const JobEnded& event) { send("job.ended", to_json(event)); }
void EventEncoder::generation_produced(const GenerationProduced& event) { send("generation.produced", to_json(event)); }
void EventEncoder::errors_measured(const ErrorsMeasured& event) { send("errors.measured", to_json(event)); }
void EventEncoder::sweep_measured(const SweepMeasured& event) { send("sweep.measured", to_json(event)); }

}  // namespace squeeze::contract
