#pragma once
// A model's weights on a GPU, with room for the keys and values of one text.

#include <memory>
#include <optional>
#include <vector>

#include "archs/model.hpp"
#include "device/device.hpp"
#include "formats/device_weight.hpp"
#include "ops/attention/attention.hpp"
#include "ops/attention/device_cache.hpp"
#include "ops/rope/rope_cuda.hpp"

namespace squeeze {

struct DeviceLinear {
  std::unique_ptr<DeviceWeight> weight = {};  // null: the model has none
  DeviceArray<float> bias = {};               // of null data: none
  bool bfloat16 = false;                      // stored so, which fp16's range need not hold

  explicit operator bool() const { return weight != nullptr; }
};

struct DeviceNorm {
  DeviceArray<float> weight = {}, bias = {};  // the bias of null data for RMSNorm
};

struct DeviceLayer {
  DeviceLinear q = {}, k = {}, v = {}, o = {}, gate = {}, up = {}, down = {};
  DeviceNorm attention_norm = {}, mlp_norm = {};
  DeviceArray<float> q_norm = {}, k_norm = {};
  DeviceLayerCache cache;
};

// Rows to look up: whichever is not of null data.
struct DeviceTable {
  DeviceView<const Half> halves;
  DeviceView<const BFloat16> bfloats;
};

class DeviceModel {
 public:
  // Layer by layer, each let go of by the host before the next is read. kOutOfMemory, naming what is needed and what is
  // free, before anything is copied where the device has no room.
  static Result<std::unique_ptr<DeviceModel>> upload(Stream& stream, const Model& model, std::int64_t context);
  // A model put together by somebody else, layer by layer; `source` gives each layer and what stands outside them.
  struct Source;
  static Result<std::unique_ptr<DeviceModel>> upload(Stream& stream, const Source& source, std::int64_t context);

  const ModelConfig& config() const { return config_; }
  std::int64_t context() const { return context_; }
  std::int64_t size_bytes() const;  // weights and caches
  const std::vector<DeviceLayer>& layers() const { return layers_; }
  const DeviceTable& embedding() const { return table_; }
  const DeviceLinear& head() const { return head_ ? head_ : embedding_; }
  const DeviceNorm& final_norm() const { return final_norm_; }
  DeviceView<const float> positions() const { return positions_; }  // learned, from the text's first on; or null data
  const DeviceRopeTable* rope() const { return rope_ ? &*rope_ : nullptr; }

  AttentionShape attention_shape() const;
  DeviceHeadPreparation preparation(const DeviceLayer& layer) const;
  FewInput normed(const DeviceNorm& norm, DeviceView<const float> x) const;

 private:
  DeviceModel() = default;
  Result<void> take_embedding(Stream& stream, const Source& source);

  ModelConfig config_;
  std::int64_t context_ = 0;
  std::vector<DeviceLayer> layers_;
  DeviceLinear embedding_, head_;  // the head null where both are one
  DeviceTable table_;
  DeviceArray<Half> own_halves_;  // where the embedding's layout is not rows
  DeviceArray<BFloat16> own_bfloats_;
  DeviceNorm final_norm_;
  DeviceArray<float> position_rows_;
  DeviceView<const float> positions_;
  std::optional<DeviceRopeTable> rope_;
};

// The host's side of a model; each part is asked for once and then let go of.
struct DeviceModel::Source {
  ModelConfig config;
  std::function<Result<LayerWeights>(std::int64_t)> layer;
  std::shared_ptr<const LinearWeight> embedding = {}, head = {}, positions = {};  // the head null where tied
  std::vector<float> final_norm = {}, final_norm_bias = {};
  std::function<void()> let_go = [] {};  // what was read so far is on the device
};

}  // namespace squeeze
