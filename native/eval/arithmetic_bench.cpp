// What the arithmetic of generating does to perplexity: the same windows token by token through the decode step, with
// codebooks and inputs in int16 and in fp32, and through fp32 matrix products.
//   arithmetic_bench FOLDER TOKENS [WINDOWS]
// TOKENS is a safetensors file with "tokens", int32 [windows, length]. The cache of keys and values is fp16 in the
// first two.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "archs/decode_step.hpp"
#include "base/threads.hpp"
#include "eval/evaluate.hpp"
#include "ops/cross_entropy/cross_entropy.hpp"

using namespace squeeze;

namespace {

Result<Matrix<std::int32_t>> read_windows(const char* path, std::int64_t most) {
  SQUEEZE_ASSIGN(const TensorStore store, TensorStore::open(path));
  SQUEEZE_ASSIGN(const TensorView tensor, store.require("tokens"));
  if (tensor.dtype != DType::kI32 || tensor.shape.size() != 2)
    return Error{.code = ErrorCode::kTensorMalformed, .message = "Tensor tokens is not int32 [windows, length]."};
  Matrix<std::int32_t> tokens(std::min(tensor.shape[0], most), tensor.shape[1]);
  std::memcpy(tokens.values.data(), tensor.bytes.data(), tokens.values.size() * sizeof(std::int32_t));
  return tokens;
}

// Mean negative log-likelihood of every token but the first of each window.
Result<double> decoded_loss(const Model& model, MatrixView<const std::int32_t> windows, const DecodePath& path) {
  SQUEEZE_ASSIGN(Decoder decoder, Decoder::make(model, windows.cols));
  decoder.pack_head(path);
  const ModelConfig& c = model.config();
  std::vector<LayerWeights> layers;
  std::vector<LayerCache> caches;
  for (std::int64_t i = 0; i < c.layers; ++i) {
    SQUEEZE_ASSIGN(LayerWeights weights, model.layer(i));
    weights.pack(path);
    layers.push_back(std::move(weights));
    caches.emplace_back(c.kv_heads, windows.cols, c.head_dim);
  }
  DecodeStep step(decoder, layers, caches);
  std::vector<float> logits(static_cast<std::size_t>(c.vocabulary));
  double sum = 0;
  for (std::int64_t w = 0; w < windows.rows; ++w)
    for (std::int64_t t = 0; t + 1 < windows.cols; ++t) {
      step.run(windows.row(w).subspan(static_cast<std::size_t>(t), 1), t, logits);
      sum += log_sum_exp(logits) - logits[windows.row(w)[t + 1]];
    }
  return sum / static_cast<double>(windows.rows * (windows.cols - 1));
}

Result<void> run(const char* folder, const char* tokens, std::int64_t most) {
  SQUEEZE_ASSIGN(const auto model, Model::open(folder));
  SQUEEZE_ASSIGN(const Matrix<std::int32_t> windows, read_windows(tokens, most));
  SQUEEZE_TRY(check_tokens(model->config(), windows.view()));
  SilentContext context;
  SQUEEZE_ASSIGN(const Evaluation products, evaluate(*model, nullptr, windows.view(), context));
  SQUEEZE_ASSIGN(const double fp32, decoded_loss(*model, windows.view(), {.int16 = false}));
  SQUEEZE_ASSIGN(const double int16, decoded_loss(*model, windows.view(), {.int16 = true}));
  std::printf(
      "{\"windows\":%ld,\"length\":%ld,\"products\":%.6f,\"decode_fp32\":%.6f,\"decode_int16\":%.6f,"
      "\"int16_percent\":%.5f,\"decode_percent\":%.5f}\n",
      static_cast<long>(windows.rows), static_cast<long>(windows.cols), std::exp(products.mean_nll), std::exp(fp32),
      std::exp(int16), 100 * std::expm1(int16 - fp32), 100 * std::expm1(int16 - products.mean_nll));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "arithmetic_bench FOLDER TOKENS [WINDOWS]\n");
    return 2;
  }
  set_thread_count(0);
  const auto done = run(argv[1], argv[2], argc > 3 ? std::strtol(argv[3], nullptr, 10) : 60);
  if (!done.ok()) std::fprintf(stderr, "arithmetic_bench: %s\n", done.error().message.c_str());
  return done.ok() ? 0 : 1;
}
