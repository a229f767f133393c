#include "jobs/synthesis_job.hpp"

#include <chrono>

#include "archs/family.hpp"
#include "archs/model.hpp"
#include "jobs/layouts.hpp"
#include "jobs/manifest.hpp"
#include "jobs/model_writer.hpp"
#include "jobs/output.hpp"

namespace squeeze {

namespace fs = std::filesystem;

namespace {

struct Layouts {
  SyntheticLayout weights, head;
};

Result<Layouts> layouts_of(const contract::SynthesisStartParams& params) {
  SQUEEZE_ASSIGN(const SyntheticLayout weights, layout_of(params.weights, "weights"));
  SQUEEZE_ASSIGN(const SyntheticLayout head, layout_of(params.head, "head"));
  return Layouts{weights, head};
}

// The tensors of a Llama, in the order in which a token passes through them.
class TensorList {
 public:
  TensorList(const contract::ModelShape& shape, std::uint64_t seed) : shape_(shape), seed_(seed) {}

  std::vector<TensorSource> all(const Layouts& layouts) {
    linear("model.embed_tokens", shape_.vocabulary, shape_.hidden, {});
    for (std::int64_t i = 0; i < shape_.layers; ++i) layer("model.layers." + std::to_string(i) + ".", layouts.weights);
    norm("model.norm");
    linear("lm_head", shape_.vocabulary, shape_.hidden, layouts.head);
    return std::move(tensors_);
  }

 private:
  void layer(const std::string& prefix, const SyntheticLayout& layout) {
    const LayerNames& names = kLlamaNames;
    const std::int64_t hidden = shape_.hidden, kv = hidden / shape_.heads * shape_.kv_heads;
    norm(prefix + names.attention_norm);
    linear(prefix + names.q, hidden, hidden, layout);
    linear(prefix + names.k, kv, hidden, layout);
    linear(prefix + names.v, kv, hidden, layout);
    linear(prefix + names.o, hidden, hidden, layout);
    norm(prefix + names.mlp_norm);
    linear(prefix + names.gate, shape_.intermediate, hidden, layout);
    linear(prefix + names.up, shape_.intermediate, hidden, layout);
    linear(prefix + names.down, hidden, shape_.intermediate, layout);
  }
  void linear(const std::string& name, std::int64_t rows, std::int64_t cols, const SyntheticLayout& layout) {
    for (TensorSource& tensor : synthetic_linear(name, rows, cols, layout, seed_++))
      tensors_.push_back(std::move(tensor));
  }
  void norm(const std::string& name) { tensors_.push_back(synthetic_norm(name, shape_.hidden, seed_++)); }

  const contract::ModelShape& shape_;
  std::uint64_t seed_;
  std::vector<TensorSource> tensors_;
};

std::int64_t parameters_of(const contract::ModelShape& s) {
  const std::int64_t kv = s.hidden / s.heads * s.kv_heads;
  const std::int64_t layer = 2 * s.hidden * (s.hidden + kv) + 3 * s.hidden * s.intermediate + 2 * s.hidden;
  return s.layers * layer + 2 * s.vocabulary * s.hidden + s.hidden;
}

Result<std::int64_t> write_folder(const contract::SynthesisStartParams& params, const Layouts& layouts,
                                  const fs::path& folder, RunContext& context) {
  SQUEEZE_TRY(make_folder(folder));
  SQUEEZE_TRY(write_synthetic_config(folder, params.shape, params.weights));
  // Every linear takes a seed of its own, so that models of neighbouring seeds must lie far apart.
  const std::uint64_t seed = static_cast<std::uint64_t>(params.seed) << 32;
  return write_model(folder, TensorList(params.shape, seed).all(layouts), context);
}

Error invalid(const std::string& field, const std::string& what) {
  return {.code = ErrorCode::kInvalidRequest, .message = "params.shape." + field + ": " + what + "."};
}

}  // namespace

Result<void> check_synthesis(const contract::SynthesisStartParams& params) {
  const contract::ModelShape& s = params.shape;
  if (s.hidden % s.heads != 0 || s.hidden / s.heads % 2 != 0)
    return invalid("heads", std::to_string(s.heads) + " heads do not divide a width of " + std::to_string(s.hidden) +
                                " into even parts");
  if (s.heads % s.kv_heads != 0)
    return invalid("kvHeads", std::to_string(s.kv_heads) + " does not divide " + std::to_string(s.heads) + " heads");
  SQUEEZE_TRY(layouts_of(params));
  return check_output(params.out);
}

Result<contract::SynthesisResult> run_synthesis(const contract::SynthesisStartParams& params, RunContext& context) {
  const auto begun = std::chrono::steady_clock::now();
  SQUEEZE_ASSIGN(const Layouts layouts, layouts_of(params));
  SQUEEZE_ASSIGN(const OutputClaim claim, OutputClaim::take(params.out));
  context.stage("Making weights", 1);
  const fs::path partial = partial_of(params.out) / "synthesis";
  std::error_code code;
  fs::remove_all(partial, code);
  const auto size_bytes = write_folder(params, layouts, partial, context);
  Result<void> published = size_bytes.ok() ? publish(partial, params.out) : Result<void>(size_bytes.error());
  fs::remove_all(partial, code);
  fs::remove(partial_of(params.out), code);  // which fails while anything is in it
  if (!published.ok()) return std::move(published).error();
  return contract::SynthesisResult{
      .out = params.out,
      .parameters = parameters_of(params.shape),
      .size_bytes = size_bytes.value(),
      .duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun).count()};
}

}  // namespace squeeze
