// Time of calibration on a GPU, a layer at a time, extrapolated to a model of 32 layers: layers of the shape of a 7B
// Llama with random weights in bf16, random text, products in bf16, both estimators. What is written of F is left out.
// Then one step of refinement in the same way: codebooks of 3 bits with 0.45 % of the weights kept, the gradients of
// their entries, products in fp32, the dense model its teacher. The checkpoint (0.4 GB a layer) goes to $TMPDIR for the
// time. Checks that losses and what is gathered are finite.
//   calibrate_device_bench [layers 4] [samples 100] [length 512] [hidden 4096]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>

#include "base/test_folder.hpp"
#include "calib/activation_store.hpp"
#include "calib/device_engine.hpp"
#include "device/device.hpp"
#include "formats/synthetic.hpp"

using namespace squeeze;

namespace {

constexpr std::int64_t kVocabulary = 32000, kHeadDim = 128, kExtrapolatedLayers = 32;
constexpr std::int64_t kStepTokens = 2048;  // of a step of refinement

template <typename T>
T require(Result<T> result) {
  if (result.ok()) return std::move(result).value();
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}
void require(const Result<void>& result) {
  if (result.ok()) return;
  std::fprintf(stderr, "%s\n", result.error().message.c_str());
  std::exit(1);
}

double seconds_of(const std::function<void()>& work) {
  const auto begun = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

std::int64_t free_on_device() { return require(Stream::make()).device().free_bytes; }

// All matrices take the same random values, between 2^-6 and 2^-5 in size.
std::shared_ptr<const Model> random_model(const TestFolder& folder, std::int64_t layers, std::int64_t hidden) {
  const std::int64_t intermediate = hidden * 43 / 16;
  folder.put("config.json", R"({"model_type": "llama", "num_hidden_layers": )" + std::to_string(layers) +
                                R"(, "hidden_size": )" + std::to_string(hidden) + R"(, "intermediate_size": )" +
                                std::to_string(intermediate) + R"(, "num_attention_heads": )" +
                                std::to_string(hidden / kHeadDim) + R"(, "vocab_size": )" +
                                std::to_string(kVocabulary) +
                                R"(, "max_position_embeddings": 4096, "rms_norm_eps": 1e-5, "hidden_act": "silu",
                                   "tie_word_embeddings": true})");
  std::mt19937_64 random(1);
  std::vector<std::uint64_t> bits(static_cast<std::size_t>(std::max(intermediate, kVocabulary) * hidden / 4));
  for (std::uint64_t& word : bits) word = (random() & 0x807f807f807f807f) | 0x3c803c803c803c80;
  const std::span all(reinterpret_cast<const std::uint16_t*>(bits.data()), bits.size() * 4);
  const std::vector<float> ones(static_cast<std::size_t>(hidden), 1.0f);

  std::vector<TensorSource> tensors;
  const auto matrix = [&](const std::string& name, std::int64_t rows, std::int64_t cols) {
    tensors.push_back(tensor_source<std::uint16_t>(name + ".weight", DType::kBF16, {rows, cols},
                                                   all.first(static_cast<std::size_t>(rows * cols))));
  };
  const auto norm = [&](const std::string& name) {
    tensors.push_back(tensor_source<float>(name + ".weight", DType::kF32, {hidden}, ones));
  };
  matrix("model.embed_tokens", kVocabulary, hidden);
  norm("model.norm");
  for (std::int64_t i = 0; i < layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i) + ".";
    for (const char* name : {"q_proj", "k_proj", "v_proj", "o_proj"})
      matrix(layer + "self_attn." + name, hidden, hidden);
    for (const char* name : {"gate_proj", "up_proj"}) matrix(layer + "mlp." + name, intermediate, hidden);
    matrix(layer + "mlp.down_proj", hidden, intermediate);
    norm(layer + "input_layernorm");
    norm(layer + "post_attention_layernorm");
  }
  require(write_safetensors(folder / "model.safetensors", tensors, {}));
  return require(Model::open(folder.path()));
}

Matrix<std::int32_t> random_tokens(std::int64_t samples, std::int64_t length) {
  std::mt19937 random(2);
  Matrix<std::int32_t> tokens(samples, length);
  for (std::int32_t& token : tokens.values) token = static_cast<std::int32_t>(random() % kVocabulary);
  return tokens;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// The first layer of either way takes memory and is left out where there are others.
double usual(const std::vector<double>& seconds) {
  return median({seconds.begin() + (seconds.size() > 1 ? 1 : 0), seconds.end()});
}

// The model's layers with codebooks in the place of every matrix.
std::function<Result<LayerWeights>(std::int64_t)> with_codebooks(const Model& model) {
  const SyntheticLayout layout{.type = SyntheticType::kLut, .bits = 3, .sparsity = 0.0045};
  auto made = std::make_shared<LayerWeights>(require(model.layer(0)));
  for (auto* linear : {&made->q, &made->k, &made->v, &made->o, &made->gate, &made->up, &made->down})
    *linear = require(synthetic_weight((*linear)->rows(), (*linear)->cols(), layout, 1));
  return [made](std::int64_t) -> Result<LayerWeights> { return *made; };
}

// False where something was not finite.
bool measure(const char* name, const Model& model, const Matrix<std::int32_t>& tokens, const ActivationStore& store,
             const GradientEngineOptions& options) {
  const std::int64_t layers = model.config().layers, free_before = free_on_device();
  std::int64_t least_free = free_before;
  const auto look = [&] { least_free = std::min(least_free, free_on_device()); };
  const auto engine = require(make_device_engine(model, options, 0));
  const auto on = [](std::int64_t) -> Result<void> { return {}; };
  const auto slot = [&](std::int64_t i) { return store.slot(i).rows_from(0, tokens.rows * tokens.cols); };
  const auto gradient = slot(layers + 1);

  const double embedding = seconds_of([&] { require(engine->embed(tokens.view(), slot(0))); });
  std::vector<double> forward, backward, losses(static_cast<std::size_t>(tokens.rows));
  for (std::int64_t layer = 0; layer < layers; ++layer)
    forward.push_back(seconds_of([&] {
      require(engine->load(layer, layer + 1 < layers ? layer + 1 : -1));
      require(engine->forward(slot(layer), slot(layer + 1), on));
    }));
  double looking = 0;
  const auto watch = [&](std::int64_t) -> Result<void> {
    looking += seconds_of(look);
    return {};
  };
  const double head = seconds_of([&] {
    require(options.teacher ? engine->distill(slot(layers), slot(layers), gradient, losses, watch)
                            : engine->head(tokens.view(), slot(layers), gradient, losses, watch));
  });
  double sum = 0;
  for (std::int64_t layer = layers - 1; layer >= 0; --layer) {
    backward.push_back(seconds_of([&] {
      require(engine->load(layer, layer - 1));
      const auto gathered = require(engine->backward(slot(layer), gradient, on));
      for (const auto& one : gathered) sum += static_cast<double>(one.flat()[one.flat().size() / 2]);
    }));
    look();
  }
  double loss = 0;
  for (const double value : losses) loss += value / static_cast<double>(tokens.rows * (tokens.cols - 1));
  const bool finite = std::isfinite(loss) && std::isfinite(sum);
  const double all =
      embedding + head - looking + static_cast<double>(kExtrapolatedLayers) * (usual(forward) + usual(backward));
  std::printf(
      "JSON "
      "{\"bench\":\"calibrate_device\",\"device\":\"%s\",\"gathered\":\"%s\",\"precision\":\"%s\",\"hidden\":%lld,"
      "\"samples\":%lld,\"length\":%lld,\"embedS\":%.4f,\"headS\":%.4f,\"layerForwardS\":%.4f,"
      "\"layerBackwardS\":%.4f,\"firstForwardS\":%.4f,\"firstBackwardS\":%.4f,\"of32LayersS\":%.2f,"
      "\"peakDeviceBytes\":%lld,\"loss\":%.4f,\"finite\":%s}\n",
      require(Stream::make()).device().name.c_str(), name, name_of(options.precision),
      static_cast<long long>(model.config().hidden), static_cast<long long>(tokens.rows),
      static_cast<long long>(tokens.cols), embedding, head - looking, usual(forward), usual(backward), forward.front(),
      backward.front(), all, static_cast<long long>(free_before - least_free), loss, finite ? "true" : "false");
  std::fflush(stdout);
  return finite;
}

}  // namespace

int main(int argc, char** argv) {
  const auto argument = [&](int index, std::int64_t otherwise) {
    return argc > index ? std::strtoll(argv[index], nullptr, 10) : otherwise;
  };
  const std::int64_t layers = argument(1, 4), samples = argument(2, 100), length = argument(3, 512),
                     hidden = argument(4, 4096);
  const DeviceProperties device = require(Stream::make()).device();
  std::printf("%s, driver %s, runtime %s\n", device.name.c_str(), device.driver.c_str(), device.runtime.c_str());
  const TestFolder folder;
  std::shared_ptr<const Model> model;
  std::printf("wrote the checkpoint in %.1f s\n", seconds_of([&] { model = random_model(folder, layers, hidden); }));
  const auto tokens = random_tokens(samples, length);
  const auto store = require(ActivationStore::make(layers + 2, samples * length, hidden, std::int64_t{1} << 40, {}));
  bool finite = true;
  for (const auto& [name, estimator] : {std::pair{"sample", Estimator::kSample}, std::pair{"token", Estimator::kToken}})
    finite &= measure(name, *model, tokens, store,
                      {.length = length, .precision = Precision::kBFloat16, .estimator = estimator});
  const auto step = random_tokens(std::clamp<std::int64_t>(kStepTokens / length, 1, samples), length);
  finite &= measure("entries", *model, step, store,
                    {.length = length, .layers = with_codebooks(*model), .teacher = model.get()});
  return finite ? 0 : 1;
}
