#pragma once
// Made by scripts/gen-contract.ts from src/shared/contract/sidecar; change that and run `npm run gen`.
// clang-format off

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace squeeze::contract {

inline constexpr std::int64_t kProtocolVersion = 1;
inline constexpr std::string_view kContractHash = "08a8b82f1920e16a";

// What went wrong, for programs.
using squeeze::ErrorCode;
static_assert(static_cast<int>(ErrorCode::kInvalidRequest) == 0, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kProtocolMismatch) == 1, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kFileNotFound) == 2, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kFileUnreadable) == 3, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kFileMalformed) == 4, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kTensorMissing) == 5, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kTensorMalformed) == 6, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kValueNotFinite) == 7, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kArchitectureUnsupported) == 8, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kTokenizerMissing) == 9, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kTokenizerUnsupported) == 10, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kTextTooShort) == 11, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kCalibrationMismatch) == 12, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kOutputExists) == 13, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kOutputUnwritable) == 14, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kDiskFull) == 15, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kOutOfMemory) == 16, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kDeviceUnavailable) == 17, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kNotFound) == 18, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kBusy) == 19, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kCancelled) == 20, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kSidecarDied) == 21, "base and the contract differ");
static_assert(static_cast<int>(ErrorCode::kInternal) == 22, "base and the contract differ");

constexpr std::string_view name_of(ErrorCode value) {
  switch (value) {
    case ErrorCode::kInvalidRequest: return "invalid-request";
    case ErrorCode::kProtocolMismatch: return "protocol-mismatch";
    case ErrorCode::kFileNotFound: return "file-not-found";
    case ErrorCode::kFileUnreadable: return "file-unreadable";
    case ErrorCode::kFileMalformed: return "file-malformed";
    case ErrorCode::kTensorMissing: return "tensor-missing";
    case ErrorCode::kTensorMalformed: return "tensor-malformed";
    case ErrorCode::kValueNotFinite: return "value-not-finite";
    case ErrorCode::kArchitectureUnsupported: return "architecture-unsupported";
    case ErrorCode::kTokenizerMissing: return "tokenizer-missing";
    case ErrorCode::kTokenizerUnsupported: return "tokenizer-unsupported";
    case ErrorCode::kTextTooShort: return "text-too-short";
    case ErrorCode::kCalibrationMismatch: return "calibration-mismatch";
    case ErrorCode::kOutputExists: return "output-exists";
    case ErrorCode::kOutputUnwritable: return "output-unwritable";
    case ErrorCode::kDiskFull: return "disk-full";
    case ErrorCode::kOutOfMemory: return "out-of-memory";
    case ErrorCode::kDeviceUnavailable: return "device-unavailable";
    case ErrorCode::kNotFound: return "not-found";
    case ErrorCode::kBusy: return "busy";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kSidecarDied: return "sidecar-died";
    case ErrorCode::kInternal: return "internal";
  }
  return {};
}

constexpr std::optional<ErrorCode> error_code_named(std::string_view name) {
  if (name == "invalid-request") return ErrorCode::kInvalidRequest;
  if (name == "protocol-mismatch") return ErrorCode::kProtocolMismatch;
  if (name == "file-not-found") return ErrorCode::kFileNotFound;
  if (name == "file-unreadable") return ErrorCode::kFileUnreadable;
  if (name == "file-malformed") return ErrorCode::kFileMalformed;
  if (name == "tensor-missing") return ErrorCode::kTensorMissing;
  if (name == "tensor-malformed") return ErrorCode::kTensorMalformed;
  if (name == "value-not-finite") return ErrorCode::kValueNotFinite;
  if (name == "architecture-unsupported") return ErrorCode::kArchitectureUnsupported;
  if (name == "tokenizer-missing") return ErrorCode::kTokenizerMissing;
  if (name == "tokenizer-unsupported") return ErrorCode::kTokenizerUnsupported;
  if (name == "text-too-short") return ErrorCode::kTextTooShort;
  if (name == "calibration-mismatch") return ErrorCode::kCalibrationMismatch;
  if (name == "output-exists") return ErrorCode::kOutputExists;
  if (name == "output-unwritable") return ErrorCode::kOutputUnwritable;
  if (name == "disk-full") return ErrorCode::kDiskFull;
  if (name == "out-of-memory") return ErrorCode::kOutOfMemory;
  if (name == "device-unavailable") return ErrorCode::kDeviceUnavailable;
  if (name == "not-found") return ErrorCode::kNotFound;
  if (name == "busy") return ErrorCode::kBusy;
  if (name == "cancelled") return ErrorCode::kCancelled;
  if (name == "sidecar-died") return ErrorCode::kSidecarDied;
  if (name == "internal") return ErrorCode::kInternal;
  return std::nullopt;
}

// The one shape of a failure.
struct ErrorInfo {
  // What went wrong, for programs.
  ErrorCode code = {};
  // One sentence for a person, naming the file, tensor or field.
  std::string message = {};
  // The stage of the job that failed, such as "cluster".
  std::optional<std::string> stage = {};
  // Zero-based decoder layer, where one is to blame. [>= 0]
  std::optional<std::int64_t> layer = {};
  // Tensor name as the checkpoint spells it.
  std::optional<std::string> tensor = {};
  // True when the same request may succeed later, unchanged.
  bool retryable = {};
  // What the person can do next.
  std::optional<std::string> hint = {};
};

struct HelloParams {
  // PROTOCOL_VERSION of the host. [>= 0]
  std::int64_t protocol_version = {};
  // Hash of the contract that the host was built with.
  std::string contract_hash = {};
  // Version of the studio, for the log.
  std::string host_version = {};
};

struct DeviceInfo {
  // "cpu" or "cuda:<index>".
  std::string id = {};
  // Name as the driver or the processor gives it.
  std::string name = {};
  // Memory of the device, bytes; 0 when unavailable. [>= 0]
  std::int64_t memory_bytes = {};
  // False: listed only to say why it cannot be used.
  bool available = {};
  // Why it is not available.
  std::optional<std::string> reason = {};
  // Requests that may name it, such as "calibration.start"; absent where all may, or it is not available.
  std::optional<std::vector<std::string>> requests = {};
  // Of a GPU, such as "9.0".
  std::optional<std::string> compute_capability = {};
  // Version of CUDA that the driver of a GPU knows, such as "13.0".
  std::optional<std::string> driver = {};
};

struct HelloResult {
  // PROTOCOL_VERSION of the sidecar. [>= 0]
  std::int64_t protocol_version = {};
  // Hash of the contract that the sidecar was built with.
  std::string contract_hash = {};
  // Version of the sidecar.
  std::string version = {};
  // Compiler and its version.
  std::string compiler = {};
  // Release, Debug, ...
  std::string build_type = {};
  // Library behind the matrix products, with its version.
  std::string gemm = {};
  // Instruction sets found at run time, such as "avx2", "avx512f".
  std::vector<std::string> isa = {};
  // Physical cores that this process may use. [>= 1]
  std::int64_t cores = {};
  // Every device known, the processor first.
  std::vector<DeviceInfo> devices = {};
  // Quantization methods, by id.
  std::vector<std::string> methods = {};
  // Stored layouts, by id.
  std::vector<std::string> formats = {};
  // Model families, by Hugging Face model_type.
  std::vector<std::string> architectures = {};
};

struct CheckpointInspectParams {
  // Folder of a checkpoint or of a result, or one .safetensors file in it.
  std::string path = {};
};

// A checkpoint as trained, or a result of the studio.
enum class CheckpointInspectResultKind { kDense, kQuantized };

constexpr std::string_view name_of(CheckpointInspectResultKind value) {
  switch (value) {
    case CheckpointInspectResultKind::kDense: return "dense";
    case CheckpointInspectResultKind::kQuantized: return "quantized";
  }
  return {};
}

constexpr std::optional<CheckpointInspectResultKind> checkpoint_inspect_result_kind_named(std::string_view name) {
  if (name == "dense") return CheckpointInspectResultKind::kDense;
  if (name == "quantized") return CheckpointInspectResultKind::kQuantized;
  return std::nullopt;
}

struct MatrixInfo {
  // Tensor name as the checkpoint spells it, with ".weight".
  std::string name = {};
  // Zero-based decoder layer. [>= 0]
  std::int64_t layer = {};
  // Place in the layer: q, k, v, o, gate, up, down, fc1, fc2.
  std::string role = {};
  // N, output channels. [>= 1]
  std::int64_t rows = {};
  // K, in-features. [>= 1]
  std::int64_t cols = {};
  // Data type of a dense matrix (F32, F16, BF16), or the stored layout of a squeezed one.
  std::string stored_as = {};
  // Bytes on disk of everything that belongs to the matrix. [>= 0]
  std::int64_t size_bytes = {};
};

// How the kept weights are chosen: sensitive ones and a quartile fence, or by what they save.
enum class RecipeOutliers { kPaper, kLossAware };

constexpr std::string_view name_of(RecipeOutliers value) {
  switch (value) {
    case RecipeOutliers::kPaper: return "paper";
    case RecipeOutliers::kLossAware: return "loss-aware";
  }
  return {};
}

constexpr std::optional<RecipeOutliers> recipe_outliers_named(std::string_view name) {
  if (name == "paper") return RecipeOutliers::kPaper;
  if (name == "loss-aware") return RecipeOutliers::kLossAware;
  return std::nullopt;
}

// Clustering of a row: global optimum, or Lloyd iterations.
enum class RecipeSolver { kExact, kLloyd };

constexpr std::string_view name_of(RecipeSolver value) {
  switch (value) {
    case RecipeSolver::kExact: return "exact";
    case RecipeSolver::kLloyd: return "lloyd";
  }
  return {};
}

constexpr std::optional<RecipeSolver> recipe_solver_named(std::string_view name) {
  if (name == "exact") return RecipeSolver::kExact;
  if (name == "lloyd") return RecipeSolver::kLloyd;
  return std::nullopt;
}

// Sensitivity of the calibration, or every weight alike.
enum class RecipeWeighting { kFisher, kNone };

constexpr std::string_view name_of(RecipeWeighting value) {
  switch (value) {
    case RecipeWeighting::kFisher: return "fisher";
    case RecipeWeighting::kNone: return "none";
  }
  return {};
}

constexpr std::optional<RecipeWeighting> recipe_weighting_named(std::string_view name) {
  if (name == "fisher") return RecipeWeighting::kFisher;
  if (name == "none") return RecipeWeighting::kNone;
  return std::nullopt;
}

struct RecipeOverride {
  // Matrices by tensor name without ".weight"; * stands for any characters, ? for one: "*.down_proj".
  std::string match = {};
  // Bits of an index, 2 to 8; 16 keeps the matrix as it is. [2, 16]
  std::optional<std::int64_t> bits = {};
  // Fraction of the weights kept exactly, 0..0.2. [0, 0.2]
  std::optional<double> sparsity = {};
};

struct Recipe {
  // Id of the method: "squeezellm", "rtn".
  std::string method = {};
  // Bits of an index. [2, 8]
  std::int64_t bits = {};
  // Fraction of the weights kept exactly, 0..0.2. [0, 0.2]
  double sparsity = {};
  // How the kept weights are chosen: sensitive ones and a quartile fence, or by what they save.
  RecipeOutliers outliers = {};
  // Clustering of a row: global optimum, or Lloyd iterations.
  RecipeSolver solver = {};
  // Sensitivity of the calibration, or every weight alike.
  RecipeWeighting weighting = {};
  // What single matrices get instead; where several match, the last one that names a field counts. [0..100000 items]
  std::optional<std::vector<RecipeOverride>> overrides = {};
  // Weights along a row that one codebook serves at most, 32 or more; rows are cut evenly. 0 or absent: a whole row.
  // [0, 1048576]
  std::optional<std::int64_t> group = {};
  // Neighbouring rows that share a codebook at most; absent: 1. [1, 65536]
  std::optional<std::int64_t> share = {};
  // Width of the embedding: 4 or 8 bits; 16 or absent: as it is. [4, 16]
  std::optional<std::int64_t> embedding_bits = {};
  // Width of the output head, likewise; of a tied pair both fields are to say the same, or one is absent. [4, 16]
  std::optional<std::int64_t> head_bits = {};
  // Steps of gradient descent on the codebooks, indices fixed, after the clustering; absent or 0: none. [0, 10000]
  std::optional<std::int64_t> refine = {};
};

struct CheckpointWarning {
  // For programs, such as "embedding-large".
  std::string code = {};
  // One sentence for a person.
  std::string message = {};
};

struct CheckpointInspectResult {
  // Absolute path of the folder.
  std::string path = {};
  // A checkpoint as trained, or a result of the studio.
  CheckpointInspectResultKind kind = {};
  // Hugging Face model_type, such as "llama".
  std::string family = {};
  // Class named in the config, such as "LlamaForCausalLM".
  std::string architecture = {};
  // Data type of most weights: F32, F16 or BF16.
  std::string dtype = {};
  // Count of parameters, tied ones once. [>= 0]
  std::int64_t parameters = {};
  // L, decoder layers. [>= 1]
  std::int64_t layers = {};
  // Width of the residual stream. [>= 1]
  std::int64_t hidden_size = {};
  // Width inside the MLP. [>= 1]
  std::int64_t intermediate_size = {};
  // Query heads. [>= 1]
  std::int64_t heads = {};
  // Key and value heads. [>= 1]
  std::int64_t kv_heads = {};
  // D, size of one head. [>= 1]
  std::int64_t head_dim = {};
  // V, rows of the embedding. [>= 1]
  std::int64_t vocabulary_size = {};
  // Longest sequence the model was made for, tokens. [>= 1]
  std::int64_t context_length = {};
  // Attention window in tokens, where the model has one. [>= 1]
  std::optional<std::int64_t> sliding_window = {};
  // True when the head is the embedding.
  bool tied_embeddings = {};
  // Bytes of all weight files. [>= 0]
  std::int64_t size_bytes = {};
  // Bytes of embedding and head. [>= 0]
  std::int64_t embedding_bytes = {};
  // Bytes of norms, biases and whatever is neither matrix, embedding nor head. [>= 0]
  std::int64_t other_bytes = {};
  // Hash of config, tensor headers and samples of every tensor; names the weights.
  std::string fingerprint = {};
  // Every linear inside the decoder layers, in order.
  std::vector<MatrixInfo> matrices = {};
  // Stored bits of the matrices over their weights. [>= 0]
  double bits_per_weight = {};
  // How a result was made.
  std::optional<Recipe> recipe = {};
  // Fingerprint of the checkpoint that a result was made from.
  std::optional<std::string> base_fingerprint = {};
  // What works but deserves a look.
  std::vector<CheckpointWarning> warnings = {};
};

// sample: squares of a sequence gradient (SqueezeLLM); token: sum over tokens of squared per-token gradients.
enum class Estimator { kSample, kToken };

constexpr std::string_view name_of(Estimator value) {
  switch (value) {
    case Estimator::kSample: return "sample";
    case Estimator::kToken: return "token";
  }
  return {};
}

constexpr std::optional<Estimator> estimator_named(std::string_view name) {
  if (name == "sample") return Estimator::kSample;
  if (name == "token") return Estimator::kToken;
  return std::nullopt;
}

// Of the factors of products with weights, whose sums are fp32 either way. bf16 is refused where the processor does not
// multiply it itself.
enum class Precision { kFp32, kBf16 };

constexpr std::string_view name_of(Precision value) {
  switch (value) {
    case Precision::kFp32: return "fp32";
    case Precision::kBf16: return "bf16";
  }
  return {};
}

constexpr std::optional<Precision> precision_named(std::string_view name) {
  if (name == "fp32") return Precision::kFp32;
  if (name == "bf16") return Precision::kBf16;
  return std::nullopt;
}

struct CalibrationPlanParams {
  // Folder of a dense checkpoint.
  std::string checkpoint = {};
  // sample: squares of a sequence gradient (SqueezeLLM); token: sum over tokens of squared per-token gradients.
  Estimator estimator = {};
  // Of the factors of products with weights, whose sums are fp32 either way. bf16 is refused where the processor does
  // not multiply it itself.
  Precision precision = {};
  // Folder to make; an unfinished one of the same inputs beside it is taken up again.
  std::string out = {};
  // "cpu" or "cuda:<index>".
  std::string device = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
  // Memory that the job may take. Activations that find no room in it go to a scratch file, and a limit below what
  // everything else needs is refused. 0: activations may take half of the free memory. [>= 0]
  std::int64_t memory_limit_bytes = {};
  // Sequences to read. [1, 1000000]
  std::int64_t samples = {};
  // Tokens in each sequence. [2, 1048576]
  std::int64_t length = {};
};

// What there is too little of.
enum class PlanProblemKind { kMemory, kLimit, kDisk, kGpuMemory };

constexpr std::string_view name_of(PlanProblemKind value) {
  switch (value) {
    case PlanProblemKind::kMemory: return "memory";
    case PlanProblemKind::kLimit: return "limit";
    case PlanProblemKind::kDisk: return "disk";
    case PlanProblemKind::kGpuMemory: return "gpu-memory";
  }
  return {};
}

constexpr std::optional<PlanProblemKind> plan_problem_kind_named(std::string_view name) {
  if (name == "memory") return PlanProblemKind::kMemory;
  if (name == "limit") return PlanProblemKind::kLimit;
  if (name == "disk") return PlanProblemKind::kDisk;
  if (name == "gpu-memory") return PlanProblemKind::kGpuMemory;
  return std::nullopt;
}

struct PlanProblem {
  // What there is too little of.
  PlanProblemKind kind = {};
  // True: it cannot end well. False: it may, slowly, or once something else has ended.
  bool blocks = {};
  // One sentence for a person, with both figures.
  std::string message = {};
  // What to change.
  std::string hint = {};
};

struct CalibrationPlanResult {
  // What the job takes of the memory at its peak. [>= 0]
  std::int64_t memory_bytes = {};
  // Kept activations of all samples: in memory, or in a scratch file. [>= 0]
  std::int64_t activation_bytes = {};
  // True when they find no room in the memory that they may take.
  bool activations_on_disk = {};
  // Pages of files on top of that at the peak, which the system takes back where memory is short. [>= 0]
  std::int64_t mapped_bytes = {};
  // Memory of the machine that was free when asked; 0 when unknown. [>= 0]
  std::int64_t free_memory_bytes = {};
  // What the job takes of the memory of the GPU, where one computes. [>= 0]
  std::optional<std::int64_t> gpu_memory_bytes = {};
  // Most that is on the disk at once: journal, scratch file, and the result. [>= 0]
  std::int64_t disk_bytes = {};
  // Of the finished calibration. [>= 0]
  std::int64_t result_bytes = {};
  // Free where it would be made. [>= 0]
  std::int64_t free_disk_bytes = {};
  // Predicted from the speed of this machine, measured when asked; absent for a GPU. [>= 0]
  std::optional<double> duration_ms = {};
  // Why it does not fit; empty when it does.
  std::vector<PlanProblem> problems = {};
};

struct MatrixWeightsParams {
  // Folder of a dense checkpoint.
  std::string checkpoint = {};
  // Folder of a calibration of the same checkpoint.
  std::string calibration = {};
  // Tensor name of the matrix, with ".weight".
  std::string tensor = {};
};

struct MatrixEntry {
  // Output channel, from 0. [>= 0]
  std::int64_t row = {};
  // In-feature, from 0. [>= 0]
  std::int64_t col = {};
  // The weight.
  double value = {};
  // Its F, nats² per squared weight. [>= 0]
  double sensitivity = {};
};

struct MatrixWeightsResult {
  // N, output channels. [>= 1]
  std::int64_t rows = {};
  // K, in-features. [>= 1]
  std::int64_t cols = {};
  // Smallest weight.
  double min = {};
  // Largest weight.
  double max = {};
  // Mean of the weights.
  double mean = {};
  // Standard deviation of the weights. [>= 0]
  double deviation = {};
  // How many weights lie in each of equally wide bins from min to max; the last bin holds max too.
  std::vector<std::int64_t> histogram = {};
  // Sum of F over the matrix, nats² per squared weight. [>= 0]
  double sensitivity_sum = {};
  // Largest F. [>= 0]
  double sensitivity_max = {};
  // Sum of F of each output channel, N numbers as little-endian fp32 in base64.
  std::string of_rows = {};
  // Sum of F of each in-feature, K numbers as little-endian fp32 in base64.
  std::string of_cols = {};
  // The weights of the largest magnitude, at most 8, largest first.
  std::vector<MatrixEntry> largest = {};
  // The weights of the largest F, at most 8, largest first.
  std::vector<MatrixEntry> most_sensitive = {};
};

struct MatrixChannelParams {
  // Folder of a dense checkpoint.
  std::string checkpoint = {};
  // Folder of a calibration of the same checkpoint.
  std::string calibration = {};
  // Tensor name of the matrix, with ".weight".
  std::string tensor = {};
  // Output channel, from 0. [>= 0]
  std::int64_t channel = {};
};

struct ChannelCodebook {
  // Bits of an index. [2, 8]
  std::int64_t bits = {};
  // The codebook as it is stored, fp16, ascending.
  std::vector<double> entries = {};
  // Sum of F·(w − c)² over the channel, nothing kept exactly. [>= 0]
  double objective = {};
  // ‖w − c‖ / ‖w‖ over the channel. [>= 0]
  double relative_error = {};
};

struct MatrixChannelResult {
  // Output channel, from 0. [>= 0]
  std::int64_t channel = {};
  // The weights of the channel, K numbers as little-endian fp32 in base64.
  std::string weights = {};
  // F of each of them, K numbers as little-endian fp32 in base64.
  std::string sensitivities = {};
  // 2 to 8 bits: optimal for F (equal weights where all F are 0), by one dynamic program.
  std::vector<ChannelCodebook> codebooks = {};
};

struct MatrixOutliersParams {
  // Folder of a dense checkpoint.
  std::string checkpoint = {};
  // Folder of a calibration of the same checkpoint.
  std::string calibration = {};
  // Tensor name of the matrix, with ".weight".
  std::string tensor = {};
  // Fraction of the weights of the model kept exactly. [0, 0.2]
  double sparsity = {};
};

struct WidthCost {
  // Bits of an index. [2, 8]
  std::int64_t bits = {};
  // Sum of F·(w − c)² over the clustered rows, nothing kept exactly. [>= 0]
  double objective = {};
  // Fraction of that objective that falls to the weights of the rule. [0, 1]
  double kept_share = {};
  // ‖w − c‖ / ‖w‖ over the clustered rows, nothing kept exactly. [>= 0]
  double relative_error = {};
  // How many entries of the codebooks lie in each of equally wide bins from low to high.
  std::vector<std::int64_t> spread = {};
};

struct MatrixOutliersResult {
  // As asked for. [0, 0.2]
  double sparsity = {};
  // r of the quartile rule, one for the model; absent where the sensitive ones are the whole share. [>= 0]
  std::optional<double> range = {};
  // r was found from one row of so many in each matrix; 1 is all of them. [>= 1]
  std::int64_t range_row_step = {};
  // Rows of the matrix that the counts and the fences are from. [>= 1]
  std::int64_t rows_read = {};
  // Weights at or below are outliers: −T; absent where r is.
  std::optional<double> fence_low = {};
  // Weights at or above are outliers: T; absent where r is.
  std::optional<double> fence_high = {};
  // Weights kept for their F, in the rows read. [>= 0]
  std::int64_t sensitive = {};
  // Weights kept for being beyond a fence, besides those, in the rows read. [>= 0]
  std::int64_t beyond = {};
  // Rows whose codebooks the costs below are from. [>= 1]
  std::int64_t rows_clustered = {};
  // Where the bins of the spreads begin.
  double low = {};
  // Where they end.
  double high = {};
  // 2 to 8 bits.
  std::vector<WidthCost> widths = {};
};

// The weights, or F.
enum class MatrixTileParamsShow { kWeight, kSensitivity };

constexpr std::string_view name_of(MatrixTileParamsShow value) {
  switch (value) {
    case MatrixTileParamsShow::kWeight: return "weight";
    case MatrixTileParamsShow::kSensitivity: return "sensitivity";
  }
  return {};
}

constexpr std::optional<MatrixTileParamsShow> matrix_tile_params_show_named(std::string_view name) {
  if (name == "weight") return MatrixTileParamsShow::kWeight;
  if (name == "sensitivity") return MatrixTileParamsShow::kSensitivity;
  return std::nullopt;
}

// What a cell shows of its block: the mean, or the entry of the largest magnitude with its sign.
enum class MatrixTileParamsPool { kMean, kExtreme };

constexpr std::string_view name_of(MatrixTileParamsPool value) {
  switch (value) {
    case MatrixTileParamsPool::kMean: return "mean";
    case MatrixTileParamsPool::kExtreme: return "extreme";
  }
  return {};
}

constexpr std::optional<MatrixTileParamsPool> matrix_tile_params_pool_named(std::string_view name) {
  if (name == "mean") return MatrixTileParamsPool::kMean;
  if (name == "extreme") return MatrixTileParamsPool::kExtreme;
  return std::nullopt;
}

struct MatrixTileParams {
  // Folder of a dense checkpoint.
  std::string checkpoint = {};
  // Folder of a calibration of the same checkpoint.
  std::string calibration = {};
  // Tensor name of the matrix, with ".weight".
  std::string tensor = {};
  // The weights, or F.
  MatrixTileParamsShow show = {};
  // What a cell shows of its block: the mean, or the entry of the largest magnitude with its sign.
  MatrixTileParamsPool pool = {};
  // First row of the part. [>= 0]
  std::int64_t row = {};
  // First column of the part. [>= 0]
  std::int64_t col = {};
  // Rows of the part. [>= 1]
  std::int64_t rows = {};
  // Columns of the part. [>= 1]
  std::int64_t cols = {};
  // Cells down; no more than rows. [1, 512]
  std::int64_t height = {};
  // Cells across; no more than cols. [1, 1024]
  std::int64_t width = {};
};

struct MatrixTileResult {
  // Cells down. [>= 1]
  std::int64_t height = {};
  // Cells across. [>= 1]
  std::int64_t width = {};
  // Row after row, bfloat16, little-endian, in base64. Cell (y, x) stands for the rows from ⌊y·rows/height⌋ up to
  // ⌊(y+1)·rows/height⌋, columns likewise.
  std::string cells = {};
};

struct CalibrationStartParams {
  // Folder of a dense checkpoint.
  std::string checkpoint = {};
  // safetensors file with "tokens", int32 [samples, length].
  std::string tokens = {};
  // sample: squares of a sequence gradient (SqueezeLLM); token: sum over tokens of squared per-token gradients.
  Estimator estimator = {};
  // Of the factors of products with weights, whose sums are fp32 either way. bf16 is refused where the processor does
  // not multiply it itself.
  Precision precision = {};
  // Folder to make; an unfinished one of the same inputs beside it is taken up again.
  std::string out = {};
  // "cpu" or "cuda:<index>".
  std::string device = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
  // Memory that the job may take. Activations that find no room in it go to a scratch file, and a limit below what
  // everything else needs is refused. 0: activations may take half of the free memory. [>= 0]
  std::int64_t memory_limit_bytes = {};
};

// The job runs; watch job.progressed and job.ended.
struct JobStarted {
  // Job number, unique within one sidecar process. [>= 1]
  std::int64_t job_id = {};
};

struct QuantizationStartParams {
  // Folder of a dense checkpoint.
  std::string checkpoint = {};
  // Folder of a calibration of the same checkpoint; needed when weighting is "fisher".
  std::optional<std::string> calibration = {};
  // safetensors file with "tokens", int32 [samples, length]; needed when the recipe refines without a calibration.
  std::optional<std::string> tokens = {};
  Recipe recipe = {};
  // Folder to make; an unfinished one of the same inputs beside it is taken up again.
  std::string out = {};
  // "cpu" or "cuda:<index>".
  std::string device = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
};

struct EvaluationStartParams {
  // Folder of a checkpoint or of a result.
  std::string model = {};
  // Folder of the model to compare with, usually the checkpoint at full precision.
  std::optional<std::string> against = {};
  // safetensors file with "tokens", int32 [windows, length]; every token but the first is predicted.
  std::string tokens = {};
  // Of the factors of products with weights, whose sums are fp32 either way. bf16 is refused where the processor does
  // not multiply it itself.
  Precision precision = {};
  // "cpu" or "cuda:<index>".
  std::string device = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
  // Memory that hidden states kept from layer to layer may take, on the processor; absent: a usual amount. [>= 0]
  std::optional<std::int64_t> memory_limit_bytes = {};
};

struct ErrorsStartParams {
  // Folder of a dense checkpoint.
  std::string checkpoint = {};
  // Folder of a calibration of the same checkpoint.
  std::string calibration = {};
  // Widths of an index to tabulate. [1..7 items]
  std::vector<std::int64_t> bits = {};
  // Fractions of the weights kept exactly. [1..64 items]
  std::vector<double> sparsities = {};
  // How the kept weights are chosen: sensitive ones and a quartile fence, or by what they save.
  RecipeOutliers outliers = {};
  // Tensor names of matrices that are tabulated already. [0..1000000 items]
  std::vector<std::string> skip = {};
  // Rows of a matrix to cluster at most; of one that has more, errors are estimated. Absent: all. [>= 1]
  std::optional<std::int64_t> rows = {};
  // "cpu" or "cuda:<index>".
  std::string device = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
};

struct SweepStartParams {
  // Folder of a dense checkpoint.
  std::string checkpoint = {};
  // Folder of a calibration of the same checkpoint; needed when a weighting is "fisher".
  std::optional<std::string> calibration = {};
  // safetensors file with "tokens", int32 [windows, length]; every token but the first is predicted.
  std::string tokens = {};
  // One for each point. [1..256 items]
  std::vector<Recipe> recipes = {};
  // Of the factors of products with weights, whose sums are fp32 either way. bf16 is refused where the processor does
  // not multiply it itself.
  Precision precision = {};
  // "cpu" or "cuda:<index>".
  std::string device = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
  // Memory that hidden states kept from layer to layer may take, on the processor; absent: a usual amount. [>= 0]
  std::optional<std::int64_t> memory_limit_bytes = {};
};

// Dense Hugging Face checkpoint at 16 bits, or the public SqueezeLLM layout as safetensors.
enum class ExportFormat { kHfFp16, kHfBf16, kSqueezellm };

constexpr std::string_view name_of(ExportFormat value) {
  switch (value) {
    case ExportFormat::kHfFp16: return "hf-fp16";
    case ExportFormat::kHfBf16: return "hf-bf16";
    case ExportFormat::kSqueezellm: return "squeezellm";
  }
  return {};
}

constexpr std::optional<ExportFormat> export_format_named(std::string_view name) {
  if (name == "hf-fp16") return ExportFormat::kHfFp16;
  if (name == "hf-bf16") return ExportFormat::kHfBf16;
  if (name == "squeezellm") return ExportFormat::kSqueezellm;
  return std::nullopt;
}

struct ExportStartParams {
  // Folder of a result.
  std::string model = {};
  // Dense Hugging Face checkpoint at 16 bits, or the public SqueezeLLM layout as safetensors.
  ExportFormat format = {};
  // Folder to make.
  std::string out = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
};

struct ModelLoadParams {
  // Folder of a checkpoint or of a result.
  std::string path = {};
  // "cpu" or "cuda:<index>".
  std::string device = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
  // Tokens the cache holds; 0 means the model limit, at most 4096. [>= 0]
  std::int64_t context_length = {};
};

struct ModelLoadResult {
  // Number of a loaded model, unique within one sidecar process. [>= 1]
  std::int64_t model_id = {};
  // Tokens the cache holds. [>= 1]
  std::int64_t context_length = {};
  // Weights and cache, bytes. [>= 0]
  std::int64_t memory_bytes = {};
};

struct ModelUnloadParams {
  // Number of a loaded model, unique within one sidecar process. [>= 1]
  std::int64_t model_id = {};
};

struct ModelUnloadResult {
  // False when there was no such model.
  bool found = {};
};

struct Sampling {
  // 0 is greedy. [0, 10]
  double temperature = {};
  // Keep the k likeliest tokens; 0 keeps all. [>= 0]
  std::int64_t top_k = {};
  // Keep the likeliest tokens up to this mass; 1 keeps all. [0, 1]
  double top_p = {};
  // Drop tokens below this share of the likeliest; 0 drops none. [0, 1]
  double min_p = {};
  // Divides positive logits of seen tokens; 1 is off. [0.1, 10]
  double repetition_penalty = {};
  // Seed of the sampler; the same seed gives the same tokens. [>= 0]
  std::int64_t seed = {};
};

struct GenerationStartParams {
  // Number of a loaded model, unique within one sidecar process. [>= 1]
  std::int64_t model_id = {};
  // Token ids. [1..1048576 items]
  std::vector<std::int64_t> prompt = {};
  // Most tokens to produce. [>= 1]
  std::int64_t max_tokens = {};
  // Tokens that end the text; they are not reported.
  std::vector<std::int64_t> stop_tokens = {};
  Sampling sampling = {};
};

struct DivergenceStartParams {
  // Number of a loaded model, unique within one sidecar process. [>= 1]
  std::int64_t model_id = {};
  // Number of the loaded model to compare with; it may be the same one. [>= 1]
  std::int64_t reference_id = {};
  // Token ids before the answer. [1..1048576 items]
  std::vector<std::int64_t> prompt = {};
  // Token ids of the answer. [1..1048576 items]
  std::vector<std::int64_t> answer = {};
};

// Sizes of a Llama with a head of its own.
struct ModelShape {
  // Width of the residual stream; heads divide it into even parts. [2, 65536]
  std::int64_t hidden = {};
  // L, decoder layers. [1, 1024]
  std::int64_t layers = {};
  // Width inside the MLP. [1, 65536]
  std::int64_t intermediate = {};
  // Query heads. [1, 1024]
  std::int64_t heads = {};
  // Key and value heads; divides heads. [1, 1024]
  std::int64_t kv_heads = {};
  // V, rows of embedding and head. [2, 1048576]
  std::int64_t vocabulary = {};
  // Longest sequence that the config tells of, tokens. [1, 1048576]
  std::int64_t context = {};
};

// Dense at 16 bits, or a codebook per output channel.
enum class StoredType { kF16, kBf16, kLut };

constexpr std::string_view name_of(StoredType value) {
  switch (value) {
    case StoredType::kF16: return "f16";
    case StoredType::kBf16: return "bf16";
    case StoredType::kLut: return "lut";
  }
  return {};
}

constexpr std::optional<StoredType> stored_type_named(std::string_view name) {
  if (name == "f16") return StoredType::kF16;
  if (name == "bf16") return StoredType::kBf16;
  if (name == "lut") return StoredType::kLut;
  return std::nullopt;
}

// How the weights of a matrix are stored.
struct StoredLayout {
  // Dense at 16 bits, or a codebook per output channel.
  StoredType type = {};
  // Bits of an index; present exactly when type is "lut". [2, 8]
  std::optional<std::int64_t> bits = {};
  // Share of the weights kept beside the codebook, 0..0.2; 0 when dense. [0, 0.2]
  double sparsity = {};
};

struct SynthesisStartParams {
  // Sizes of a Llama with a head of its own.
  ModelShape shape = {};
  // Layout of the matrices in the layers.
  StoredLayout weights = {};
  // Layout of the head. The embedding is F16.
  StoredLayout head = {};
  // The same seed gives the same weights. [>= 0]
  std::int64_t seed = {};
  // Folder to make.
  std::string out = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
};

// Instructions of the products with few tokens; auto takes the widest that the processor has.
enum class Simd { kAuto, kAvx512, kAvx2, kPortable };

constexpr std::string_view name_of(Simd value) {
  switch (value) {
    case Simd::kAuto: return "auto";
    case Simd::kAvx512: return "avx512";
    case Simd::kAvx2: return "avx2";
    case Simd::kPortable: return "portable";
  }
  return {};
}

constexpr std::optional<Simd> simd_named(std::string_view name) {
  if (name == "auto") return Simd::kAuto;
  if (name == "avx512") return Simd::kAvx512;
  if (name == "avx2") return Simd::kAvx2;
  if (name == "portable") return Simd::kPortable;
  return std::nullopt;
}

// Codebooks and inputs rounded to 13 bits and a sign and added up exactly, or in fp32.
enum class Arithmetic { kInt16, kFp32 };

constexpr std::string_view name_of(Arithmetic value) {
  switch (value) {
    case Arithmetic::kInt16: return "int16";
    case Arithmetic::kFp32: return "fp32";
  }
  return {};
}

constexpr std::optional<Arithmetic> arithmetic_named(std::string_view name) {
  if (name == "int16") return Arithmetic::kInt16;
  if (name == "fp32") return Arithmetic::kFp32;
  return std::nullopt;
}

struct BenchmarkStartParams {
  // Folders of checkpoints or results. [1..16 items]
  std::vector<std::string> models = {};
  // Tokens of the prompt whose reading is timed. [1, 1048576]
  std::int64_t prompt_tokens = {};
  // Tokens generated; the time begins at the first. [2, 1048576]
  std::int64_t generate_tokens = {};
  // Tokens that the cache holds when generation begins, one measurement each; none: promptTokens alone. [0..16 items]
  std::vector<std::int64_t> contexts = {};
  // Times that everything is measured, after a warm-up. [1, 1000]
  std::int64_t rounds = {};
  // Instructions of the products with few tokens; auto takes the widest that the processor has.
  Simd simd = {};
  // Codebooks and inputs rounded to 13 bits and a sign and added up exactly, or in fp32.
  Arithmetic arithmetic = {};
  // "cpu" or "cuda:<index>".
  std::string device = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
};

struct MatrixShape {
  // N, output channels. [1, 1048576]
  std::int64_t rows = {};
  // K, in-features. [1, 65536]
  std::int64_t cols = {};
};

struct BenchmarkKernelsParams {
  // Sizes of the matrix. [1..64 items]
  std::vector<MatrixShape> shapes = {};
  // Layouts of the matrix. [1..64 items]
  std::vector<StoredLayout> layouts = {};
  // Tokens multiplied at once. [1..32 items]
  std::vector<std::int64_t> tokens = {};
  // Times that everything is measured, after a warm-up. [1, 1000]
  std::int64_t rounds = {};
  // Instructions of the products with few tokens; auto takes the widest that the processor has.
  Simd simd = {};
  // Codebooks and inputs rounded to 13 bits and a sign and added up exactly, or in fp32.
  Arithmetic arithmetic = {};
  // "cpu" or "cuda:<index>".
  std::string device = {};
  // Worker threads; 0 means one per physical core. [0, 1024]
  std::int64_t threads = {};
};

struct JobCancelParams {
  // Job number, unique within one sidecar process. [>= 1]
  std::int64_t job_id = {};
};

struct JobCancelResult {
  // True when the job was still running.
  bool found = {};
};

struct JobProgressed {
  // Job number, unique within one sidecar process. [>= 1]
  std::int64_t job_id = {};
  // Counts up from 0 within the job. [>= 0]
  std::int64_t seq = {};
  // Name of the stage, in words a person reads: "Reading layers".
  std::string stage = {};
  // Share of the whole job that is done, 0..1. [0, 1]
  double fraction = {};
  // Work per second of the current stage, in rateUnit. [>= 0]
  std::optional<double> rate = {};
  // Unit of rate, such as "tokens/s" or "weights/s".
  std::optional<std::string> rate_unit = {};
  // Estimate of the time left for the whole job, milliseconds. [>= 0]
  std::optional<double> remaining_ms = {};
  // What is being worked on, such as a tensor name.
  std::optional<std::string> detail = {};
};

// How the job ended.
enum class JobEndedOutcome { kDone, kFailed, kCancelled };

constexpr std::string_view name_of(JobEndedOutcome value) {
  switch (value) {
    case JobEndedOutcome::kDone: return "done";
    case JobEndedOutcome::kFailed: return "failed";
    case JobEndedOutcome::kCancelled: return "cancelled";
  }
  return {};
}

constexpr std::optional<JobEndedOutcome> job_ended_outcome_named(std::string_view name) {
  if (name == "done") return JobEndedOutcome::kDone;
  if (name == "failed") return JobEndedOutcome::kFailed;
  if (name == "cancelled") return JobEndedOutcome::kCancelled;
  return std::nullopt;
}

struct MatrixSensitivity {
  // Tensor name of the matrix.
  std::string name = {};
  // Zero-based decoder layer. [>= 0]
  std::int64_t layer = {};
  // Place in the layer: q, k, v, o, gate, up, down, fc1, fc2.
  std::string role = {};
  // N, output channels. [>= 1]
  std::int64_t rows = {};
  // K, in-features. [>= 1]
  std::int64_t cols = {};
  // Sum of F over the matrix, squared loss units per squared weight unit. [>= 0]
  double sum = {};
  // Largest F in the matrix. [>= 0]
  double max = {};
  // Sum of F·w² over the matrix: what zeroing it would cost, to second order, times two. [>= 0]
  double weighted = {};
};

struct CalibrationResult {
  static constexpr std::string_view kind = "calibration";
  // Folder with calibration.json, fisher.safetensors and tokens.safetensors.
  std::string out = {};
  // Names this calibration: checkpoint, tokens, estimator, precision.
  std::string fingerprint = {};
  // Fingerprint of the checkpoint it was made for.
  std::string checkpoint_fingerprint = {};
  // sample: squares of a sequence gradient (SqueezeLLM); token: sum over tokens of squared per-token gradients.
  Estimator estimator = {};
  // Of the factors of products with weights, whose sums are fp32 either way. bf16 is refused where the processor does
  // not multiply it itself.
  Precision precision = {};
  // Sequences read. [>= 1]
  std::int64_t samples = {};
  // Tokens in each sequence. [>= 2]
  std::int64_t length = {};
  // Mean negative log-likelihood per predicted token, nats.
  double loss = {};
  // One entry for each matrix, in the order of the checkpoint.
  std::vector<MatrixSensitivity> matrices = {};
  // Bytes of the folder. [>= 0]
  std::int64_t size_bytes = {};
  // Peak resident memory of the sidecar. [>= 0]
  std::int64_t peak_memory_bytes = {};
  // Milliseconds of wall-clock time. [>= 0]
  double duration_ms = {};
};

struct MatrixOutcome {
  // Tensor name of the matrix.
  std::string name = {};
  // Zero-based decoder layer. [>= 0]
  std::int64_t layer = {};
  // Place in the layer: q, k, v, o, gate, up, down, fc1, fc2.
  std::string role = {};
  // Bits of an index; 16 when the matrix was kept. [2, 16]
  std::int64_t bits = {};
  // Weights kept exactly. [>= 0]
  std::int64_t sparse_count = {};
  // All stored bits of the matrix over its weights. [>= 0]
  double bits_per_weight = {};
  // Sum of F·(w − ŵ)² over the matrix; with weighting "none", sum of (w − ŵ)². [>= 0]
  double objective = {};
  // ‖w − ŵ‖ / ‖w‖ over the matrix. [>= 0]
  double relative_error = {};
};

struct OutsideOutcome {
  // Tensor name of the matrix.
  std::string name = {};
  // True for the embedding.
  bool embedding = {};
  // True for the head.
  bool head = {};
  // Bits of a value. [4, 8]
  std::int64_t bits = {};
  // All stored bits of the matrix over its weights. [>= 0]
  double bits_per_weight = {};
  // All stored bytes of the matrix. [>= 0]
  std::int64_t size_bytes = {};
  // ‖w − ŵ‖ / ‖w‖ over the matrix. [>= 0]
  double relative_error = {};
};

struct Refinement {
  // Steps that were made. [>= 1]
  std::int64_t steps = {};
  // The step that is kept; 0 when none was better than the codebooks as clustered. [>= 0]
  std::int64_t best_step = {};
  // Sequences that it learnt from. [>= 1]
  std::int64_t samples = {};
  // Sequences of the same text that it was judged by. [>= 1]
  std::int64_t held_out = {};
  // Mean KL divergence from the checkpoint on those before, nats per token. [>= 0]
  double before = {};
  // The same of the step that is kept. [>= 0]
  double after = {};
};

struct QuantizationResult {
  static constexpr std::string_view kind = "quantization";
  // Folder of the result, in Hugging Face layout.
  std::string out = {};
  // Fingerprint of the result.
  std::string fingerprint = {};
  // Fingerprint of the checkpoint.
  std::string checkpoint_fingerprint = {};
  // Fingerprint of the calibration, where one was used.
  std::optional<std::string> calibration_fingerprint = {};
  Recipe recipe = {};
  // Stored bits of the matrices over their weights; embedding and head apart. [>= 0]
  double bits_per_weight = {};
  // Bytes of the weight files of the result. [>= 0]
  std::int64_t size_bytes = {};
  // Bytes of the weight files of the checkpoint. [>= 0]
  std::int64_t checkpoint_size_bytes = {};
  // Bytes that the checkpoint takes with every parameter at 16 bits. [>= 0]
  std::int64_t fp16_size_bytes = {};
  // Sum over the matrices. [>= 0]
  double objective = {};
  // One entry for each matrix, in the order of the checkpoint.
  std::vector<MatrixOutcome> matrices = {};
  // Embedding and head, where the recipe squeezes them.
  std::optional<std::vector<OutsideOutcome>> outside = {};
  // Where the recipe refines.
  std::optional<Refinement> refinement = {};
  // Matrices taken over from an interrupted run. [>= 0]
  std::int64_t resumed_matrices = {};
  // Peak resident memory of the sidecar. [>= 0]
  std::int64_t peak_memory_bytes = {};
  // Milliseconds of wall-clock time. [>= 0]
  double duration_ms = {};
};

struct Divergence {
  // Mean over predicted tokens of KL(against ‖ model), nats.
  double kl_mean = {};
  // Fraction of predicted tokens where both models put the same token first. [0, 1]
  double top1_agreement = {};
  // Perplexity of the model compared with; absent when it diverged.
  std::optional<double> against_perplexity = {};
};

struct EvaluationResult {
  static constexpr std::string_view kind = "evaluation";
  // True when the loss is not finite; perplexity and meanNll are then absent.
  bool diverged = {};
  // Exponent of meanNll.
  std::optional<double> perplexity = {};
  // Mean negative log-likelihood per predicted token, nats.
  std::optional<double> mean_nll = {};
  // Predicted tokens. [>= 0]
  std::int64_t tokens = {};
  // Windows read. [>= 0]
  std::int64_t windows = {};
  // Tokens in a window. [>= 2]
  std::int64_t window_length = {};
  // Of the factors of products with weights, whose sums are fp32 either way. bf16 is refused where the processor does
  // not multiply it itself.
  Precision precision = {};
  // Present when "against" was given.
  std::optional<Divergence> divergence = {};
  // Peak resident memory of the sidecar. [>= 0]
  std::int64_t peak_memory_bytes = {};
  // Milliseconds of wall-clock time. [>= 0]
  double duration_ms = {};
};

struct ErrorsResult {
  static constexpr std::string_view kind = "errors";
  // Fingerprint of the checkpoint.
  std::string checkpoint_fingerprint = {};
  // Fingerprint of the calibration.
  std::string calibration_fingerprint = {};
  // Matrices reported by this job. [>= 0]
  std::int64_t matrices = {};
  // Peak resident memory of the sidecar. [>= 0]
  std::int64_t peak_memory_bytes = {};
  // Milliseconds of wall-clock time. [>= 0]
  double duration_ms = {};
};

struct SweepPoint {
  // Stored bits of the matrices over their weights. [>= 0]
  double bits_per_weight = {};
  // Bytes that the weight files of a result of this recipe would take, headers apart. [>= 0]
  std::int64_t size_bytes = {};
  // Sum of F·(w − ŵ)² over all matrices. [>= 0]
  double objective = {};
  // True when the loss is not finite; the figures below are then absent.
  bool diverged = {};
  // Exponent of meanNll.
  std::optional<double> perplexity = {};
  // Mean negative log-likelihood per predicted token, nats.
  std::optional<double> mean_nll = {};
  // Mean over predicted tokens of KL(checkpoint ‖ point), nats.
  std::optional<double> kl_mean = {};
  // Fraction of tokens where both put the same one first. [0, 1]
  std::optional<double> top1_agreement = {};
};

struct SweepResult {
  static constexpr std::string_view kind = "sweep";
  // One for each recipe, in their order.
  std::vector<SweepPoint> points = {};
  // Of the checkpoint itself, nats; absent when it is not finite.
  std::optional<double> mean_nll = {};
  // Predicted tokens. [>= 0]
  std::int64_t tokens = {};
  // Windows read. [>= 0]
  std::int64_t windows = {};
  // Tokens in a window. [>= 2]
  std::int64_t window_length = {};
  // Of the factors of products with weights, whose sums are fp32 either way. bf16 is refused where the processor does
  // not multiply it itself.
  Precision precision = {};
  // Peak resident memory of the sidecar. [>= 0]
  std::int64_t peak_memory_bytes = {};
  // Milliseconds of wall-clock time. [>= 0]
  double duration_ms = {};
};

// Why it ended.
enum class GenerationResultStopReason { kLength, kStopToken, kContextFull };

constexpr std::string_view name_of(GenerationResultStopReason value) {
  switch (value) {
    case GenerationResultStopReason::kLength: return "length";
    case GenerationResultStopReason::kStopToken: return "stop-token";
    case GenerationResultStopReason::kContextFull: return "context-full";
  }
  return {};
}

constexpr std::optional<GenerationResultStopReason> generation_result_stop_reason_named(std::string_view name) {
  if (name == "length") return GenerationResultStopReason::kLength;
  if (name == "stop-token") return GenerationResultStopReason::kStopToken;
  if (name == "context-full") return GenerationResultStopReason::kContextFull;
  return std::nullopt;
}

struct GenerationResult {
  static constexpr std::string_view kind = "generation";
  // Tokens of the prompt. [>= 0]
  std::int64_t prompt_tokens = {};
  // Of these, taken from the cache. [>= 0]
  std::int64_t reused_tokens = {};
  // Tokens produced. [>= 0]
  std::int64_t generated_tokens = {};
  // Why it ended.
  GenerationResultStopReason stop_reason = {};
  // Time for the prompt, milliseconds: the wait for the first token. [>= 0]
  double prompt_ms = {};
  // Time for the tokens after the first, milliseconds. [>= 0]
  double generation_ms = {};
};

struct DivergenceResult {
  static constexpr std::string_view kind = "divergence";
  // KL(reference ‖ model) over the whole vocabulary, nats.
  std::vector<double> kl = {};
  // Natural log of the probability that the model gives the token.
  std::vector<double> logprobs = {};
  // Natural log of the probability that the reference gives it.
  std::vector<double> reference_logprobs = {};
  // Whether both find the same token likeliest.
  std::vector<bool> same_top = {};
  // Milliseconds of wall-clock time. [>= 0]
  double duration_ms = {};
};

struct ExportResult {
  static constexpr std::string_view kind = "export";
  // Folder made.
  std::string out = {};
  // Dense Hugging Face checkpoint at 16 bits, or the public SqueezeLLM layout as safetensors.
  ExportFormat format = {};
  // Bytes of the weight files. [>= 0]
  std::int64_t size_bytes = {};
  // Milliseconds of wall-clock time. [>= 0]
  double duration_ms = {};
};

struct SynthesisResult {
  static constexpr std::string_view kind = "synthesis";
  // Folder made, in Hugging Face layout; without a tokenizer.
  std::string out = {};
  // Count of parameters. [>= 0]
  std::int64_t parameters = {};
  // Bytes of the weight files. [>= 0]
  std::int64_t size_bytes = {};
  // Milliseconds of wall-clock time. [>= 0]
  double duration_ms = {};
};

// One quantity, measured once a round.
struct Spread {
  // Middle of the rounds.
  double median = {};
  // Smallest.
  double min = {};
  // Largest.
  double max = {};
};

struct GenerationSpeed {
  // Tokens in the cache when generation began. [>= 1]
  std::int64_t context = {};
  // Tokens after the first, per second.
  Spread tokens_per_second = {};
  // Bytes of keys and values read for a token, in the middle of the run. [>= 0]
  std::int64_t cache_bytes_per_token = {};
  // Bytes of weights and cache per second over the read bandwidth of the same round, all threads; 1 is all of it.
  Spread bandwidth_share = {};
};

struct ModelSpeed {
  // Folder of the model.
  std::string path = {};
  // Layout of the matrices in the layers: "F16", "3 bits", "3 bits + 0.45%".
  std::string stored_as = {};
  // Layout of the head.
  std::string head_stored_as = {};
  // Stored bytes of matrices and head: what one token reads of the weights. [>= 0]
  std::int64_t weight_bytes_per_token = {};
  // Bytes of keys and values of one token in the cache. [>= 0]
  std::int64_t cache_bytes_per_position = {};
  // Weights and cache of the loaded model, on a GPU with its scratch memory. [>= 0]
  std::int64_t memory_bytes = {};
  // Tokens of the prompt over the wait for the first token.
  Spread prompt_tokens_per_second = {};
  // Wait for the first token after a prompt of promptTokens, milliseconds.
  Spread first_token_ms = {};
  // One entry for each context, shortest first. [1..any number of items]
  std::vector<GenerationSpeed> generation = {};
};

// Reading the memory of what computed from one end to the other, out of cache, between the rounds.
struct ReadBandwidth {
  // Threads that the benchmark ran on; 1 where a GPU computed: it hands over the work. [>= 1]
  std::int64_t threads = {};
  // GB/s (10⁹ bytes) of all of these threads together, or of the whole GPU.
  Spread all_threads = {};
  // GB/s of one thread alone; absent where a GPU computed.
  std::optional<Spread> one_thread = {};
};

struct BenchmarkResult {
  static constexpr std::string_view kind = "benchmark";
  // In the order asked for.
  std::vector<ModelSpeed> models = {};
  // Tokens of the prompt. [>= 1]
  std::int64_t prompt_tokens = {};
  // Tokens generated. [>= 2]
  std::int64_t generate_tokens = {};
  // Rounds measured. [>= 1]
  std::int64_t rounds = {};
  // True when all models were loaded at once and took turns; false when they were measured one by one.
  bool interleaved = {};
  // Instructions asked for, or found for "auto"; on a GPU its compute capability: "sm_90".
  std::string simd = {};
  // What was asked for; fp32 on a GPU.
  Arithmetic arithmetic = {};
  // Reading the memory of what computed from one end to the other, out of cache, between the rounds.
  ReadBandwidth read_bandwidth = {};
  // Peak resident memory of the sidecar: loaded models, mapped pages of their files, 400 MB for the bandwidth. What
  // lies on a GPU is not in it. [>= 0]
  std::int64_t peak_memory_bytes = {};
  // Milliseconds of wall-clock time. [>= 0]
  double duration_ms = {};
};

struct KernelSpeed {
  // N, output channels. [1, 1048576]
  std::int64_t rows = {};
  // K, in-features. [1, 65536]
  std::int64_t cols = {};
  // How the weights of a matrix are stored.
  StoredLayout layout = {};
  // Tokens multiplied at once. [>= 1]
  std::int64_t tokens = {};
  // Bytes of the matrix as the product reads it. [>= 0]
  std::int64_t weight_bytes = {};
  // Time of one product, milliseconds.
  Spread product_ms = {};
  // Bytes of the matrix per second, GB/s.
  Spread gigabytes_per_second = {};
  // Of the read bandwidth of the same round, all threads; 1 is all of it.
  Spread bandwidth_share = {};
  // ‖y − reference‖ / ‖reference‖, the reference in fp64 from the dequantized matrix. [>= 0]
  double relative_error = {};
};

struct KernelBenchmarkResult {
  static constexpr std::string_view kind = "kernel-benchmark";
  // Shape by shape, layout by layout, fewest tokens first.
  std::vector<KernelSpeed> kernels = {};
  // Rounds measured. [>= 1]
  std::int64_t rounds = {};
  // Instructions asked for, or found for "auto".
  std::string simd = {};
  // Codebooks and inputs rounded to 13 bits and a sign and added up exactly, or in fp32.
  Arithmetic arithmetic = {};
  // Reading the memory of what computed from one end to the other, out of cache, between the rounds.
  ReadBandwidth read_bandwidth = {};
  // Milliseconds of wall-clock time. [>= 0]
  double duration_ms = {};
};

// What a finished job gives, by kind of job.
using JobResult = std::variant<CalibrationResult, QuantizationResult, EvaluationResult, ErrorsResult, SweepResult, GenerationResult, DivergenceResult, ExportResult, SynthesisResult, BenchmarkResult, KernelBenchmarkResult>;

struct JobEnded {
  // Job number, unique within one sidecar process. [>= 1]
  std::int64_t job_id = {};
  // How the job ended.
  JobEndedOutcome outcome = {};
  // Present exactly when outcome is "done".
  std::optional<JobResult> result = {};
  // Present exactly when outcome is "failed".
  std::optional<ErrorInfo> error = {};
};

struct GenerationProduced {
  // Job number, unique within one sidecar process. [>= 1]
  std::int64_t job_id = {};
  // Index of the first token within the answer. [>= 0]
  std::int64_t seq = {};
  // Token ids.
  std::vector<std::int64_t> tokens = {};
  // Natural log of the probability of each token before sampling settings.
  std::vector<double> logprobs = {};
};

struct ErrorCell {
  // Bits of an index. [2, 8]
  std::int64_t bits = {};
  // Fraction of the weights asked to be kept exactly. [0, 0.2]
  double sparsity = {};
  // Sum of F·(w − ŵ)² over the matrix, as a result of this recipe has it or nearly so. [>= 0]
  double objective = {};
  // All stored bytes of the matrix: indices, codebooks, sparse part. [>= 0]
  std::int64_t size_bytes = {};
};

struct MatrixErrors {
  // Tensor name of the matrix.
  std::string name = {};
  // Zero-based decoder layer. [>= 0]
  std::int64_t layer = {};
  // Place in the layer: q, k, v, o, gate, up, down, fc1, fc2.
  std::string role = {};
  // Weights of the matrix. [>= 1]
  std::int64_t weights = {};
  // Bytes of the matrix in the checkpoint. [>= 0]
  std::int64_t dense_bytes = {};
  // Rows that the errors are estimated from; absent where they are of all rows and exact. [>= 1]
  std::optional<std::int64_t> clustered_rows = {};
  // One entry for each sparsity and width, in the order asked for.
  std::vector<ErrorCell> cells = {};
};

struct ErrorsMeasured {
  // Job number, unique within one sidecar process. [>= 1]
  std::int64_t job_id = {};
  MatrixErrors matrix = {};
};

struct SweepMeasured {
  // Job number, unique within one sidecar process. [>= 1]
  std::int64_t job_id = {};
  // Place of its recipe in the request. [>= 0]
  std::int64_t place = {};
  SweepPoint point = {};
  // Of the checkpoint itself, nats; absent when it is not finite.
  std::optional<double> mean_nll = {};
  // Predicted tokens. [>= 0]
  std::int64_t tokens = {};
  // Windows read. [>= 0]
  std::int64_t windows = {};
};

// What the host may ask. Each answers from the thread that calls it.
class Requests {
 public:
  virtual ~Requests() = default;
  // sidecar.hello
  virtual Result<HelloResult> sidecar_hello(const HelloParams& params) = 0;
  // checkpoint.inspect
  virtual Result<CheckpointInspectResult> checkpoint_inspect(const CheckpointInspectParams& params) = 0;
  // calibration.plan
  virtual Result<CalibrationPlanResult> calibration_plan(const CalibrationPlanParams& params) = 0;
  // matrix.weights
  virtual Result<MatrixWeightsResult> matrix_weights(const MatrixWeightsParams& params) = 0;
  // matrix.channel
  virtual Result<MatrixChannelResult> matrix_channel(const MatrixChannelParams& params) = 0;
  // matrix.outliers
  virtual Result<MatrixOutliersResult> matrix_outliers(const MatrixOutliersParams& params) = 0;
  // matrix.tile
  virtual Result<MatrixTileResult> matrix_tile(const MatrixTileParams& params) = 0;
  // calibration.start
  virtual Result<JobStarted> calibration_start(const CalibrationStartParams& params) = 0;
  // quantization.start
  virtual Result<JobStarted> quantization_start(const QuantizationStartParams& params) = 0;
  // evaluation.start
  virtual Result<JobStarted> evaluation_start(const EvaluationStartParams& params) = 0;
  // errors.start
  virtual Result<JobStarted> errors_start(const ErrorsStartParams& params) = 0;
  // sweep.start
  virtual Result<JobStarted> sweep_start(const SweepStartParams& params) = 0;
  // export.start
  virtual Result<JobStarted> export_start(const ExportStartParams& params) = 0;
  // model.load
  virtual Result<ModelLoadResult> model_load(const ModelLoadParams& params) = 0;
  // model.unload
  virtual Result<ModelUnloadResult> model_unload(const ModelUnloadParams& params) = 0;
  // generation.start
  virtual Result<JobStarted> generation_start(const GenerationStartParams& params) = 0;
  // divergence.start
  virtual Result<JobStarted> divergence_start(const DivergenceStartParams& params) = 0;
  // synthesis.start
  virtual Result<JobStarted> synthesis_start(const SynthesisStartParams& params) = 0;
  // benchmark.start
  virtual Result<JobStarted> benchmark_start(const BenchmarkStartParams& params) = 0;
  // benchmark.kernels
  virtual Result<JobStarted> benchmark_kernels(const BenchmarkKernelsParams& params) = 0;
  // job.cancel
  virtual Result<JobCancelResult> job_cancel(const JobCancelParams& params) = 0;
};

// What the sidecar tells the host, unasked. May be called from any thread.
class Events {
 public:
  virtual ~Events() = default;
  // job.progressed
  virtual void job_progressed(const JobProgressed& event) = 0;
  // job.ended
  virtual void job_ended(const JobEnded& event) = 0;
  // generation.produced
  virtual void generation_produced(const GenerationProduced& event) = 0;
  // errors.measured
  virtual void errors_measured(const ErrorsMeasured& event) = 0;
  // sweep.measured
  virtual void sweep_measured(const SweepMeasured& event) = 0;
};

}  // namespace squeeze::contract
